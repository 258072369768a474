"""An organiser's figures and exports: what was sold and held, to the last paisa, and nothing of anybody else."""

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from box_office import PRICE, problem_of, until

from edge.figures import cell


@pytest.fixture
async def own_show(shows, rows, member):
    """A show with seats and standing places, of the member's organiser."""
    show = await shows.make(standing=5)
    event = await rows.fetchval("SELECT event_id FROM show WHERE id = $1", uuid.UUID(show.id))
    await rows.execute("UPDATE event SET organiser_id = $2 WHERE id = $1", event, uuid.UUID(member.organiser_id))
    return show


async def sell(buyers, show, *seats):
    buyer = await buyers.make(wallet=10_000_000)
    held = await buyer.hold(show, *seats, wallet=True)

    async def confirmed():
        return (await buyer.booking(held["id"]))["status"] == "confirmed"

    await until(f"{held['id']} is confirmed", confirmed)
    return held


async def figures(member, **query):
    answer = await member.ask("GET", "/v1/organiser/figures", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rupees(amount):
    return {"amount": amount, "currency": "INR"}


async def test_figures_are_what_was_sold_and_held(member, own_show, buyers):
    assert (await figures(member))["totals"] == []
    await sell(buyers, own_show, *own_show.seats[:3])
    await (await buyers.make()).hold(own_show, own_show.seats[5])
    found = await figures(member)
    [total] = found["totals"]
    assert (total["sold"], total["held"], total["revenue"]) == (3, 1, rupees(3 * PRICE))
    [section] = found["sections"]
    assert (section["sold"], section["held"], section["revenue"]) == (3, 1, rupees(3 * PRICE))
    [day] = found["days"]
    assert (day["sold"], day["revenue"]) == (3, rupees(3 * PRICE))
    [show] = found["shows"]
    assert (show["show_id"], show["sold"], show["held"], show["places"]) == (own_show.id, 3, 1, 25)


async def test_figures_are_never_stale(member, own_show, buyers):
    """What was counted before is counted again as soon as a seat has changed."""
    for sold in (1, 2, 3):
        await sell(buyers, own_show, own_show.seats[sold])
        assert (await figures(member))["totals"][0]["sold"] == sold
        assert (await figures(member))["totals"][0]["sold"] == sold, "and asking twice counts nothing twice"


async def test_figures_are_narrowed_by_show_and_day(member, own_show, buyers):
    await sell(buyers, own_show, own_show.seats[0])
    today = datetime.now(UTC).date()
    around = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}
    assert (await figures(member, show_id=own_show.id, **around))["totals"][0]["sold"] == 1
    assert (await figures(member, **{"from": str(today + timedelta(days=2))}))["totals"] == []
    assert (await figures(member, show_id=str(uuid.uuid4())))["shows"] == []
    answer = await member.ask("GET", "/v1/organiser/figures", params={"from": "2026-12-05", "to": "2026-12-01"})
    assert problem_of(answer, 422)["errors"][0]["pointer"] == "/to"


async def test_lists_figures_and_exports_hold_nothing_of_another_organiser(member, make_member, own_show, buyers):
    """pretix 5600: scoped also when another's show or event is named."""
    await sell(buyers, own_show, own_show.seats[0])
    stranger = await make_member()
    for query in ({}, {"show_id": own_show.id}):
        assert await figures(stranger, **query) == {"totals": [], "sections": [], "days": [], "shows": []}
        export = await stranger.ask("GET", "/v1/organiser/sales.csv", params=query)
        assert len(export.text.splitlines()) == 1, "the head only"
    header = {"Frontrow-Organiser": member.organiser_id}
    for path in ("figures", "sales.csv"):
        problem_of(await stranger.ask("GET", f"/v1/organiser/{path}", headers=header), 404)
        problem_of(await (await buyers.make()).ask("GET", f"/v1/organiser/{path}"), 403)
        problem_of(await buyers.nobody().ask("GET", f"/v1/organiser/{path}"), 401)


async def test_every_seat_that_was_sold_is_a_line_of_the_export(member, own_show, buyers):
    sold = await sell(buyers, own_show, *own_show.seats[:2])
    await (await buyers.make()).hold(own_show, own_show.seats[5])
    answer = await member.ask("GET", "/v1/organiser/sales.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="sales.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["booking"] for line in lines] == [sold["code"]] * 2
    assert [line["seat"] for line in lines] == [seat["label"] for seat in sold["seats"]]
    assert {line["price"] for line in lines} == {"500.00"} and {line["currency"] for line in lines} == {"INR"}


async def test_csv_export_escapes_formulas(member, own_show, buyers, rows):
    """`=cmd` in an event's title stays text in a spreadsheet."""
    await sell(buyers, own_show, own_show.seats[0])
    title = "=cmd|' /C calc'!A0"
    await rows.execute("UPDATE event SET title = $2 WHERE organiser_id = $1", uuid.UUID(member.organiser_id), title)
    answer = await member.ask("GET", "/v1/organiser/sales.csv")
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert line["event"] == f"'{title}"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "|calc"])
def test_a_cell_that_begins_like_a_formula_is_told_as_text(text):
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"
