"""People who register and log in with a password, as from several devices, through the public calls."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)


@dataclass
class Device:
    """Where somebody is logged in: the tokens of one session."""

    http: httpx.AsyncClient
    edge_url: str
    agent: str = LAPTOP
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        headers = {"User-Agent": self.agent, "Authorization": f"Bearer {self.access_token}"} | headers
        more = {} if body is None else {"json": body}
        return await self.http.request(method, f"{self.edge_url}{path}", headers=headers, **more)

    async def refresh(self) -> httpx.Response:
        """Ask for the next tokens, and keep them when they are given."""
        answer = await self.again(self.refresh_token)
        if answer.status_code == 200:
            self.take(answer)
        return answer

    async def again(self, refresh_token: str) -> httpx.Response:
        """Ask with this refresh token, and keep nothing."""
        body = {"refresh_token": refresh_token}
        return await self.http.post(
            f"{self.edge_url}/v1/auth/refresh", json=body, headers={"User-Agent": self.agent}
        )  # fmt: skip

    def take(self, answer: httpx.Response) -> "Device":
        assert answer.status_code == 200, answer.text
        self.access_token, self.refresh_token = answer.json()["access_token"], answer.json()["refresh_token"]
        return self

    async def is_in(self) -> bool:
        """Whether its access token still opens something."""
        answer = await self.ask("GET", "/v1/me")
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200


class Newcomer:
    """Somebody with an address of their own and a password."""

    def __init__(self, http: httpx.AsyncClient, edge_url: str, name: str = "Asha Rao") -> None:
        self.http, self.edge_url, self.name = http, edge_url, name
        self.email = f"newcomer-{uuid.uuid4().hex}@example.com"
        self.password = "correct horse"
        self.id = ""

    async def register(self) -> "Newcomer":
        body = {"email": self.email, "password": self.password, "name": self.name}
        answer = await self.http.post(f"{self.edge_url}/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["id"]
        return self

    async def try_to_log_in(self, password: str = "", agent: str = LAPTOP) -> httpx.Response:
        body = {"email": self.email, "password": password or self.password}
        return await self.http.post(f"{self.edge_url}/v1/auth/login", json=body, headers={"User-Agent": agent})

    async def log_in(self, agent: str = LAPTOP) -> Device:
        device = Device(self.http, self.edge_url, agent)
        return device.take(await self.try_to_log_in(agent=agent))
