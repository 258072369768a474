"""The mailbox: keeps what it takes, finds it again, shows hostile letters without running them."""

import concurrent.futures
import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from compose.mailbox import reading
from compose.mailbox.messages import MESSAGE_BYTES_MAX, Messages
from tests.mail.mailbox_process import MailboxProcess


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxProcess]:
    with MailboxProcess(tmp_path_factory.mktemp("mailbox")) as running:
        yield running


def letter(to: str, subject: str = "Hello", html: str = "<p>Hello</p>", pdf: bytes = b"%PDF-") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, subject
    message["Message-ID"] = f"<{subject}@example.com>"
    message.set_content("Hello in text")
    message.add_alternative(html, subtype="html")
    message.add_attachment(pdf, "application", "pdf", filename="tickets.pdf")
    return message


def post(mailbox: MailboxProcess, *letters: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, "test", timeout=10) as client:
        for message in letters:
            client.send_message(message)


def test_letters_are_listed_newest_first_and_found_by_address_and_words(mailbox: MailboxProcess):
    post(mailbox, *(letter("Order@Example.com", f"number-{number}") for number in range(5)))
    assert [kept["subject"] for kept in mailbox.messages(to="order@example.COM", limit=3)] == [
        "number-4",
        "number-3",
        "number-2",
    ]
    assert [kept["subject"] for kept in mailbox.messages(q="ORDER number-1")] == ["number-1"]
    third = mailbox.messages(to="order@example.com")[2]
    assert [kept["subject"] for kept in mailbox.messages(to="order@example.com", before=third["id"])] == [
        "number-1",
        "number-0",
    ]
    assert mailbox.messages(to="order@example") == []
    assert mailbox.messages(to="nobody@example.com") == []
    assert "html" not in mailbox.messages(to="order@example.com", brief="true")[0]


def test_a_letter_is_whole_by_its_id(mailbox: MailboxProcess):
    post(mailbox, letter("whole@example.com", html="<p>₹ हॉल</p>", pdf=b"%PDF-" + bytes(range(256))))
    (listed,) = mailbox.messages(to="whole@example.com")
    kept = mailbox.web.get(f"/api/messages/{listed['id']}").json()
    assert kept == listed
    assert kept["text"].strip() == "Hello in text" and "₹ हॉल" in kept["html"]
    pdf = mailbox.web.get(f"/api/messages/{kept['id']}/attachments/tickets.pdf")
    assert pdf.content == b"%PDF-" + bytes(range(256))
    assert pdf.headers["content-type"] == "application/pdf"


def test_letters_outlive_the_process_even_a_killed_one(tmp_path: Path):
    with MailboxProcess(tmp_path) as running:
        post(running, letter("kept@example.com"))
        running.process.kill()
        running.process.communicate()
        with (tmp_path / "messages.jsonl").open("ab") as index:
            index.write(b'{"id": "000000')  # a line torn by the kill
        running.start()
        assert len(running.messages(to="kept@example.com")) == 1
        post(running, letter("kept@example.com", "second"))
        assert [kept["subject"] for kept in running.messages(to="kept@example.com")] == ["second", "Hello"]
        began = time.monotonic()
        running.stop()
        assert running.process.returncode == 0 and time.monotonic() - began < 3


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path):
    messages = Messages(tmp_path, messages_max=3)
    for number in range(8):
        messages.keep(letter("many@example.com", f"number-{number}").as_bytes(), ["many@example.com"])
    assert [kept.subject for kept in messages.newest(to="many@example.com")] == ["number-7", "number-6", "number-5"]
    assert len(list(tmp_path.glob("*.eml"))) == 3
    messages.close()
    again = Messages(tmp_path, messages_max=3)
    assert len(again) == 3 and again.keep(b"Subject: x\r\n\r\n", ["a@b"]).id == "00000009"
    again.close()


def test_a_letter_that_is_too_large_is_refused(mailbox: MailboxProcess):
    with pytest.raises(smtplib.SMTPResponseException) as refusal:
        post(mailbox, letter("large@example.com", pdf=bytes(MESSAGE_BYTES_MAX)))
    assert refusal.value.smtp_code == 552
    assert mailbox.messages(to="large@example.com") == []


