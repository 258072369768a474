"""Hands a letter to a mail server: builds the MIME message, sends it, and says what became of it.

Three endings.  It returns: the server has taken the letter, whatever happens to the connection afterwards.
``MailRefused``: this letter will never be taken.  ``MailUnavailable``: nobody knows, so send the same letter again
later; its Message-ID is the same, so a letter whose acknowledgement got lost can be recognised as a repeat.
"""

import asyncio
import contextlib
import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Literal

import aiosmtplib
import msgspec

from mail.letters import Letter

LETTER_BYTES_MAX = 10_000_000  # what most mail servers take
_ADDRESS_CHARS_MAX = 254  # RFC 5321, 4.5.3.1.3
_HEADER_CHARS_MAX = 900  # RFC 5322 allows lines of 998
_QUIT_SECONDS = 2.0  # the letter is taken by then: politeness must not cost much
# RFC 5322 breaks lines at CR and LF; the others are breaks to some programs, and none belongs in a header
_LINE_BREAKS = frozenset("\r\n\v\f\x00\x1c\x1d\x1e\x85\u2028\u2029")


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where letters go, and who sends them: ``sender`` is an address, with or without a name before it."""

    host: str
    port: int
    sender: str
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: str = ""
    reply_seconds: float = 10.0  # for each answer of the server
    total_seconds: float = 30.0  # for the whole letter


class MailRefused(Exception):
    """This letter will not be taken: trying again would end the same way."""


class MailUnavailable(Exception):
    """The letter may or may not have been taken: try again later."""


async def send(letter: Letter, server: MailServer, date: datetime) -> str:
    """Send the letter, dated as given; returns the server's answer to it."""
    content, sender, recipient = mime(letter, server.sender, date)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username or None,
        password=server.password or None,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        timeout=server.reply_seconds,
        local_hostname=mail_domain(server.sender),  # looking up our own name can hang on a bad resolver
    )
    try:
        async with asyncio.timeout(server.total_seconds):
            await client.connect()
            return await _hand_over(client, sender, recipient, content)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        where = f"{server.host}:{server.port}"
        raise MailUnavailable(f"The mail server {where} did not take the letter: {_said(error)}") from error
    finally:
        client.close()


async def _hand_over(client: aiosmtplib.SMTP, sender: str, recipient: str, content: bytes) -> str:
    options = []
    if not recipient.isascii():
        await client.ehlo()  # what a server can do is known after its greeting only
        if not client.supports_extension("smtputf8"):
            raise MailRefused("The mail server takes no letters to addresses with letters beyond ASCII.")
        options.append("SMTPUTF8")
    try:
        _, answer = await client.sendmail(sender, [recipient], content, mail_options=options)
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _refusal(error.recipients[0]) from error
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
        raise _refusal(error) from error
    # Taken.  Nothing that happens from here on makes it untaken.
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await client.quit(timeout=_QUIT_SECONDS)
    return answer


def mime(letter: Letter, sender: str, date: datetime) -> tuple[bytes, str, str]:
    """The letter as it crosses the wire, with the bare addresses of both ends.  Equal letters, equal bytes."""
    from_name, from_address = parseaddr(_header("sender", sender))
    if not _is_address(from_address):
        # a mistake in the settings, which somebody will mend: no reason to give the letter up
        raise MailUnavailable(f"The sender {sender[:100]!r} is not a mail address.")
    recipient = _recipient(letter.to)
    policy = (SMTP if recipient.isascii() else SMTPUTF8).clone(cte_type="7bit" if recipient.isascii() else "8bit")

    message = EmailMessage(policy=policy)
    message["From"] = f"{_quoted(from_name)} <{from_address}>" if from_name else from_address
    message["To"] = recipient
    message["Subject"] = _header("subject", letter.subject)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = _header("message id", letter.message_id)
    # RFC 3834: written by a program, so that absence notes and mailing robots do not answer
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    for attachment in letter.attachments:
        main, _, sub = _header("content type", attachment.content_type).partition("/")
        message.add_attachment(attachment.content, main, sub, filename=_header("file name", attachment.name))
    _name_boundaries(message, letter.message_id)

    content = message.as_bytes()
    if len(content) > LETTER_BYTES_MAX:
        raise MailRefused(f"The letter has {len(content):,} bytes; {LETTER_BYTES_MAX:,} are allowed.")
    return content, from_address, recipient


def mail_domain(sender: str) -> str:
    """The domain that letters come from and that their Message-IDs end in."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _name_boundaries(message: EmailMessage, message_id: str) -> None:
    """The email package draws boundaries at random; ours follow from the Message-ID, so a repeat has equal bytes."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            digest = hashlib.sha256(f"{number} {message_id}".encode()).hexdigest()[:32]
            part.set_boundary(f"=_{digest}")  # "=_" occurs neither in base64 nor in quoted-printable


def _recipient(address: str) -> str:
    """One bare address; its domain in the form that DNS knows."""
    _header("recipient", address)
    if not _is_address(address):
        raise MailRefused("The recipient is not a mail address.")
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise MailRefused("The recipient's domain is not a name that mail can go to.") from None


def _is_address(address: str) -> bool:
    """One address and nothing beside it: no name, no list, no comment.  Whether it exists is the server's to say."""
    local, _, domain = address.rpartition("@")
    return (
        0 < len(local) <= 64
        and len(domain) > 0
        and len(address) <= _ADDRESS_CHARS_MAX
        and not any(sign.isspace() or sign in '<>()[],;:\\"@' for sign in local + domain)
    )


def _header(name: str, value: str) -> str:
    if not _LINE_BREAKS.isdisjoint(value):
        raise MailRefused(f"The letter's {name} has a line break or a control character in it.")
    if not value or len(value) > _HEADER_CHARS_MAX:
        raise MailRefused(f"The letter's {name} must have 1 to {_HEADER_CHARS_MAX} characters, not {len(value)}.")
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _refusal(
    error: aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError,
) -> MailRefused | MailUnavailable:
    """5xx is the server's last word on this letter, anything else is not."""
    if 500 <= error.code <= 599:
        return MailRefused(f"The mail server refused the letter: {_said(error)}")
    return MailUnavailable(f"The mail server did not take the letter: {_said(error)}")


def _said(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:300]
    return (str(error) or type(error).__name__)[:300]
