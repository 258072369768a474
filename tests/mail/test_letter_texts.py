"""What letters say, in both renderings, and that hostile names stay words."""

import re
from html.parser import HTMLParser
from uuid import UUID

import msgspec
import pytest

from mail.letters import (
    ATTACHMENT_BYTES_MAX,
    CancellationFacts,
    RefundFacts,
    SaleFacts,
    SeatLine,
    cancelled,
    confirmed,
    listed,
    money_back,
    postponed,
    refunded,
    sold,
)
from sagas.money import Money
from tests.mail.samples import HOSTILE, facts

pytestmark = pytest.mark.pure
PDF = b"%PDF-1.7 tickets"
REFUND = RefundFacts(refund_id=UUID(int=6), amount=Money(205000, "INR"), reason="late")


def sale(seat: SeatLine, fee: int = 10000) -> SaleFacts:
    price = Money(100000, "INR")
    return SaleFacts(
        listing_id=UUID(int=9), seat=seat, price=price, credited=Money(100000 - fee, "INR"), fee=Money(fee, "INR")
    )


def cancellation(seat: SeatLine, **changes) -> CancellationFacts:
    usual = {"cancellation_id": UUID(int=8), "seats": (seat,), "amount": Money(1, "INR"), "retained": Money(0, "INR"),
             "by": "buyer"}  # fmt: skip
    return CancellationFacts(**(usual | changes))