def test_a_hostile_letter_is_shown_without_power(mailbox: MailboxProcess):
    hostile = letter("hostile@example.com", html="<head></head><script>top.location='/x'</script>")
    hostile.add_attachment(b"<script>1</script>", "text", "html", filename="../../page.html")
    post(mailbox, hostile)
    (kept,) = mailbox.messages(to="hostile@example.com")
    shown = mailbox.web.get(f"/api/messages/{kept['id']}/html")
    assert shown.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "allow-scripts" not in shown.headers["content-security-policy"]
    name = kept["attachments"][1]["name"]
    assert "/" not in name
    saved = mailbox.web.get(f"/api/messages/{kept['id']}/attachments/{name}")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"] == "attachment"
    assert "default-src 'none'" in mailbox.web.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/messages?limit=0", None, 422),
        ("GET", "/api/messages?limit=many", None, 422),
        ("GET", "/api/messages/../../etc/passwd", None, 404),
        ("GET", "/api/messages/99999999", None, 404),
        ("GET", "/api/messages/99999999/html", None, 404),
        ("POST", "/control/faults", b"{", 422),
        ("POST", "/control/faults", b'{"kind": "earthquake"}', 422),
        ("POST", "/control/faults", b'{"kind": "4xx", "next": 0}', 422),
        ("POST", "/control/faults", b'{"kind": "4xx", "nxt": 1}', 422),
        ("DELETE", "/api/messages", None, 405),
    ],
)
def test_bad_requests_get_a_sentence(mailbox: MailboxProcess, method: str, path: str, body: bytes | None, status: int):
    answer = mailbox.web.request(method, path, content=body)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_ordered_faults_are_played_in_turn_and_counted_down(mailbox: MailboxProcess):
    mailbox.order("4xx", next=2)
    mailbox.order("5xx")
    assert mailbox.web.get("/control/faults").json() == [{"kind": "4xx", "next": 2}, {"kind": "5xx", "next": 1}]
    codes = []
    for _ in range(4):
        try:
            post(mailbox, letter("faults@example.com"))
            codes.append(250)
        except smtplib.SMTPDataError as error:
            codes.append(error.smtp_code)
    assert codes == [451, 451, 554, 250]
    assert mailbox.web.get("/control/faults").json() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no headers at all",
        b"Subject: =?utf-8?b?broken\r\nFrom: <<<>>\r\n\r\nbody",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=unheard-of\r\n\r\n\xff\xfe",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!not base64",
        b'Content-Type: text/html\r\nContent-Disposition: attachment; filename="..\\..\\x"\r\n\r\nx',
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\ny\r\n" * 5000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        + b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n1\r\n--y\r\n\r\n2\r\n--y--\r\n" * 40,
        b"Subject: \xff\xfe =?utf-8?q?=ED=A0=80?=\r\n\r\n",
        b"\xff\xfe\x00: \x00\r\n\r\n\x00",
    ],
)
def test_anything_can_be_read_as_some_letter(raw: bytes):
    read = reading.read(raw)
    assert len(read.attachments) <= reading.PARTS_MAX
    read.subject.encode()
    read.text.encode()


def test_a_connection_can_be_cut_right_after_the_answer(mailbox: MailboxProcess):
    mailbox.order("cut-after-250")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, "test", timeout=5) as client:
        assert client.send_message(letter("cut@example.com")) == {}
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
    assert len(mailbox.messages(to="cut@example.com")) == 1


def test_many_letters_at_once_are_all_kept_and_lists_stay_fast(mailbox: MailboxProcess):
    batch = [letter("storm@example.com", f"storm-{number}", pdf=bytes(50_000)) for number in range(50)]
    with concurrent.futures.ThreadPoolExecutor(4) as senders:
        list(senders.map(lambda part: post(mailbox, *batch[part::4]), range(4)))
    began = time.monotonic()
    kept = mailbox.messages(to="storm@example.com", limit=100)
    assert time.monotonic() - began < 1
    assert {message["subject"] for message in kept} == {f"storm-{number}" for number in range(50)}
