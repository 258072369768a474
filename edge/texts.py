"""What people may write: names on one line, longer texts, and no sign that shows nothing or turns the line round."""

from typing import Annotated

import msgspec

#: Control signs (a NUL above all, for which Postgres has no text), line separators, and signs that turn the direction.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_LINE = rf"^[^{_HIDDEN}]*[^\s{_HIDDEN}][^{_HIDDEN}]*$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_LINE)]
ShortName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_LINE)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=_LINE)]
Tier = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=_LINE)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=_LINE)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=_LINE)]
#: These may be left empty.
Language = Annotated[str, msgspec.Meta(max_length=50, pattern=rf"^[^{_HIDDEN}]*$")]
Rating = Annotated[str, msgspec.Meta(max_length=20, pattern=rf"^[^{_HIDDEN}]*$")]
#: Lines and tabs are welcome here.
Prose = Annotated[
    str, msgspec.Meta(max_length=10_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$")
]
