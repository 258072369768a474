"""Where the mailbox listens and keeps its letters: the one place of it that reads the environment."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    host: str
    smtp_port: int
    web_port: int
    folder: Path


class BadSetting(ValueError):
    """A setting that the mailbox cannot start with; the message says which and why."""


def read() -> Settings:
    return Settings(
        host=os.environ.get("MAILBOX_HOST") or "127.0.0.1",
        smtp_port=_port("SMTP_PORT", 1025),
        web_port=_port("MAILBOX_PORT", 8025),
        folder=Path(os.environ.get("MAILBOX_DIR") or ".run/mailbox"),
    )


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise BadSetting(f"{name} must be a port from 1 to 65535, not {text[:20]!r}.")
    return int(text)
