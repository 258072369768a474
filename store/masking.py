"""What people may read of a message or a log line: secrets and personal data are masked, by name and by pattern."""

import re
from typing import Any

import msgspec

MASK = "•••"
SECRET_KEYS = re.compile(r"password|secret|token|authorization|cookie|signature|card|code$", re.IGNORECASE)
PERSONAL_KEYS = re.compile(r"e-?mail|phone|contact|recipient|holder|address|vpa|buyer_name", re.IGNORECASE)
#: An address, a JWT, a card or telephone number: whatever looks like one, wherever it stands.  All is bounded, so that
#: no text takes long.
_PATTERNS = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}(\.[\w-]{1,64}){1,8}"
    r"|\beyJ[\w-]{1,999}\.[\w-]{1,999}\.[\w-]{0,999}"
    r"|\b\d(?:[ -]?\d){12,18}\b(?!-)|\+\d(?:[ -]?\d){8,14}\b"
)
#: JSON inside JSON (a webhook's body) is looked into so deep.
DEPTH_LIMIT = 12


def masked(value: Any, depth: int = DEPTH_LIMIT) -> Any:
    """Decoded JSON with everything secret or personal masked, also in texts that are JSON themselves."""
    if depth <= 0:
        return MASK
    if isinstance(value, dict):
        return {str(key): MASK if _is_telling(str(key)) else masked(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list):
        return [masked(part, depth - 1) for part in value]
    return masked_text(value, depth - 1) if isinstance(value, str) else value


def masked_text(text: str, depth: int = DEPTH_LIMIT) -> str:
    """The text with everything masked that looks secret or personal; JSON is masked by its names too."""
    if text[:1] in ("{", "["):
        try:
            return msgspec.json.encode(masked(msgspec.json.decode(text), depth)).decode()
        except (ValueError, RecursionError):
            pass
    return _PATTERNS.sub(MASK, text)


def _is_telling(key: str) -> bool:
    return bool(SECRET_KEYS.search(key) or PERSONAL_KEYS.search(key))
