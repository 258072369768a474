"""Where a request comes from, as login histories tell it: network address, and browser or tool on which system."""

import re

from sanic import Request

from edge.client import address
from store.sessions import Where

#: Browsers by what only they say of themselves; the first that fits.
_BROWSERS = (
    ("Edge", r"\bEdgA?/|\bEdgiOS/"), ("Opera", r"\bOPR/"), ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"), ("Chrome", r"Chrome/|\bCriOS/"), ("Chromium", r"\bChromium/"),
    ("Safari", r"\bVersion/.*\bSafari/"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", r"iPhone"), ("iPad", r"iPad"), ("Android", r"Android"), ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"), ("ChromeOS", r"\bCrOS\b"), ("Linux", r"Linux|X11"),
)  # fmt: skip
_TOOL = re.compile(r"^([A-Za-z][A-Za-z0-9._-]{0,39})(?:/|$)")


def where(request: Request) -> Where:
    return Where(address(request), device(request.headers.get("user-agent", "")))


def device(user_agent: str) -> str:
    """``Firefox on Windows``, ``curl``, or ``Unknown device``."""
    system = _first(_SYSTEMS, user_agent)
    browser = _first(_BROWSERS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or system
    tool = _TOOL.match(user_agent)
    return tool[1] if tool else "Unknown device"


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text[:400])), "")
