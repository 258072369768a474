"""Every operation that exists, asked for by everybody: who is let in is what the table says, on the real edge.

What is walked comes from the routes, so that a new operation is walked by itself."""

import asyncio
import re
import uuid

import pytest
from box_office import new_key, problem_of

from edge.operation import OPERATIONS, Operation
from edge.server import make_app  # noqa: F401  importing it routes everything
from store.organisers import ROLES
from tests.edge.cast import Cast, Person, join, make_body, make_cast, make_member
from tests.edge.house import make_house

PEOPLE = (
    "anonymous", "buyer", "other buyer", "admin", "admin of a quarter of an hour ago", "other organiser",
    "scanner of another body", "owner of a suspended body", "owner of a body that applies", "owner of a closed body",
    "suspended owner", *ROLES,
)  # fmt: skip
#: What others have believed: roles and people that a client names itself.
CLAIMS = {
    "X-Role": "ADMIN", "X-User-Role": "admin", "X-User-Id": str(uuid.uuid4()), "Role": "admin", "X-Admin": "true",
    "X-Forwarded-User": "admin", "X-Original-URL": "/v1/events",
}  # fmt: skip

every_operation = pytest.mark.parametrize("walked", OPERATIONS, ids=lambda operation: operation.name)


@pytest.fixture
async def cast(rows, buyers):
    return await make_cast(rows, buyers)


def path_of(walked: Operation, **known: str) -> str:
    """The operation's path; whatever is not known is something that does not exist."""
    return re.sub(r"{(\w+)}", lambda name: known.get(name[1]) or str(uuid.uuid4()), walked.path)


async def knock(person: Person, walked: Operation, path: str, **headers: str):
    """Ask, with a body that nobody could mean: who is let in is told so, and nothing is done."""
    given = {"Idempotency-Key": new_key()} if walked.key else {}
    body = {"json": {"nothing-has-this-field": True}} if walked.body is not None else {}
    return await person.ask(walked.method, path, headers=given | headers, **body)


def expected(walked: Operation, person: Person, body: str | None) -> int | None:
    """The status that stops the person; None when they are let in.  ``body`` is the organiser that is named, if any."""
    rule = walked.rule
    if rule.needs in ("nothing", "perhaps-account"):
        return None
    if person.account is None:
        return 401
    if rule.needs == "admin":
        return None if person.account == "admin" else 403
    if rule.needs == "account" or person.account == "admin":
        return None
    if body is not None and body not in person.roles:
        return 404
    if body is None and (person.body is None or person.body.status not in rule.statuses):
        return 403
    role = person.roles[body or person.body.id]
    return None if role in rule.roles and person.body.status in rule.statuses else 403


def check(walked: Operation, answer, status: int | None) -> None:
    """Stopped with this status; or let in, and then a body that makes no sense is refused."""
    if status is not None:
        problem_of(answer, status)
    elif walked.rule.needs != "nothing":
        assert answer.status_code not in (401, 403), answer.text
        assert walked.body is None or answer.status_code == 422, answer.text
    else:
        assert answer.status_code != 403 and (answer.status_code != 401 or 401 in walked.problems), answer.text
    assert answer.status_code < 500 or answer.status_code == 503


async def walk(walked: Operation, person: Person, house: str, **headers: str) -> str:
    """What was not as the table says, if anything."""
    in_path = "{organiser_id}" in walked.path
    path = path_of(walked, organiser_id=house)
    try:
        answer = await knock(person, walked, path, **headers)
        check(walked, answer, expected(walked, person, house if in_path and walked.rule.needs == "member" else None))
        if walked.rule.needs == "member" and not in_path:
            named = await knock(person, walked, path, **headers, **{"Frontrow-Organiser": house})
            check(walked, named, expected(walked, person, house))
    except AssertionError as error:
        return f"{person.name}: {error}"
    return ""


@every_operation
async def test_who_is_let_in_is_what_the_table_says(walked, cast: Cast):
    found = [await walk(walked, cast[name], cast.house.id) for name in PEOPLE]
    assert not any(found), "\n".join(filter(None, found))


@every_operation
async def test_x_role_headers_are_not_believed(walked, cast: Cast):
    names = ("anonymous", "buyer", "scanner of another body", "scanner")
    found = [await walk(walked, cast[name], cast.house.id, **CLAIMS) for name in names]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize(
    "walked", [o for o in OPERATIONS if o.rule.needs == "member"], ids=lambda operation: operation.name
)
async def test_a_body_that_is_not_yours_is_told_as_one_that_is_not_there(walked, cast: Cast):
    async def told(person: Person, body: str) -> dict:
        headers = {} if "{organiser_id}" in walked.path else {"Frontrow-Organiser": body}
        problem = problem_of(await knock(person, walked, path_of(walked, organiser_id=body), **headers), 404)
        return problem | {"request_id": ""}

    for name in ("buyer", "other organiser", "scanner of another body", "owner of a suspended body"):
        assert await told(cast[name], cast.house.id) == await told(cast[name], str(uuid.uuid4()))


