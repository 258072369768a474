"""What the provider knows and signs: its one client, the codes it gave, and ID tokens under a key made at its start."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CODE_SECONDS = 60
TOKEN_SECONDS = 300


class Refused(Exception):
    """A request that the provider does not take; the message is its error code."""


@dataclass(frozen=True)
class Client:
    """Who may ask: one client, with an exact redirect URI for each face of the provider."""

    id: str
    secret: str
    redirect_uris: dict[str, str]


@dataclass(frozen=True)
class Person:
    """Who somebody says to be at the provider's page."""

    subject: str
    email: str
    name: str
    verified: bool


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    face: str
    person: Person
    redirect_uri: str
    challenge: str
    nonce: str
    until: float


@dataclass
class Provider:
    client: Client
    url: str
    #: What the next ID token says otherwise, and how it is signed: to play a provider that is broken or hostile.
    odd: dict[str, Any] = field(default_factory=dict)
    _grants: dict[str, Grant] = field(default_factory=dict)
    _tokens: dict[str, Person] = field(default_factory=dict)
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    _kid: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def issuer(self) -> str:
        return f"{self.url}/google"

    def check_wish(self, face: str, wish: dict[str, str]) -> None:
        """An authorization request: of our client, to its own address, with state and PKCE.  Raises Refused."""
        if wish.get("client_id") != self.client.id or wish.get("redirect_uri") != self.client.redirect_uris[face]:
            raise Refused("unauthorized_client")
        if wish.get("response_type") != "code" or not wish.get("state"):
            raise Refused("invalid_request")
        if wish.get("code_challenge_method") != "S256" or not wish.get("code_challenge"):
            raise Refused("invalid_request")

    def grant(self, face: str, person: Person, wish: dict[str, str]) -> str:
        self.check_wish(face, wish)
        code = secrets.token_urlsafe(24)
        self._grants[code] = Grant(
            face,
            person,
            wish["redirect_uri"],
            wish["code_challenge"],
            wish.get("nonce", ""),
            time.time() + CODE_SECONDS,
        )
        return code

    def redeem(self, face: str, asked: dict[str, str]) -> tuple[str, Grant]:
        """An access token for a code, once; Raises Refused."""
        known = secrets.compare_digest(asked.get("client_secret", ""), self.client.secret)
        if asked.get("client_id") != self.client.id or not known:
            raise Refused("invalid_client")
        grant = self._grants.pop(asked.get("code", ""), None)
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            grant is None or grant.face != face or grant.until < time.time()
            or grant.redirect_uri != asked.get("redirect_uri") or grant.challenge != challenge
        ):  # fmt: skip
            raise Refused("invalid_grant")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = grant.person
        return token, grant

    def person_of(self, authorization: str) -> Person:
        person = self._tokens.get(authorization.partition(" ")[2])
        if person is None:
            raise Refused("invalid_token")
        return person

    def id_token(self, grant: Grant) -> str:
        now, odd, self.odd = int(time.time()), self.odd, {}
        person = grant.person
        claims = {
            "iss": self.issuer, "aud": self.client.id, "sub": person.subject, "email": person.email,
            "email_verified": person.verified, "name": person.name, "nonce": grant.nonce, "iat": now,
            "exp": now + TOKEN_SECONDS,
        } | odd.get("claims", {})  # fmt: skip
        algorithm = odd.get("algorithm", "RS256")
        key: Any = {"none": None, "HS256": self.client.secret}.get(algorithm, self._key)
        return jwt.encode(claims, key, algorithm, headers={"kid": odd.get("kid", self._kid)})

    def key_set(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": self._kid, "use": "sig", "alg": "RS256"}]}
