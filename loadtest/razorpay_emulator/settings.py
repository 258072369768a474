"""What the emulator is told from outside, read from the environment once; the only module here that looks there.

RAZORPAY_PORT, RAZORPAY_KEY_ID, RAZORPAY_KEY_SECRET, RAZORPAY_WEBHOOK_SECRET and one of WEBHOOK_URL and EDGE_URL are
required. The others have defaults: EMULATOR_HOST, EMULATOR_DATA, EMULATOR_MERCHANT, EMULATOR_CAPTURE
(automatic|manual), EMULATOR_UNIQUE_RECEIPTS (on|off), EMULATOR_SPEED, EMULATOR_WEBHOOK_SECONDS,
EMULATOR_RETRY_START_SECONDS, EMULATOR_RETRY_FACTOR, EMULATOR_TIMEOUT_SECONDS, EMULATOR_HANG_SECONDS,
EMULATOR_REFUND_SECONDS, LOG_FORMAT, LOG_LEVEL.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class SettingsMissing(Exception):
    """The environment lacks something, or holds something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    host: str
    port: int
    key_id: str
    key_secret: str
    webhook_secret: str
    webhook_url: str
    data: Path
    merchant: str
    #: Whether an order that says nothing about capture is captured by the provider.
    captures_automatically: bool
    #: Documented: "Order receipt should be unique." Some accounts do not enforce it; turn it off to play one of those.
    unique_receipts: bool
    #: Emulator seconds that pass in one real second; 60 makes the provider's 24 hours of retries last 24 minutes.
    speed: float
    #: Documented: a webhook is answered within five seconds, or its delivery has failed.
    webhook_seconds: float
    retry_start_seconds: float
    retry_factor: float
    timeout_fault_seconds: float
    hang_fault_seconds: float
    #: How long a refund that is to fail stays pending first.
    refund_seconds: float
    log_format: str
    log_level: str


REQUIRED = ("RAZORPAY_PORT", "RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    missing = [name for name in REQUIRED if not environ.get(name)]
    if not environ.get("WEBHOOK_URL") and not environ.get("EDGE_URL"):
        missing.append("WEBHOOK_URL (or EDGE_URL)")
    if missing:
        raise SettingsMissing(f"missing from the environment: {', '.join(missing)}")
    webhook_url = environ.get("WEBHOOK_URL") or environ["EDGE_URL"].rstrip("/") + "/v1/webhooks/razorpay"
    parts = urlsplit(webhook_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsMissing(f"WEBHOOK_URL must be an http(s) address, not {webhook_url!r}")
    return Settings(
        host=environ.get("EMULATOR_HOST") or "127.0.0.1",
        port=int(_number(environ, "RAZORPAY_PORT", 0, most=65535, whole=True)),
        key_id=environ["RAZORPAY_KEY_ID"],
        key_secret=environ["RAZORPAY_KEY_SECRET"],
        webhook_secret=environ["RAZORPAY_WEBHOOK_SECRET"],
        webhook_url=webhook_url,
        data=Path(environ.get("EMULATOR_DATA") or ".run/emulator.sqlite3"),
        merchant=environ.get("EMULATOR_MERCHANT") or "Frontrow",
        captures_automatically=_choice(environ, "EMULATOR_CAPTURE", "automatic", "manual") == "automatic",
        unique_receipts=_choice(environ, "EMULATOR_UNIQUE_RECEIPTS", "on", "off") == "on",
        speed=_number(environ, "EMULATOR_SPEED", 60, least=0.001),
        webhook_seconds=_number(environ, "EMULATOR_WEBHOOK_SECONDS", 5, least=0.01, most=60),
        retry_start_seconds=_number(environ, "EMULATOR_RETRY_START_SECONDS", 1, least=0.001),
        retry_factor=_number(environ, "EMULATOR_RETRY_FACTOR", 2, least=1),
        timeout_fault_seconds=_number(environ, "EMULATOR_TIMEOUT_SECONDS", 30, most=120),
        hang_fault_seconds=_number(environ, "EMULATOR_HANG_SECONDS", 120, most=120),
        refund_seconds=_number(environ, "EMULATOR_REFUND_SECONDS", 0.5),
        log_format=_choice(environ, "LOG_FORMAT", "auto", "console", "json"),
        log_level=environ.get("LOG_LEVEL") or "INFO",
    )


def _number(
    environ: Mapping[str, str], name: str, default: float, *, least: float = 0, most: float = 1e9, whole: bool = False
) -> float:
    text = environ.get(name) or str(default)
    try:
        number = float(int(text)) if whole else float(text)
    except ValueError:
        raise SettingsMissing(f"{name} must be a {'whole ' if whole else ''}number, not {text!r}") from None
    if not least <= number <= most:
        raise SettingsMissing(f"{name} must lie between {least:g} and {most:g}, not {text}")
    return number


def _choice(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise SettingsMissing(f"{name} must be one of {', '.join(choices)}, not {text!r}")
    return text
