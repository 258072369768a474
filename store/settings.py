"""The settings: read from the environment once, at the bottom of the graph.  No other module touches os.environ."""

import base64
import ipaddress
import os
import re
import types
import typing
from functools import cache
from typing import Literal
from uuid import UUID

import msgspec

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Values that may stand in .env.example and in demos, and never in production.
SAMPLES = ("change-me", "sample", "guest", "secret")

#: As RabbitMQ writes the age of a stream: 7D, 12h.
_AGE = re.compile(r"[1-9]\d{0,8}[YMDhms]")
_AGE_UNITS = {"Y": 365 * 86_400, "M": 30 * 86_400, "D": 86_400, "h": 3_600, "m": 60, "s": 1}

#: A name, or an address of either kind.
_NAME = re.compile(r"[a-z0-9_.-]+|[0-9a-f.]*:[0-9a-f:.]+")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field for each environment variable of the same name in capitals.  .env.example explains each."""

    frontrow_mode: Literal["development", "production"] = "development"
    database_url: str
    redis_url: str
    rabbitmq_url: str
    jwt_secret: str
    jwt_kid: str = "1"
    jwt_other_keys: str = ""
    booking_namespace: UUID
    ticket_signing_key: str
    razorpay_url: str
    razorpay_key_id: str
    razorpay_key_secret: str
    razorpay_webhook_secret: str
    razorpay_webhook_other_secrets: str = ""
    razorpay_answer_seconds: float = 10.0
    reconcile_seconds: float = 300.0
    google_client_id: str = ""
    google_client_secret: str = ""
    google_issuer: str = "https://accounts.google.com"
    github_client_id: str = ""
    github_client_secret: str = ""
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    edge_host: str = "127.0.0.1"
    edge_port: int = 8000
    edge_reuse_port: Literal["on", "off"] = "off"
    edge_url: str = "http://127.0.0.1:8000"
    allowed_hosts: str = ""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    mail_from: str = "Frontrow <tickets@frontrow.example>"
    mailbox_url: str = ""
    files_dir: str = ".run/files"
    files_url: str = ""
    files_endpoint: str = ""
    files_region: str = "us-east-1"
    files_key_id: str = ""
    files_secret: str = ""
    show_lanes: int = 8
    saga_lanes: int = 4
    rate_limits: Literal["on", "off"] = "on"
    trusted_proxies: str = ""
    max_live_holds_per_buyer: int = 6
    wish_valid_seconds: float = 10.0
    max_backlog_per_show: int = 50_000
    lease_seconds: float = 2.0
    batch_limit: int = 1024
    lane_max_age: str = "7D"
    lane_segment_bytes: int = 16_000_000
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: str = "INFO"

    @property
    def jwt_keys(self) -> dict[str, str]:
        """The key ring: tokens are signed with the key named ``jwt_kid``, and accepted with any."""
        return _key_ring(self.jwt_kid, self.jwt_secret, self.jwt_other_keys)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Whoever signs a webhook with one of these is the provider; during a change of secrets there are several."""
        others = (part.strip() for part in self.razorpay_webhook_other_secrets.split(","))
        return (self.razorpay_webhook_secret, *(secret for secret in others if secret))

    @property
    def signing_seed(self) -> bytes:
        """The 32 bytes from which the Ed25519 key of tickets is made."""
        return base64.b64decode(self.ticket_signing_key)

    @property
    def lane_max_age_seconds(self) -> int:
        """How long a lane keeps its commands."""
        return int(self.lane_max_age[:-1]) * _AGE_UNITS[self.lane_max_age[-1]]

    @property
    def hosts(self) -> frozenset[str]:
        """The names, beside that of ``edge_url``, under which the edge answers."""
        return _names(self.allowed_hosts)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The proxies whose X-Forwarded-For is believed."""
        return _networks(self.trusted_proxies)


@cache
def _names(text: str) -> frozenset[str]:
    return frozenset(name for part in text.split(",") if (name := part.strip().lower().strip("[]")))


@cache
def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


@cache
def _key_ring(kid: str, secret: str, others: str) -> dict[str, str]:
    pairs = (pair.partition(":") for pair in others.split(",") if pair.strip())
    return {name.strip(): other.strip() for name, _, other in pairs} | {kid: secret}


class SettingsError(Exception):
    """The environment does not hold what the product needs; the message says what to set."""


def read(environment: typing.Mapping[str, str]) -> Settings:
    """The settings in this environment.  Raises SettingsError, which names all that is missing or malformed at once."""
    hints = typing.get_type_hints(Settings)
    given, wrong, missing = {}, [], []
    for field in msgspec.structs.fields(Settings):
        name = field.name.upper()
        text = environment.get(name, "")
        if text == "":
            if field.required:
                missing.append(name)
            continue
        try:
            given[field.name] = msgspec.convert(text, _plain(hints[field.name]), strict=False)
        except msgspec.ValidationError as error:
            wrong.append(f"{name} is {text!r}: {error}")
    if missing:
        wrong.append(f"missing: {', '.join(missing)} (see .env.example)")
    if wrong:
        raise SettingsError("settings: " + "; ".join(wrong))
    settings = Settings(**given)
    _check(settings)
    return settings


def _plain(hint: typing.Any) -> typing.Any:
    return typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint


def _check(settings: Settings) -> None:
    try:
        seed = settings.signing_seed
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise SettingsError("settings: TICKET_SIGNING_KEY must be the base64 of 32 bytes")
    if any(len(key) < 32 for key in settings.jwt_keys.values()) or "" in settings.jwt_keys:
        raise SettingsError(
            "settings: JWT_SECRET, and each secret of JWT_OTHER_KEYS (name:secret,name:secret), must have at least 32 "
            "characters"
        )
    if not (1 <= settings.show_lanes <= 100 and settings.saga_lanes in (1, 2, 4, 8, 16)):
        raise SettingsError("settings: SHOW_LANES is 1 to 100, SAGA_LANES is 1, 2, 4, 8 or 16")
    if not _AGE.fullmatch(settings.lane_max_age):
        raise SettingsError("settings: LANE_MAX_AGE is a number and one of Y, M, D, h, m, s, such as 7D")
    if settings.files_url and not (settings.files_url.startswith("s3://") and settings.files_key_id):
        raise SettingsError("settings: FILES_URL is s3://bucket/prefix, and needs FILES_KEY_ID and FILES_SECRET")
    if wrong := [name for name in settings.hosts if not _NAME.fullmatch(name)]:
        raise SettingsError(f"settings: ALLOWED_HOSTS is a list of names without ports, not {', '.join(sorted(wrong))}")
    try:
        settings.proxy_networks  # noqa: B018  reads what was given
    except ValueError as error:
        raise SettingsError(f"settings: TRUSTED_PROXIES is a list of networks, as 10.0.0.0/8: {error}") from None
    for name in ("google", "github"):
        if bool(getattr(settings, f"{name}_client_id")) != bool(getattr(settings, f"{name}_client_secret")):
            raise SettingsError(f"settings: {name.upper()}_CLIENT_ID and {name.upper()}_CLIENT_SECRET belong together")
    if settings.frontrow_mode == "production":
        plain = [
            name.upper() for name in ("google_issuer", "github_url", "github_api_url")
            if not getattr(settings, name).startswith("https://")
        ]  # fmt: skip
        if plain:
            raise SettingsError(f"settings: {', '.join(plain)} must begin with https:// in production")
        if settings.rate_limits == "off":
            raise SettingsError("settings: RATE_LIMITS=off is refused in production")
        secrets = (
            "jwt_secret",
            "jwt_other_keys",
            "razorpay_key_secret",
            "razorpay_webhook_secret",
            "razorpay_webhook_other_secrets",
            "database_url",
            "rabbitmq_url",
            "files_secret",
        )
        sample = [name.upper() for name in secrets if any(word in getattr(settings, name) for word in SAMPLES)]
        if sample:
            raise SettingsError(f"settings: sample values are refused in production: {', '.join(sample)}")


@cache
def settings() -> Settings:
    return read(os.environ)
