"""Invoices and credit notes: each sale has one, numbers have no gaps, and the amounts are what was paid."""

import csv
import io
import uuid

import pytest
from box_office import PRICE, new_key, problem_of, until

from sagas.terms import Fees, Rules, Tax
from tests.mail.test_ticket_pdf import text_of

CHARGES = Rules(fees=Fees(per_ticket=1_500), tax=Tax(basis_points=1_800), refund_until_hours=1, refund_percent=50)


@pytest.fixture
async def own_show(shows, rows, member):
    """A show of the member's organiser, with fees and tax on top."""
    show = await shows.make(rules=CHARGES)
    event = await rows.fetchval("SELECT event_id FROM show WHERE id = $1", uuid.UUID(show.id))
    await rows.execute("UPDATE event SET organiser_id = $2 WHERE id = $1", event, uuid.UUID(member.organiser_id))
    return show


async def buy(buyers, show, *seats):
    buyer = await buyers.make(wallet=10_000_000)
    held = await buyer.hold(show, *seats, wallet=True)
    return buyer, await buyer.until_ticketed(held["id"])


async def papers(buyer, booking, count):
    async def look():
        answer = await buyer.ask("GET", f"/v1/bookings/{booking['id']}/invoices")
        assert answer.status_code == 200, answer.text
        found = answer.json()["items"]
        return found if len(found) == count else None

    return await until(f"there are {count} papers", look)


async def test_an_invoice_says_what_was_paid_to_the_paisa(member, own_show, buyers):
    buyer, booking = await buy(buyers, own_show, *own_show.seats[:3])
    [invoice] = await papers(buyer, booking, 1)
    assert (invoice["kind"], invoice["corrects"], invoice["booking_code"]) == ("invoice", None, booking["code"])
    assert invoice["number"].startswith("INV-20") and invoice["number"].endswith("-000001")
    assert invoice["seller"]["legal_name"] == "Test Evenings Ltd"
    assert invoice["total"] == booking["amounts"]["total"]
    assert [line["price"]["amount"] for line in invoice["lines"]] == [PRICE] * 3
    parts = sum(line["price"]["amount"] - line["discount"]["amount"] for line in invoice["lines"])
    assert invoice["fees"]["amount"] == 4_500
    assert (invoice["tax_inclusive"], invoice["tax_basis_points"]) == (False, 1_800)
    assert parts + invoice["fees"]["amount"] + invoice["tax"]["amount"] == invoice["total"]["amount"]


async def test_a_credit_note_corrects_its_invoice_by_what_is_given_back(member, own_show, buyers):
    buyer, booking = await buy(buyers, own_show, *own_show.seats[:2])
    answer = await buyer.ask(
        "POST", f"/v1/bookings/{booking['id']}/cancellations", json={"seats": [own_show.seats[0]]},
        headers={"Idempotency-Key": new_key(), "Prefer": "wait=10"},
    )  # fmt: skip
    assert answer.status_code < 300, answer.text
    invoice, note = await papers(buyer, booking, 2)
    assert (note["kind"], note["corrects"]) == ("credit-note", invoice["id"])
    assert note["number"].startswith("CN-") and note["number"].endswith("-000001")
    assert len(note["lines"]) == 1 and 0 < note["total"]["amount"] < invoice["total"]["amount"]
    assert 0 < note["tax"]["amount"] < invoice["tax"]["amount"]
    for paper, title in ((invoice, "Invoice"), (note, "Credit note")):
        path = f"/v1/bookings/{booking['id']}/invoices/{paper['id']}/pdf"
        printed = [await buyer.ask("GET", path) for _ in range(2)]
        assert [answer.status_code for answer in printed] == [200, 200], printed[0].text
        assert printed[0].content == printed[1].content
        text = " ".join(text_of(printed[0].content))
        assert title in text and paper["number"] in text and invoice["number"] in text
    stranger = await buyers.make()
    problem_of(await stranger.ask("GET", path), 404)
    problem_of(await buyer.ask("GET", f"/v1/bookings/{booking['id']}/invoices/{uuid.uuid4()}/pdf"), 404)


