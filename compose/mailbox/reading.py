"""Reads a raw letter: its headers, its two renderings, and what is attached.

The standard library's parser goes through a letter line by line, 3 ms for one with a PDF; a mailbox that takes 200 a
second on a shared machine cannot afford that.  So parts are cut apart at their boundaries (0.3 ms), and the standard
library only parses headers.  A letter that is not what it says is shown as well as it can be; nothing in it raises.
"""

import base64
import binascii
import email.errors
import quopri
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default as modern

import msgspec

PARTS_MAX = 50
_DEPTH_MAX = 5
_HEADERS_BYTES_MAX = 64_000
_NAME_CHARS_MAX = 120
_headers = BytesHeaderParser(policy=modern)


class AttachedFile(msgspec.Struct, frozen=True):
    name: str
    content_type: str
    content: bytes


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A letter as a person would see it."""

    sender: str
    subject: str
    message_id: str
    text: str
    html: str
    attachments: tuple[AttachedFile, ...]


def read(raw: bytes) -> Reading:
    headers, _ = _cut(raw)
    text = html = ""
    files: dict[str, AttachedFile] = {}
    for number, (part, body) in enumerate(_leaves(raw, 0), start=1):
        if number > PARTS_MAX:
            break
        content_type = part.get_content_type()
        content = _decoded(part, body)
        name = _file_name(part)
        if not name and content_type == "text/plain" and not text:
            text = _characters(part, content)
        elif not name and content_type == "text/html" and not html:
            html = _characters(part, content)
        else:
            name = _unused(name or f"part-{number}", files)
            files[name] = AttachedFile(name, content_type, content)
    return Reading(
        sender=_header(headers, "From"),
        subject=_header(headers, "Subject"),
        message_id=_header(headers, "Message-ID"),
        text=text,
        html=html,
        attachments=tuple(files.values()),
    )


def _cut(raw: bytes) -> tuple[EmailMessage, bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    if head.startswith(b"\r\n"):  # a part without headers of its own
        head, body = b"", raw[2:]
    parsed = _headers.parsebytes(head[:_HEADERS_BYTES_MAX] + b"\r\n\r\n")
    assert isinstance(parsed, EmailMessage)
    return parsed, body


def _leaves(raw: bytes, depth: int) -> Iterator[tuple[EmailMessage, bytes]]:
    headers, body = _cut(raw)
    boundary = headers.get_boundary()
    if headers.get_content_maintype() != "multipart" or not boundary or depth == _DEPTH_MAX:
        yield headers, body
        return
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "surrogateescape"))
    for piece in pieces[1 : PARTS_MAX + 1]:
        if piece.startswith(b"--"):  # the closing boundary
            return
        yield from _leaves(piece.partition(b"\r\n")[2], depth + 1)


def _decoded(part: EmailMessage, body: bytes) -> bytes:
    encoding = _header(part, "Content-Transfer-Encoding").strip().lower()
    if encoding == "base64":
        try:
            return base64.b64decode(body)
        except binascii.Error:
            return body
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    return body


def _characters(part: EmailMessage, content: bytes) -> str:
    try:
        text = content.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _header(part: EmailMessage, name: str) -> str:
    try:
        return str(part.get(name, ""))
    except (email.errors.MessageError, ValueError, TypeError, IndexError, AttributeError):  # its parser has holes
        return ""


def _file_name(part: EmailMessage) -> str:
    """The attachment's name without anything that could make a path of it."""
    try:
        name = part.get_filename("")
    except (email.errors.MessageError, ValueError, TypeError, IndexError, AttributeError):
        return ""
    name = "".join("_" if sign in '/\\:"' or not sign.isprintable() else sign for sign in name).strip(". ")
    return name[-_NAME_CHARS_MAX:]


def _unused(name: str, taken: dict[str, AttachedFile]) -> str:
    number = 2
    candidate = name
    while candidate in taken:
        stem, dot, extension = name.rpartition(".")
        candidate = f"{stem} ({number}).{extension}" if dot else f"{name} ({number})"
        number += 1
    return candidate
