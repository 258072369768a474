"""Prints a filled-in template as a PDF, by WeasyPrint.  The page loads nothing, whatever a hostile name asks for."""

import threading
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

_TEMPLATES = Path(__file__).parent / "templates"


class FetchRefused(ValueError):
    """A printed page may load nothing."""


class _RefusingFetcher(URLFetcher):  # type: ignore[misc]  # weasyprint has no types
    """Neither network, nor files, nor data URLs: all that a page needs is in it."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        raise FetchRefused(f"a printed page may not load {url[:100]!r}")


_pages = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
_fetcher = _RefusingFetcher()
_fonts = FontConfiguration()  # reading the system's fonts takes longer than printing a ticket
_one_at_a_time = threading.Lock()  # the font configuration is not made to be shared between threads


def stylesheet(name: str) -> Any:
    """A stylesheet of the templates' folder, read once."""
    return CSS(filename=str(_TEMPLATES / name), font_config=_fonts)


def pdf(template: str, style: Any, **words: Any) -> bytes:
    """The filled-in template as a PDF: equal words give equal bytes."""
    return _pdf(_pages.get_template(template).render(**words), style)


def _pdf(page: str, style: Any) -> bytes:
    with _one_at_a_time:
        document = HTML(string=page, url_fetcher=_fetcher)
        return bytes(document.write_pdf(stylesheets=[style], font_config=_fonts))