async def test_an_invoice_is_made_out_as_its_buyer_wished_when_it_was_numbered(member, own_show, buyers):
    path, company = "/v1/me/invoice-to", {"name": "Kiran & Co", "tax_id": "29ABCDE1234F2Z5"}
    buyer = await buyers.make(wallet=10_000_000)
    problem_of(await buyer.ask("GET", path), 404)
    for wrong in ({"name": ""}, {"tax_id": "29ABCDE1234F2Z5"}, {"name": "K", "tax_id": "<b>"}, {"name": "K\u202e"}):
        problem_of(await buyer.ask("PUT", path, json=wrong), 422)
    assert (await buyer.ask("PUT", path, json={"name": "An earlier wish"})).json()["tax_id"] is None
    assert (await buyer.ask("PUT", path, json=company)).json() == company
    assert (await buyer.ask("GET", path)).json() == company
    held = await buyer.hold(own_show, *own_show.seats[:2], wallet=True)
    booking = await buyer.until_ticketed(held["id"])
    await papers(buyer, booking, 1)

    assert [(await buyer.ask("DELETE", path)).status_code for _ in range(2)] == [204, 204]
    answer = await buyer.ask(
        "POST", f"/v1/bookings/{booking['id']}/cancellations", json={"seats": [own_show.seats[0]]},
        headers={"Idempotency-Key": new_key(), "Prefer": "wait=10"},
    )  # fmt: skip
    assert answer.status_code < 300, answer.text
    invoice, note = await papers(buyer, booking, 2)
    assert [invoice["invoice_to"], note["invoice_to"]] == [company, company]
    printed = await buyer.ask("GET", f"/v1/bookings/{booking['id']}/invoices/{invoice['id']}/pdf")
    assert "Kiran & Co" in (text := " ".join(text_of(printed.content))) and "29ABCDE1234F2Z5" in text
    found = (await member.ask("GET", "/v1/organiser/invoices")).json()["items"]
    assert [item["invoice_to"] for item in found] == [company, company]
    export = await member.ask("GET", "/v1/organiser/invoices.csv")
    told = [(line["to"], line["to_tax_id"]) for line in csv.DictReader(io.StringIO(export.text))]
    assert told == [("Kiran & Co", "29ABCDE1234F2Z5")] * 2

    again = await buyer.hold(own_show, own_show.seats[5], wallet=True)
    [later] = await papers(buyer, await buyer.until_ticketed(again["id"]), 1)
    assert later["invoice_to"] is None


async def test_an_organiser_s_numbers_count_up_without_gaps_and_are_its_own(member, make_member, own_show, buyers):
    bought = [await buy(buyers, own_show, seat) for seat in own_show.seats[:4]]
    for buyer, booking in bought:
        await papers(buyer, booking, 1)
    found = (await member.ask("GET", "/v1/organiser/invoices", params={"limit": 3})).json()
    rest = (await member.ask("GET", "/v1/organiser/invoices", params={"cursor": found["next_cursor"]})).json()
    told = [item["number"][-6:] for item in found["items"] + rest["items"]]
    assert told == ["000004", "000003", "000002", "000001"] and rest["next_cursor"] is None
    export = await member.ask("GET", "/v1/organiser/invoices.csv")
    assert [line["number"][-6:] for line in csv.DictReader(io.StringIO(export.text))] == told
    stranger = await make_member()
    assert (await stranger.ask("GET", "/v1/organiser/invoices")).json()["items"] == []
    header = {"Frontrow-Organiser": member.organiser_id}
    problem_of(await stranger.ask("GET", "/v1/organiser/invoices.csv", headers=header), 404)


async def test_what_costs_nothing_has_no_invoice(member, shows, rows, buyers):
    show = await shows.make(price=0)
    buyer = await buyers.make()
    held = await buyer.hold(show, show.seats[0])
    await buyer.until_ticketed(held["id"])
    assert (await buyer.ask("GET", f"/v1/bookings/{held['id']}/invoices")).json() == {"items": []}
