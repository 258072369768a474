"""Letters over real SMTP to a real mailbox, on good days and on bad ones."""

import email
import time
from collections.abc import Iterator
from email.policy import default as modern

import pytest

from mail import smtp
from mail.letters import Attachment, confirmed
from mail.smtp import MailRefused, MailServer, MailUnavailable
from tests.mail.mailbox_process import MailboxProcess, free_port
from tests.mail.samples import HOSTILE, SENT_AT, facts, letter

SENDER = '"Frontrow, tickets" <tickets@frontrow.example>'


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxProcess]:
    with MailboxProcess(tmp_path_factory.mktemp("mailbox")) as running:
        yield running


@pytest.fixture
def server(mailbox: MailboxProcess) -> MailServer:
    mailbox.web.delete("/control/faults").raise_for_status()
    return MailServer(host="127.0.0.1", port=mailbox.smtp_port, sender=SENDER, reply_seconds=2.0)


async def test_a_letter_arrives_as_it_was_written(mailbox: MailboxProcess, server: MailServer):
    written = confirmed(facts(buyer_email="whole@example.com"), b"%PDF-1.7 \x00\xff" * 5000, "frontrow.example")
    await smtp.send(written, server, SENT_AT)
    (kept,) = mailbox.messages(to="whole@example.com")
    assert (kept["subject"], kept["message_id"]) == (written.subject, written.message_id)
    assert kept["html"].strip() == written.html.strip()
    assert kept["text"].strip() == written.text.strip()
    (attached,) = kept["attachments"]
    assert attached == {"name": "tickets-FR-7K3M9Q.pdf", "content_type": "application/pdf", "size": 55_000}
    fetched = mailbox.web.get(f"/api/messages/{kept['id']}/attachments/{attached['name']}")
    assert fetched.content == written.attachments[0].content


async def test_the_headers_say_who_when_and_that_a_program_wrote_it(mailbox: MailboxProcess, server: MailServer):
    await smtp.send(letter(to="headers@example.com"), server, SENT_AT)
    (kept,) = mailbox.messages(to="headers@example.com")
    source = mailbox.web.get(f"/api/messages/{kept['id']}/source").content
    headers = email.message_from_bytes(source, policy=modern)
    assert headers["From"].addresses[0].addr_spec == "tickets@frontrow.example"
    assert headers["From"].addresses[0].display_name == "Frontrow, tickets"
    assert headers["To"] == "headers@example.com"
    assert headers["Date"].datetime == SENT_AT
    assert headers["Message-ID"] == "<confirmed.5@frontrow.example>"
    assert headers["Auto-Submitted"] == "auto-generated"


def test_the_same_letter_is_the_same_bytes():
    attached = letter(attachments=(Attachment("t.pdf", "application/pdf", b"%PDF-"),))
    assert smtp.mime(attached, SENDER, SENT_AT) == smtp.mime(attached, SENDER, SENT_AT)


async def test_a_hostile_event_name_adds_no_header_and_no_receiver(mailbox: MailboxProcess, server: MailServer):
    written = confirmed(facts(event=HOSTILE, buyer_email="hostile@example.com"), b"%PDF-", "frontrow.example")
    await smtp.send(written, server, SENT_AT)
    (kept,) = mailbox.messages(to="hostile@example.com")
    source = mailbox.web.get(f"/api/messages/{kept['id']}/source").content
    assert email.message_from_bytes(source, policy=modern)["Bcc"] is None
    assert kept["subject"] == written.subject
    assert mailbox.messages(to="everybody@example.com") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "a@example.com\r\nBcc: b@example.com"},
        {"to": "a@example.com, b@example.com"},
        {"to": "A <a@example.com>"},
        {"to": "nobody"},
        {"to": "@example.com"},
        {"to": "a" * 300 + "@example.com"},
        {"subject": "Hello\nBcc: b@example.com"},
        {"subject": "Hello\u2028Bcc: b@example.com"},
        {"subject": ""},
        {"message_id": "<x@y>\r\nX: y"},
        {"attachments": (Attachment("a\r\nb.pdf", "application/pdf", b""),)},
        {"attachments": (Attachment("a.pdf", "application/pdf", bytes(8_000_000)),)},
    ],
)
def test_a_letter_that_could_break_its_headers_or_limits_is_refused(wrong: dict):
    with pytest.raises(MailRefused, match=r"\.$"):
        smtp.mime(letter(**wrong), SENDER, SENT_AT)