@pytest.mark.parametrize(
    "walked", [o for o in OPERATIONS if "organiser_id}" in o.path or o.rule.needs == "member"], ids=lambda o: o.name
)
async def test_an_id_that_is_none_opens_nothing(walked, cast: Cast):
    for text in ("0", "../admin", "*", "' OR 1=1 --", "null", str(uuid.UUID(int=0))):
        answer = await knock(cast["other organiser"], walked, path_of(walked), **{"Frontrow-Organiser": text})
        assert answer.status_code in (400, 403, 404), answer.text


async def test_the_cast_is_everybody_the_table_speaks_of(cast: Cast):
    assert set(cast.people) == set(PEOPLE)
    met = {(expected(walked, person, None)) for walked in OPERATIONS for person in cast.people.values()}
    assert met >= {None, 401, 403}


async def test_who_belongs_to_several_bodies_says_for_which_they_act(rows, buyers):
    walked = next(o for o in OPERATIONS if o.name == "change_charges")
    first, second = await make_body(rows), await make_body(rows)
    person = await make_member(rows, buyers, first, "owner")
    check(walked, await knock(person, walked, path_of(walked)), None)
    await join(rows, person.caller, second, "owner")
    problem = problem_of(await knock(person, walked, path_of(walked)), 400)
    assert "Frontrow-Organiser" in problem["detail"]
    for body in (first, second):
        check(walked, await knock(person, walked, path_of(walked), **{"Frontrow-Organiser": body.id}), None)


@pytest.mark.parametrize(
    "walked", [o for o in OPERATIONS if o.rule.needs == "account" and "{booking_id}" in o.path], ids=lambda o: o.name
)
async def test_another_s_booking_is_told_as_one_that_is_not_there(walked, show, buyer, cast: Cast):
    """Also to admins, organisers and scanners: a booking's own calls are its buyer's."""
    booking = await buyer.hold(show, show.seats[0])

    async def told(person: Person, booking_id: str) -> dict:
        body = {"json": SAMPLES[walked.body.__name__]} if walked.body is not None else {}
        headers = {"Idempotency-Key": new_key()}
        path = path_of(walked, booking_id=booking_id)
        answer = await person.ask(walked.method, path, headers=headers, **body)
        return problem_of(answer, 404) | {"request_id": ""}

    people = [person for person in cast.people.values() if person.account is not None]
    foreign = await asyncio.gather(*(told(person, booking["id"]) for person in people))
    absent = await asyncio.gather(*(told(person, str(uuid.uuid4())) for person in people))
    assert foreign == absent
    assert (await buyer.booking(booking["id"]))["status"] == "held", "nothing has happened to it"


#: Bodies that fit, by type, for calls on bookings.
SAMPLES = {
    "MethodWish": {"method": "wallet"},
    "CancellationWish": {},
    "CheckoutAnswer": {
        "razorpay_order_id": "order_1", "razorpay_payment_id": "pay_1", "razorpay_signature": "0" * 64,
    },
}  # fmt: skip


#: A sale of the box office.
SALE = {"quantity": 1, "method": "terminal", "customer": {"name": "Walk In"}}

#: Bodies that fit, by type, for calls on what belongs to an organiser; a new type needs one here.
CHANGES = {
    "ShowChange": {"max_live_holds": 3}, "SeatNames": {"seats": ["0-0"]}, "NewCoupon": {"code": "MINE", "percent": 10},
    "CouponChange": {"max_uses": 1}, "EventChange": {"title": "Mine now"}, "HallChange": {"name": "Mine now"},
    "VenueChange": {"name": "Mine now"}, "Why": {"reason": "It is mine now"}, "Count": {"counted": []},
    "Postponement": {"starts_at": "2099-01-10T12:00:00Z", "refund_until": "2099-01-01T12:00:00Z"},
    "SaleCancellation": {}, "RefundWish": {"reason": "It is mine now", "to": "wallet"},
    "NewHall": {"name": "Mine", "sections": [{"name": "Floor", "kind": "standing", "tier": "A", "capacity": 5}]},
}  # fmt: skip


