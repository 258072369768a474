"""Login providers: where a visitor is sent to say who they are, and what the provider then tells us, checked.

Google speaks OpenID Connect: who it is stands in an ID token, signed by a key of its issuer, for us, with our nonce.
GitHub speaks plain OAuth: who it is, its API says.  Both get state and PKCE, and a redirect address made of the
settings' public address."""

import warnings
from typing import Any, NamedTuple, Protocol

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sagas.clock import monotonic_seconds
from store.provider_trips import Trip
from store.settings import settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it would like a successor of httpx
    from authlib.integrations.httpx_client import AsyncOAuth2Client

log = structlog.get_logger()

ANSWER_SECONDS = 5.0
#: How long a provider's configuration and keys are believed; for an unknown key they are asked for again, at most so
#: often.
BELIEVED_SECONDS = 3600.0
ASK_AGAIN_SECONDS = 30.0
CLOCK_LEEWAY_SECONDS = 30


class ProviderFailed(Exception):
    """The provider could not be asked, or what it told cannot be believed."""


class Told(NamedTuple):
    """Who somebody is, as the provider tells it; ``subject`` is its own lasting name for them."""

    subject: str
    email: str
    verified: bool
    name: str


class LoginProvider(Protocol):
    name: str
    title: str

    async def address(self, state: str, trip: Trip) -> str:
        """Where to send the visitor.  Raises ProviderFailed."""

    async def who(self, code: str, trip: Trip) -> Told:
        """Who came back with this code.  Raises ProviderFailed."""


def configured() -> dict[str, LoginProvider]:
    """The providers that the settings name, by their names."""
    return {provider.name: provider for provider in _PROVIDERS if provider.client_id()}


def _redirect_uri(name: str) -> str:
    return f"{settings().edge_url.rstrip('/')}/v1/auth/oauth/{name}/callback"


def _client(name: str, client_id: str, secret: str, scope: str) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        client_id, secret, scope=scope, redirect_uri=_redirect_uri(name), code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post", timeout=ANSWER_SECONDS, trust_env=False,
        follow_redirects=False,
    )  # fmt: skip


async def _token(client: AsyncOAuth2Client, url: str, code: str, trip: Trip) -> dict[str, Any]:
    try:
        return dict(await client.fetch_token(url, code=code, code_verifier=trip.verifier))
    except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
        raise ProviderFailed(f"no token for the code: {error!r}") from error


async def _get(client: httpx.AsyncClient, url: str) -> Any:
    try:
        answer = await client.get(url)
        answer.raise_for_status()
        return answer.json()
    except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
        raise ProviderFailed(f"{url} was not answered: {error!r}") from error


class Google:
    name, title = "google", "Google"

    def __init__(self) -> None:
        self._configuration: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._asked_at = -BELIEVED_SECONDS

    def client_id(self) -> str:
        return settings().google_client_id

    def _client(self) -> AsyncOAuth2Client:
        return _client(self.name, self.client_id(), settings().google_client_secret, "openid email profile")

    async def address(self, state: str, trip: Trip) -> str:
        await self._learn()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                self._configuration["authorization_endpoint"], state=state, nonce=trip.nonce,
                code_verifier=trip.verifier,
            )  # fmt: skip
            return str(url)

    async def who(self, code: str, trip: Trip) -> Told:
        await self._learn()
        async with self._client() as client:
            token = await _token(client, self._configuration["token_endpoint"], code, trip)
        claims = await self._claims(str(token.get("id_token", "")), trip.nonce)
        return Told(
            str(claims["sub"]), str(claims.get("email", "")), claims.get("email_verified") is True,
            str(claims.get("name", "")),
        )  # fmt: skip

    async def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """What the ID token says, if the provider signed it, for us, now, and for this very log-in."""
        registry = jwt.JWTClaimsRegistry(
            leeway=CLOCK_LEEWAY_SECONDS,
            iss={"essential": True, "value": settings().google_issuer},
            aud={"essential": True, "value": self.client_id()},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
        )  # fmt: skip
        try:
            found = await self._opened(id_token)
            registry.validate(found)
            if found.get("azp", self.client_id()) != self.client_id():
                raise ProviderFailed("the ID token was made for somebody else")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFailed(f"the ID token is not good: {error!r}") from error
        return found

    async def _opened(self, id_token: str) -> dict[str, Any]:
        assert self._keys is not None
        try:
            return dict(jwt.decode(id_token, self._keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError):
            if monotonic_seconds() - self._asked_at < ASK_AGAIN_SECONDS:
                raise
            await self._learn(again=True)  # the provider may have changed its key
            return dict(jwt.decode(id_token, self._keys, algorithms=["RS256"]).claims)

    async def _learn(self, again: bool = False) -> None:
        """The provider's addresses and keys, as it publishes them."""
        if not again and monotonic_seconds() - self._asked_at < BELIEVED_SECONDS:
            return
        issuer = settings().google_issuer
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            found = await _get(client, f"{issuer}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != issuer or not all(isinstance(found.get(name), str) for name in needed):
                raise ProviderFailed(f"{issuer} publishes another issuer's configuration")
            keys = await _get(client, found["jwks_uri"])
        try:
            self._keys = KeySet.import_key_set(keys)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFailed(f"{issuer} publishes keys that cannot be read: {error!r}") from error
        self._configuration, self._asked_at = found, monotonic_seconds()


class GitHub:
    name, title = "github", "GitHub"

    def client_id(self) -> str:
        return settings().github_client_id

    def _client(self) -> AsyncOAuth2Client:
        return _client(self.name, self.client_id(), settings().github_client_secret, "read:user user:email")

    async def address(self, state: str, trip: Trip) -> str:
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                f"{settings().github_url}/login/oauth/authorize", state=state, code_verifier=trip.verifier
            )
            return str(url)

    async def who(self, code: str, trip: Trip) -> Told:
        async with self._client() as client:
            client.headers["Accept"] = "application/json"
            await _token(client, f"{settings().github_url}/login/oauth/access_token", code, trip)
            user = await _get(client, f"{settings().github_api_url}/user")
            emails = await _get(client, f"{settings().github_api_url}/user/emails")
        try:
            primary = next((one for one in emails if one["primary"]), None)
            subject, name = str(int(user["id"])), str(user.get("name") or user["login"])
            return Told(
                subject, str(primary["email"]) if primary else "", primary is not None and primary["verified"] is True,
                name,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderFailed(f"GitHub tells of nobody: {error!r}") from error


_PROVIDERS: tuple[Google, GitHub] = (Google(), GitHub())