async def test_an_international_address_is_delivered(mailbox: MailboxProcess, server: MailServer):
    await smtp.send(letter(to="asha@bücher.example"), server, SENT_AT)
    assert len(mailbox.messages(to="asha@xn--bcher-kva.example")) == 1
    await smtp.send(letter(to="आशा@example.com"), server, SENT_AT)
    assert len(mailbox.messages(to="आशा@example.com")) == 1


async def test_a_server_that_says_later_is_unavailable(mailbox: MailboxProcess, server: MailServer):
    mailbox.order("4xx")
    with pytest.raises(MailUnavailable, match="451"):
        await smtp.send(letter(to="later@example.com"), server, SENT_AT)
    assert mailbox.messages(to="later@example.com") == []
    await smtp.send(letter(to="later@example.com"), server, SENT_AT)
    assert len(mailbox.messages(to="later@example.com")) == 1


async def test_a_server_that_says_never_has_refused(mailbox: MailboxProcess, server: MailServer):
    mailbox.order("5xx")
    with pytest.raises(MailRefused, match="554"):
        await smtp.send(letter(to="never@example.com"), server, SENT_AT)
    assert mailbox.messages(to="never@example.com") == []


async def test_a_server_that_hangs_is_given_up(mailbox: MailboxProcess, server: MailServer):
    mailbox.order("hang")
    impatient = MailServer(host=server.host, port=server.port, sender=SENDER, reply_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(MailUnavailable):
        await smtp.send(letter(to="hang@example.com"), impatient, SENT_AT)
    assert time.monotonic() - began < 2


async def test_a_connection_cut_after_the_answer_changes_nothing(mailbox: MailboxProcess, server: MailServer):
    mailbox.order("cut-after-250")
    await smtp.send(letter(to="cut-after@example.com"), server, SENT_AT)
    assert len(mailbox.messages(to="cut-after@example.com")) == 1


async def test_a_lost_answer_means_that_nobody_knows_and_the_repeat_is_recognisable(
    mailbox: MailboxProcess, server: MailServer
):
    mailbox.order("cut-before-250")
    with pytest.raises(MailUnavailable):
        await smtp.send(letter(to="cut-before@example.com"), server, SENT_AT)
    await smtp.send(letter(to="cut-before@example.com"), server, SENT_AT)
    kept = mailbox.messages(to="cut-before@example.com")
    assert len(kept) == 2
    assert len({message["message_id"] for message in kept}) == 1


async def test_a_sender_that_is_no_address_keeps_the_letter_for_later(server: MailServer):
    for sender in ("Frontrow", "Frontrow, tickets <tickets@frontrow.example>", "tickets@"):
        wrong = MailServer(host=server.host, port=server.port, sender=sender)
        with pytest.raises(MailUnavailable, match="not a mail address"):
            await smtp.send(letter(), wrong, SENT_AT)


async def test_no_server_is_unavailable():
    nobody = MailServer(host="127.0.0.1", port=free_port(), sender=SENDER, reply_seconds=1.0)
    with pytest.raises(MailUnavailable, match="did not take the letter"):
        await smtp.send(letter(), nobody, SENT_AT)


async def test_a_letter_is_not_sent_in_the_clear_when_tls_is_asked_for(mailbox: MailboxProcess, server: MailServer):
    for security in ("starttls", "tls"):
        secure = MailServer(
            host=server.host, port=server.port, sender=SENDER, security=security, reply_seconds=1.0, total_seconds=2.0
        )
        with pytest.raises(MailUnavailable):
            await smtp.send(letter(to="clear@example.com"), secure, SENT_AT)
    assert mailbox.messages(to="clear@example.com") == []