class Page(HTMLParser):
    """The tags and the visible words of a letter."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.said.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.said).split())


def test_a_confirmation_says_what_where_when_and_what_it_cost_twice():
    letter = confirmed(facts(), PDF, "frontrow.example")
    assert letter.to == "asha@example.com"
    assert letter.subject == "Your tickets: Hamlet (booking FR-7K3M9Q)"
    for rendering in (Page(letter.html).words, letter.text):
        for words in (
            "Asha Raghavan",
            "Hamlet",
            "Saturday, 5 December 2026, 7:30 PM IST",
            "Prithvi Theatre",
            "20 Janki Kutir, Juhu, Mumbai 400049",
            "Stalls, row C, seat 14",
            "Student",
            "₹1,250.00",
            "₹100.00",
            "₹2,050.00",
            "FR-7K3M9Q",
        ):
            assert words in rendering
        assert "Fees" not in rendering  # there were none
    assert facts().booking_url in letter.text
    assert ("href", facts().booking_url) in Page(letter.html).attributes


def test_the_tickets_travel_with_the_confirmation():
    (attachment,) = confirmed(facts(), PDF, "frontrow.example").attachments
    assert (attachment.name, attachment.content_type, attachment.content) == (
        "tickets-FR-7K3M9Q.pdf",
        "application/pdf",
        PDF,
    )


def test_a_letter_that_is_written_again_is_the_same_letter():
    assert confirmed(facts(), PDF, "frontrow.example") == confirmed(facts(), PDF, "frontrow.example")
    assert confirmed(facts(), PDF, "a.example").message_id == f"<confirmed.{UUID(int=5)}@a.example>"
    assert refunded(facts(), REFUND, "a.example").message_id == f"<refunded.{UUID(int=6)}@a.example>"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("late", "they had gone to somebody else"),
        ("double", "you paid twice"),
        ("wrong-amount", "not the amount that the booking costs"),
        ("something-new", "Something on our side"),
    ],
)
def test_a_refund_letter_says_how_much_why_and_where_to(reason: str, words: str):
    refund = RefundFacts(refund_id=UUID(int=6), amount=Money(205000, "INR"), reason=reason)
    letter = refunded(facts(), refund, "frontrow.example")
    for rendering in (Page(letter.html).words, letter.text):
        assert words.lower() in rendering.lower()
        assert "₹2,050.00 is on its way back to you" in rendering
    assert letter.subject == "Your money is on its way back: Hamlet (booking FR-7K3M9Q)"
    assert letter.attachments == ()


def test_money_that_went_to_the_wallet_is_not_promised_by_a_bank():
    refund = RefundFacts(refund_id=UUID(int=6), amount=Money(205000, "INR"), to="wallet", reason="late")
    letter = refunded(facts(), refund, "frontrow.example")
    assert "₹2,050.00 is back in your wallet" in letter.text
    assert "working" not in letter.text and "working" not in letter.html


@pytest.mark.parametrize("fee", [10000, 0])
def test_a_seller_hears_what_an_offered_ticket_will_bring(fee: int):
    letter = listed(facts(), sale(facts().seats[0], fee), "frontrow.example")
    assert letter.subject == "For sale: Hamlet (booking FR-7K3M9Q)"
    for rendering in (Page(letter.html).words, " ".join(letter.text.split())):
        assert "Your ticket is offered for ₹1,000.00" in rendering
        assert ("₹900.00 comes into" if fee else "₹1,000.00 comes into") in rendering
        assert ("fee of" in rendering, "fee of ₹100.00" in rendering) == (bool(fee), bool(fee))
        assert "Stalls, row C, seat 14" in rendering and "seat 15" not in rendering


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"by": "buyer"}, ["you have given these places back", "goes back the way it came"]),
        ({"by": "organiser"}, ["the organiser has cancelled these places"]),
        (
            {"amount": Money(5_000, "INR"), "waiting": Money(10_000, "INR")},
            ["₹50.00 goes back the way it came", "Your bank holds ₹100.00 because you have disputed this payment"],
        ),
        (
            {"amount": Money(0, "INR"), "taken": Money(10_000, "INR")},
            ["Your bank has given you ₹100.00 back already"],
        ),
        (
            {"by": "organiser", "reason": "show-cancelled"},
            ["Your show is cancelled", "has been cancelled. We are sorry"],
        ),
        ({"to": "wallet"}, ["is in your Frontrow wallet"]),
        ({"retained": Money(500, "INR")}, ["₹0.01 goes back", "₹5.00 is not given back"]),
        ({"amount": Money(0, "INR")}, ["Nothing was paid for them"]),
    ],
    ids=str,
)
def test_a_cancellation_says_by_whom_what_comes_back_and_what_does_not(changes, words):
    letter = cancelled(facts(), cancellation(facts().seats[0], **changes), "frontrow.example")
    for rendering in (Page(letter.html).words, " ".join(letter.text.split())):
        assert [word for word in words if word.lower() not in rendering.lower()] == []
        assert "seat 15" not in rendering, "its other seat is still theirs"


@pytest.mark.parametrize(("method", "words"), [("cash", "in cash"), ("terminal", "on your card")])
def test_money_that_the_box_office_gives_back_is_not_promised_by_a_bank(method, words):
    sale = facts(paid_by=method)
    refund = RefundFacts(refund_id=UUID(int=6), amount=Money(500, "INR"), to=method)
    told = cancelled(sale, cancellation(sale.seats[0], reason="show-cancelled"), "frontrow.example")
    assert f"The box office where you bought them gives you ₹0.01 back {words}." in " ".join(told.text.split())
    for letter in (money_back(sale, refund, "frontrow.example"), refunded(sale, refund, "frontrow.example")):
        for rendering in (Page(letter.html).words, " ".join(letter.text.split())):
            assert f"The box office has given it back to you {words}." in rendering
            assert "working days" not in rendering and "the way it came" not in rendering


def test_goodwill_says_how_much_why_and_that_the_tickets_stay_good():
    given = RefundFacts(refund_id=UUID(int=6), amount=Money(30000, "INR"), reason="The <b>lights</b>", goodwill=True)
    letter = money_back(facts(), given, "frontrow.example")
    for rendering in (Page(letter.html).words, " ".join(letter.text.split())):
        assert "₹300.00 has been given back" in rendering and "Their reason: The <b>lights</b>" in rendering
        assert "every ticket of it that was good is good still" in rendering
    usual = money_back(facts(), RefundFacts(refund_id=UUID(int=6), amount=Money(1, "INR"), reason="late"), "f.example")
    assert "late" not in usual.text and "good still" not in usual.text


@pytest.mark.parametrize(("now", "before"), [(0, 100), (70, 30)])
def test_a_cancellation_after_goodwill_says_what_comes_now_and_what_came_before(now: int, before: int):
    told = cancellation(facts().seats[0], amount=Money(now * 100, "INR"), before=Money(before * 100, "INR"))
    text = " ".join(cancelled(facts(), told, "frontrow.example").text.split())
    assert f"The organiser has given ₹{before}.00 of it back to you before." in text
    assert ("₹70.00 goes back the way it came" in text) == (now == 70)
    assert "Nothing was paid" not in text


def letters_from(name: str):
    hostile = facts(
        event=name,
        venue=name,
        hall=name,
        address=name,
        buyer_name=name,
        seats=(SeatLine(name, name, Money(1, "INR")),),
    )
    [seat] = hostile.seats
    return (
        confirmed(hostile, PDF, "frontrow.example"), refunded(hostile, REFUND, "frontrow.example"),
        cancelled(hostile, cancellation(seat, reason=name), "frontrow.example"),
        money_back(hostile, REFUND, "frontrow.example"),
        money_back(hostile, msgspec.structs.replace(REFUND, goodwill=True, reason=name), "frontrow.example"),
        postponed(hostile, None, UUID(int=7), "frontrow.example"),
        listed(hostile, sale(seat), "frontrow.example"), sold(hostile, sale(seat), "frontrow.example"),
    )  # fmt: skip


def test_hostile_names_come_out_as_words():
    for letter in letters_from(HOSTILE):
        page = Page(letter.html)
        assert "script" not in page.tags
        assert "<script>alert(1)</script>{{7*7}}{% raw %}" in page.words
        assert "<script>alert(1)</script>{{7*7}}{% raw %}" in letter.text
        assert "\u202e" not in letter.html + letter.text + letter.subject
        assert not re.search(r"^\s*Bcc:", letter.text, re.MULTILINE)


def test_a_subject_is_one_short_line_that_keeps_the_booking_s_code():
    for letter in letters_from(HOSTILE):
        assert letter.subject.isprintable()
        assert len(letter.subject) <= 150
        assert letter.subject.endswith("(booking FR-7K3M9Q)")


def test_no_letter_loads_anything_from_outside():
    for letter in letters_from("Hamlet"):
        page = Page(letter.html)
        assert not {"img", "link", "script", "iframe", "object", "embed", "form"} & set(page.tags)
        assert [value for name, value in page.attributes if name in ("src", "background")] == []
        assert "url(" not in letter.html and "@import" not in letter.html


def test_a_link_that_is_no_web_address_is_refused():
    with pytest.raises(ValueError, match="http or https only"):
        confirmed(facts(booking_url="javascript:alert(1)"), PDF, "frontrow.example")


@pytest.mark.parametrize("count", [0, 101])
def test_a_letter_names_at_most_a_booking_s_worth_of_seats(count: int):
    with pytest.raises(ValueError, match="1 to 100 seats"):
        confirmed(facts(seats=facts().seats[:1] * count), PDF, "frontrow.example")


@pytest.mark.parametrize("pdf", [b"", b"<html>", b"%PDF-" + b"x" * ATTACHMENT_BYTES_MAX])
def test_only_a_pdf_that_a_mail_server_would_take_is_attached(pdf: bytes):
    with pytest.raises(ValueError, match=r"PDF|too large"):
        confirmed(facts(), pdf, "frontrow.example")