@pytest.mark.parametrize(
    "walked",
    [o for o in OPERATIONS if o.rule.needs == "member" and "{" in o.path and "{organiser_id}" not in o.path],
    ids=lambda operation: operation.name,
)
async def test_another_organiser_s_things_are_told_as_ones_that_are_not_there(walked, rows, buyers, cast: Cast):
    house = await make_house(rows, buyers)
    event = await house.event()
    show = await house.put_on(event)
    coupon = await house.ask("POST", f"/v1/shows/{show['id']}/coupons", json={"code": "HOUSE", "percent": 10})
    assert coupon.status_code == 201, coupon.text
    off = await house.put_on(event)
    cancelled = await house.ask("POST", f"/v1/shows/{off['id']}/cancel", json={"reason": "rain"})
    assert cancelled.status_code == 202, cancelled.text
    sale = await house.ask(
        "POST", f"/v1/shows/{show['id']}/sales", json=SALE, headers={"Idempotency-Key": new_key(), "Prefer": "wait=10"}
    )
    assert sale.status_code == 201, sale.text
    shift = await house.ask("POST", "/v1/box-office/shifts", headers={"Idempotency-Key": new_key()})
    assert shift.status_code == 201, shift.text
    paid = await rows.fetchval("SELECT id FROM payment WHERE booking_id = $1", uuid.UUID(sale.json()["id"]))
    owed = await rows.fetchval(
        """INSERT INTO refund (id, booking_id, payment_id, provider_payment_id, amount, currency, "to", reason, status,
            command_id, created_at)
        SELECT gen_random_uuid(), booking_id, id, '', 1, 'INR', 'cash', 'cancelled', 'failed', id, now()
        FROM payment WHERE id = $1 RETURNING id""",
        paid,
    )
    theirs = {
        "cancellation_id": cancelled.json()["id"], "event_id": str(event), "venue_id": str(house.venue),
        "hall_id": str(house.hall), "show_id": show["id"], "code": "HOUSE", "booking_id": sale.json()["id"],
        "shift_id": shift.json()["id"], "payment_id": str(paid),
        "refund_id": str(owed),
    }  # fmt: skip
    assert set(re.findall(r"{(\w+)}", walked.path)) <= set(theirs), "say what another organiser's is"
    bodies = CHANGES | {"NewShow": house.show(), "SaleWish": SALE}
    body = {"json": bodies[walked.body.__name__]} if walked.body is not None else {}
    if walked.name == "put_poster":
        body = {"content": b"\x89PNG\r\n\x1a\n", "headers": {"Content-Type": "image/png"}}

    async def told(**known: str) -> dict:
        absent = {"code": "HOUSE"} | known
        answer = await cast["other organiser"].ask(walked.method, path_of(walked, **absent), **body)
        return problem_of(answer, 404) | {"request_id": ""}

    assert await told(**theirs) == await told()


#: What others have taken from a body instead of from the token or the database.
MASS = {
    "user_id": str(uuid.uuid4()), "buyer_id": str(uuid.uuid4()), "role": "admin", "roleNom": "administrateur",
    "price": 1, "amount": 1, "status": "confirmed", "state": "sold", "paid": True, "balance": 10**9,
}  # fmt: skip


@pytest.mark.parametrize("name", MASS)
async def test_the_gateway_takes_no_user_id_role_or_price_from_the_body(name, show, buyer, http, edge_url, rows):
    more = {name: MASS[name]}
    problem_of(await buyer.wish(show, {"quantity": 1} | more), 422)
    registration = {"email": f"{uuid.uuid4()}@example.com", "password": "long-enough", "name": "N"} | more
    problem_of(await http.post(f"{edge_url}/v1/auth/register", json=registration), 422)
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE show_id = $1", uuid.UUID(show.id)) == 0


@pytest.mark.parametrize("path", ["/v1/me", "/v1/events", "/v1/organisers"])
async def test_no_cors_with_a_star_and_credentials(path, buyer):
    for origin in ("https://evil.example", "null", "http://127.0.0.1"):
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = await buyer.ask(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_anyone_may_refund_or_read_payments_is_not_so(buyer, cast: Cast):
    """What touches money that has been paid is for organisers and admins; of payments nobody reads another's."""
    for walked in OPERATIONS:
        if "refund" in walked.path:
            assert walked.rule.needs in ("member", "admin"), walked.name
        if walked.path.startswith("/v1/payments"):
            assert walked.rule.needs != "nothing", walked.name
    for person in (cast["anonymous"], cast["other buyer"]):
        for method, path in (("POST", "refunds"), ("GET", ""), ("POST", "charge")):
            answer = await person.ask(method, f"/v1/payments/{uuid.uuid4()}/{path}".rstrip("/"), json={"amount": 1})
            assert answer.status_code in (401, 403, 404, 405), answer.text
