"""What an answer to a wish means for its buyer: decided and how, or to be asked again."""

from typing import Any


def outcome(status: int, body: dict[str, Any]) -> str:
    """What an answer tells about the wish; nothing while it is undecided or has to be asked again."""
    if status == 409:
        return str(body.get("type", "")).removeprefix("/problems/") or "refused"
    if status in (200, 201):
        if body.get("status") == "queued":
            return ""
        if body.get("status") == "refused":
            return str((body.get("refusal") or {}).get("type", "")).removeprefix("/problems/") or "refused"
        return str(body.get("status"))
    return "" if status in (0, 202, 429, 503) else f"error {status}"
