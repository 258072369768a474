"""What the processes of a stack are told: the settings given by `.env` and the environment, and those made here once.

The environment wins over `.env`, and both win over what is made here. An address in the environment that is this
stack's own from an earlier start (somebody sourced `.run/stack.env`) counts as not given.
"""

import base64
import os
import secrets
import shlex
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from compose.failure import Failure
from compose.process_list import MARKER
from compose.run_folder import RunFolder

ADDRESSES = (
    *("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "RAZORPAY_URL", "MAILBOX_URL", "SMTP_HOST", "SMTP_PORT"),
    *("EDGE_URL", "FILES_DIR", "OPENID_URL", "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_ISSUER"),
    *("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_URL", "GITHUB_API_URL"),
)
# Where the edge itself listens. Not in stack.env: a shell that sourced it would fix the next start's port by it.
LISTENING = ("EDGE_HOST", "EDGE_PORT")
ACCOUNTS = {
    "BUYER_EMAIL": "buyer@frontrow.example",
    "BUYER_PASSWORD": "buyer-of-the-demo",
    "ORGANISER_EMAIL": "organiser@frontrow.example",
    "ORGANISER_PASSWORD": "organiser-of-the-demo",
    "SCANNER_EMAIL": "scanner@frontrow.example",
    "SCANNER_PASSWORD": "scanner-of-the-demo",
    "ADMIN_EMAIL": "admin@frontrow.example",
    "ADMIN_PASSWORD": "admin-of-the-demo",
}
DEFAULTS = {
    "FRONTROW_MODE": "development",
    "EDGE_HOST": "127.0.0.1",
    "MAIL_FROM": "Frontrow <tickets@frontrow.example>",
    "SHOW_LANES": "8",
    "SAGA_LANES": "4",
    "RATE_LIMITS": "on",
    "MAX_LIVE_HOLDS_PER_BUYER": "6",
    "LOG_FORMAT": "auto",
    "LOG_LEVEL": "INFO",
}
# Of the login provider of our own; the product is told them under the names of the providers that it plays.
OPENID = ("OPENID_CLIENT_ID", "OPENID_CLIENT_SECRET")
PASSWORDS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "RABBITMQ_PASSWORD")


def given(root: Path, folder: RunFolder) -> dict[str, str]:
    """What the person set, by `.env` or the environment; empty values count as not set."""
    own = folder.read_json("addresses.json")
    outside = {name: value for name, value in os.environ.items() if not (name in ADDRESSES and own.get(name) == value)}
    return {name: value for name, value in {**dotenv(root / ".env"), **outside}.items() if value}


def given_to_a_private_stack(root: Path) -> dict[str, str]:
    """The same without any address: a private stack shares nothing with a running one."""
    found = {**dotenv(root / ".env"), **os.environ}
    private = {*ADDRESSES, *LISTENING, *_makers(), "FRONTROW_MODE"}
    return {name: value for name, value in found.items() if value and name not in private}


def dotenv(path: Path) -> dict[str, str]:
    """A file of `KEY=value` lines; `#` begins a comment line, quotes are taken off."""
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise Failure(f"{path}, line {number}: expected KEY=value, found {text[:40]!r}.")
        try:
            words = shlex.split(value, comments=True)
        except ValueError as error:
            raise Failure(f"{path}, line {number}: {name.strip()}: {error}.") from error
        found[name.strip()] = " ".join(words)
    return found


def own_secrets(folder: RunFolder) -> dict[str, str]:
    """Secrets of this stack, made once and kept in `secrets.env`, readable by its owner only."""
    path = folder.path / "secrets.env"
    kept = dotenv(path)
    made = {name: make() for name, make in _makers().items() if name not in kept}
    if made:
        kept |= made
        folder.write("secrets.env", assignments(kept))
    return kept


def assignments(values: Mapping[str, str]) -> str:
    """Shell assignments, quoted where needed."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def of_a_part(run_dir: Path) -> dict[str, str]:
    """The little that a private server is told: no secret of the product is in it."""
    return {
        MARKER: f"{run_dir}",
        "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "HOME": os.environ.get("HOME", "/"),
        "TZ": "UTC",
    }


def number(settings: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    """A setting that is a whole number within bounds."""
    text = settings.get(name, f"{default}")
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise Failure(f"{name} is {text!r}; it must be a whole number from {lowest} to {highest}.")
    return int(text)


def _makers() -> dict[str, Callable[[], str]]:
    return {
        "JWT_SECRET": lambda: secrets.token_urlsafe(48),
        "BOOKING_NAMESPACE": lambda: f"{uuid.uuid4()}",
        "TICKET_SIGNING_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        "RAZORPAY_KEY_ID": lambda: f"rzp_test_{secrets.token_hex(7)}",
        "RAZORPAY_KEY_SECRET": lambda: secrets.token_urlsafe(24),
        "RAZORPAY_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(24),
        **{name: (lambda: secrets.token_hex(16)) for name in (*PASSWORDS, *OPENID)},
    }
