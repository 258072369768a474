"""Makes one printable line of what a person typed, so that no name can break a header, a line or a page.

Event titles and names come from organisers and buyers.  Escaping is the templates' work; this is about what escaping
leaves alone: line breaks, control characters, and the marks that turn the reading direction of everything after them.
"""

import unicodedata

# Marks that steer the reading direction.  Right-to-left letters need none of them on a line of their own.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKING = frozenset({"Cc", "Zl", "Zp"})  # controls, line and paragraph separators
_MARKS_ON_ONE_LETTER_MAX = 4  # more than any script needs; without a bound they climb over their neighbours


def plain_line(text: str, chars_max: int) -> str:
    """The text on one line: breaks become spaces, direction marks go, and what is too long ends in an ellipsis."""
    kept: list[str] = []
    marks = 0
    for character in text[: chars_max * 8]:  # the rest could not be shown anyway
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character in _DIRECTION_MARKS or marks > _MARKS_ON_ONE_LETTER_MAX:
            continue
        if category in _BREAKING:
            kept.append(" ")
        elif category == "Cs":  # half of a surrogate pair: cannot be encoded
            kept.append("\ufffd")
        else:
            kept.append(character)
    line = " ".join("".join(kept).split())
    if len(line) <= chars_max:
        return line
    return line[: chars_max - 1].rstrip() + "…"
