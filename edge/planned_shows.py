"""New shows as they are to be: what their organiser's body means, and whether they may be put on so."""

from datetime import datetime
from typing import Any, NamedTuple

from edge import show_bodies as bodies
from edge.acting import Acting
from edge.problems import Problem, invalid
from edge.show_bodies import NewShow
from sagas import clock
from sagas.messages import Price
from sagas.seat_plan import SeatPlan
from store import shows as rows
from store.organisers import status_kept


async def check_approved(connection: Any, acting: Acting) -> None:
    """Shows are put on by approved bodies, which stay so until the transaction's end; admins act for others too."""
    status = await status_kept(connection, acting.organiser_id)
    if status != "approved" and (acting.role != "admin" or status == "closed"):
        raise Problem(403, "This organiser is not approved any more.", kind="organiser-not-approved")


def check_open(event: Any, hall: Any) -> None:
    if event["status"] == "over" or not hall["active"]:
        raise Problem(409, "This event is over." if hall["active"] else "This venue is closed.")


class Planned(NamedTuple):
    """Shows as they are to be: start, end and close of the sale of each, and the terms that all of them have."""

    times: list[tuple[datetime, datetime, datetime]]
    terms: dict[str, Any]
    several: bool


def plan_shows(body: NewShow, event: Any, hall: Any, plan: SeatPlan, charged: rows.Charges) -> Planned:
    """What a body means.  Raises the problem of one that means nothing in this hall."""
    zone, several = hall["time_zone"], isinstance(body.starts_at, list)
    bodies.check_currency(body.currency)
    opens = clock.now() if body.sale_opens_at is None else bodies.moment(body.sale_opens_at, "/sale_opens_at", zone)
    if several and body.ends_at is not None:
        raise invalid("/ends_at", "several shows end after their event's duration, or after 3 hours")
    seconds = (event["duration_minutes"] or 0) * 60 or bodies.USUAL_SECONDS
    times: list[tuple[datetime, datetime, datetime]] = []
    for index, start in enumerate(body.starts_at if isinstance(body.starts_at, list) else [body.starts_at]):
        begins = bodies.moment(start, _start(several, index), zone)
        ends = clock.after(begins, seconds) if body.ends_at is None else bodies.moment(body.ends_at, "/ends_at", zone)
        closes = begins
        if body.sale_closes_at is not None:
            closes = bodies.moment(body.sale_closes_at, "/sale_closes_at", zone)
        times.append((begins, ends, closes))
    terms = {
        "currency": body.currency, "prices": {p.section_id: p.amount for p in bodies.prices_of(body.prices, plan)},
        "sale_opens_at": opens, "hold_seconds": body.hold_seconds, "max_seats_per_booking": body.max_seats_per_booking,
        "max_seats_per_buyer": body.max_seats_per_buyer, "max_live_holds": body.max_live_holds,
        "rules": rows.with_charges(bodies.rules_of(body, plan, zone, opens), charged),
    }  # fmt: skip
    return Planned(times, terms, several)


def _start(several: bool, index: int) -> str:
    return f"/starts_at/{index}" if several else "/starts_at"


def check_planned(planned: Planned, hall: Any) -> None:
    """Shows lie ahead, while their venue is open, beside each other; and what they sell can be paid."""
    terms, before = planned.terms, list[tuple[datetime, datetime, datetime]]()
    for index, (begins, ends, closes) in enumerate(planned.times):
        pointer = _start(planned.several, index)
        bodies.check_times(begins, ends, hall, pointer)
        bodies.check_sale(terms["sale_opens_at"], closes, ends)
        if any(begins < other[1] and other[0] < ends for other in before):
            raise invalid(pointer, "this overlaps with another start of the list")
        before.append((begins, ends, closes))
    prices = [Price(section_id, amount) for section_id, amount in terms["prices"].items()]
    bodies.check_payable(terms["currency"], prices, terms["rules"], terms["max_seats_per_booking"], bodies.COSTLY)
