"""The templates of letters, ready to be filled in: HTML escapes what it is given, text takes it as it stands."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = FileSystemLoader(Path(__file__).parent / "templates")

html = Environment(loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined)
# text is not HTML: escaping it would print "&amp;"; every value in it is one plain line
text = Environment(
    loader=_TEMPLATES,
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def message_id(letter: str, about: object, mail_domain: str) -> str:
    """The id under which a letter is sent, however often: it follows from what the letter is about."""
    return f"<{letter}.{about}@{mail_domain}>"
