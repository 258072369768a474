"""The box office: staff sell for cash or at the terminal, or give tickets away; what a shift should hold, and held."""

import asyncio
import uuid

import pytest
from box_office import forget_the_note, new_key, problem_of, until

from store import box_office
from tests.edge.cast import Body, join
from tests.edge.house import make_house

PRICE = 50_000
CUSTOMER = {"name": "Asha Walk-In"}


@pytest.fixture
async def house(rows, buyers):
    return await make_house(rows, buyers)


@pytest.fixture
async def seller(house, rows, buyers):
    """Somebody who sells for the house, and does no more there."""
    person = await buyers.make(role="organiser")
    await join(rows, person, Body(str(house.id), "approved"), "box-office")
    return person


@pytest.fixture
async def shift(seller):
    """The seller's, which is open."""
    opened = await open_shift(seller)
    assert opened.status_code == 201, opened.text
    return opened.json()


async def sell(seller, show, *seats, key="", wait=10, **more):
    wish = {"seats": list(seats)} if seats else {}
    body = {"method": "cash", "customer": CUSTOMER} | wish | more
    headers = {"Idempotency-Key": key or new_key()} | ({"Prefer": f"wait={wait}"} if wait else {})
    return await seller.ask("POST", f"/v1/shows/{show['id']}/sales", json=body, headers=headers)


async def sold(seller, show, *seats, **more):
    answer = await sell(seller, show, *seats, **more)
    assert answer.status_code == 201, answer.text
    return await until_ticketed(seller, answer.headers["location"])


async def until_ticketed(seller, path):
    async def look():
        seen = (await seller.ask("GET", path)).json()
        return seen if seen["status"] == "confirmed" and len(seen["tickets"]) == len(seen["seats"]) else None

    return await until("the sale has its tickets", look)


async def until_at_rest(rows, sale):
    """Its saga has ended: nobody waits for a letter that nobody gets."""
    look = "SELECT course = 'ended' FROM saga WHERE id = $1"
    await until("the sale's saga has ended", lambda: rows.fetchval(look, uuid.UUID(sale["id"])))


async def booked(rows, sale, account):
    """What the ledger has of a booking on an account."""
    return await rows.fetchval(
        """SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entry e JOIN ledger_transaction t
        ON t.id = e.transaction_id WHERE t.booking_id = $1 AND e.account = $2""",
        uuid.UUID(sale["id"]), account,
    )  # fmt: skip


@pytest.mark.usefixtures("shift")
@pytest.mark.parametrize("method", ["cash", "terminal"])
async def test_a_sale_is_paid_ticketed_and_booked_at_once(method, house, seller, rows):
    show = await house.put_on()
    seats = (await house.seats(show))[:2]
    sale = await sold(seller, show, *seats, method=method)
    assert (sale["payment"]["method"], sale["payment"]["status"]) == (method, "captured")
    assert sale["amounts"]["total"]["amount"] == 2 * PRICE
    assert await booked(rows, sale, method) == 2 * PRICE
    assert await booked(rows, sale, "organiser") == -2 * PRICE
    await until_at_rest(rows, sale)
    assert await rows.fetchval("SELECT count(*) FROM letter WHERE booking_id = $1", uuid.UUID(sale["id"])) == 0


@pytest.mark.usefixtures("shift")
async def test_the_tickets_are_printed_with_the_customers_name(house, seller, rows):
    show = await house.put_on()
    sale = await sold(seller, show, (await house.seats(show))[0])
    path = f"/v1/shows/{show['id']}/sales/{sale['id']}/tickets.pdf"

    async def printed():
        answer = await seller.ask("GET", path)
        return answer.content if answer.status_code == 200 else None

    pdf = await until("the tickets are printed", printed)
    text = await asyncio.create_subprocess_exec(
        "pdftotext", "-", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await text.communicate(pdf)
    assert CUSTOMER["name"] in out.decode()
    listed = (await house.ask("GET", f"/v1/shows/{show['id']}/bookings")).json()["items"]
    assert listed[0]["buyer"]["name"] == CUSTOMER["name"]


@pytest.mark.usefixtures("shift")
async def test_who_leaves_an_address_gets_the_tickets_by_mail(house, seller, mailbox):
    show = await house.put_on()
    email = f"walk-in-{uuid.uuid4()}@example.com"
    await sold(seller, show, (await house.seats(show))[0], customer=CUSTOMER | {"email": email})
    letter = await mailbox.until_letter(email)
    assert any(file["content_type"] == "application/pdf" for file in letter["attachments"])
    assert "paid in cash" in letter["text"] and CUSTOMER["name"] in letter["text"]


async def test_a_complimentary_ticket_costs_nothing_and_moves_no_money(house, seller, rows):
    await house.ask(
        "PATCH", "/v1/organiser/settings", json={"fees": {"per_ticket": 500}, "tax": {"basis_points": 1800}}
    )
    show = await house.put_on()
    sale = await sold(seller, show, quantity=2, method="comp")
    assert (sale["amounts"]["total"]["amount"], sale["payment"]["method"]) == (0, "comp")
    assert sale["amounts"]["discount"] == sale["amounts"]["seats"]
    await until_at_rest(rows, sale)
    assert not await rows.fetchval(
        "SELECT count(*) FROM ledger_transaction WHERE booking_id = $1", uuid.UUID(sale["id"])
    )
    problem_of(await sell(seller, show, quantity=1, method="comp", coupon="TEN"), 422)


@pytest.mark.usefixtures("shift")
async def test_staff_and_buyers_ask_the_same_lane_for_a_seat(house, seller, buyer):
    show = await house.put_on()
    seat = (await house.seats(show))[0]
    answers = await asyncio.gather(
        *(sell(seller, show, seat) for _ in range(4)), *(buyer.wish(show["id"], {"seats": [seat]}) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


@pytest.mark.usefixtures("shift")
async def test_asking_twice_is_one_sale(house, seller, rows):
    show = await house.put_on()
    seats = await house.seats(show)
    key = new_key()
    answers = await asyncio.gather(*(sell(seller, show, seats[0], key=key) for _ in range(5)))
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} == {answers[0].json()["id"]}
    assert all(answer.status_code in (201, 202) for answer in answers)
    problem_of(await sell(seller, show, seats[1], key=key), 422, "key-reused")
    problem_of(await sell(seller, show, seats[0], key=key, method="comp"), 422, "key-reused")
    problem_of(await sell(seller, show, seats[0], key=key, customer={"name": "Another"}), 422, "key-reused")
    sales = "SELECT count(*) FROM box_office_sale WHERE show_id = $1"
    assert await rows.fetchval(sales, uuid.UUID(show["id"])) == 1


@pytest.mark.usefixtures("shift")
async def test_caps_are_for_buyers(house, seller, rows):
    show = await house.put_on(max_seats_per_booking=2, max_seats_per_buyer=2, max_live_holds=1)
    sale = await sold(seller, show, quantity=5)
    assert len(sale["seats"]) == 5
    assert len((await sold(seller, show, quantity=3))["seats"]) == 3


async def test_only_staff_sell_without_the_provider(house, buyer, seller):
    """Anyone can confirm without paying: nobody can, and what a buyer says of it is not believed."""
    show = await house.put_on()
    for method in ("cash", "terminal", "comp", "none"):
        problem_of(await buyer.wish(show["id"], {"quantity": 1, "payment": {"method": method}}), 422)
    problem_of(await sell(buyer, show, quantity=1), 403)
    held = await buyer.wish(show["id"], {"quantity": 1})
    for body in ({"method": "cash"}, {"method": "comp"}):
        path = f"/v1/bookings/{held.json()['id']}/payment"
        problem_of(await buyer.ask("POST", path, json=body, headers={"Idempotency-Key": new_key()}), 422)
    problem_of(await sell(seller, show, quantity=1, payment={"method": "wallet"}), 422)


BAD = {
    "no method": ({"method": None}, "/method"),
    "by cheque": ({"method": "cheque"}, "/method"),
    "nobody": ({"customer": None}, "/customer"),
    "no name": ({"customer": {"name": ""}}, "/customer/name"),
    "a NUL in the name": ({"customer": {"name": "A\x00"}}, "/customer/name"),
    "no address": ({"customer": {"name": "A", "email": "nowhere"}}, "/customer/email"),
    "a second line": ({"customer": {"name": "A", "email": "a@b.c\nBcc: d@e.f"}}, "/customer/email"),
    "a price": ({"price": 1}, "/price"),
    "101 places": ({"quantity": 101}, "/quantity"),
}


@pytest.mark.parametrize(("body", "pointer"), BAD.values(), ids=BAD.keys())
async def test_a_sale_that_makes_no_sense_is_422(house, seller, rows, body, pointer):
    show = await house.put_on()
    problem = problem_of(await sell(seller, show, **({"quantity": 1} | body)), 422)
    assert problem["errors"][0]["pointer"] == pointer
    assert not await rows.fetchval("SELECT count(*) FROM box_office_sale WHERE show_id = $1", uuid.UUID(show["id"]))


async def test_another_s_booking_is_no_sale(house, seller, buyer):
    show = await house.put_on()
    held = (await buyer.wish(show["id"], {"quantity": 1})).json()
    problem_of(await seller.ask("GET", f"/v1/shows/{show['id']}/sales/{held['id']}"), 404)
    problem_of(await seller.ask("GET", f"/v1/shows/{show['id']}/sales/{held['id']}/tickets.pdf"), 404)


# Shifts.


async def open_shift(person, key=""):
    return await person.ask("POST", "/v1/box-office/shifts", headers={"Idempotency-Key": key or new_key()})


async def close(person, shift, *counted):
    body = {"counted": [{"method": method, "amount": amount, "currency": "INR"} for method, amount in counted]}
    return await person.ask("POST", f"/v1/box-office/shifts/{shift['id']}/close", json=body)


def lines(shift):
    return {
        line["method"]: tuple(line[name]["amount"] if line[name] else None
                              for name in ("expected", "counted", "difference"))
        for line in shift["cash_up"]
    }  # fmt: skip


async def test_a_shift_is_cashed_up_against_the_ledger(house, seller, rows):
    show = await house.put_on()
    seats = await house.seats(show)
    await sold(seller, show, seats[0], method="terminal")  # in no shift
    shift = (await open_shift(seller)).json()
    await sold(seller, show, seats[1])
    await sold(seller, show, seats[2], seats[3])
    await sold(seller, show, seats[4], method="terminal")
    await sold(seller, show, seats[5], method="comp")
    problem_of(await sell(seller, show, seats[0]), 409, "seat-taken")
    path = f"/v1/box-office/shifts/{shift['id']}"
    assert lines((await seller.ask("GET", path)).json()) == {
        "cash": (3 * PRICE, None, None), "terminal": (PRICE, None, None),
    }  # fmt: skip

    closed = await close(seller, shift, ("cash", 3 * PRICE - 700), ("terminal", PRICE))
    assert closed.status_code == 200, closed.text
    told = {"cash": (3 * PRICE, 3 * PRICE - 700, -700), "terminal": (PRICE, PRICE, 0)}
    assert lines(closed.json()) == told and closed.json()["closed_at"]
    again = await close(seller, shift, ("terminal", PRICE), ("cash", 3 * PRICE - 700))
    assert again.status_code == 200 and again.json() == closed.json()
    problem_of(await close(seller, shift, ("cash", 3 * PRICE)), 409, "shift-closed")

    late = await sold(seller, show, seats[8], method="terminal")
    sale = "SELECT shift_id FROM box_office_sale WHERE booking_id = $1"
    assert await rows.fetchval(sale, uuid.UUID(late["id"])) is None, "a closed shift takes no sales"
    assert lines((await seller.ask("GET", path)).json()) == told


async def test_cash_is_taken_into_a_drawer_that_is_counted(house, seller, rows):
    """Who has no open shift sells by card, or gives away; a sale that was made stays made when its shift is closed."""
    show = await house.put_on()
    seats, key = await house.seats(show), new_key()
    problem = problem_of(await sell(seller, show, seats[0], key=key), 409, "no-shift")
    assert "Open one before you sell for cash." in problem["detail"]
    assert (await open_shift(house.manager)).status_code == 201, "another's is not the seller's"
    problem_of(await sell(seller, show, seats[0], key=key), 409, "no-shift")
    assert not await rows.fetchval("SELECT count(*) FROM box_office_sale WHERE show_id = $1", uuid.UUID(show["id"]))
    for n, method in enumerate(("terminal", "comp"), start=1):
        await sold(seller, show, seats[n], method=method)
    shift = (await open_shift(seller)).json()
    sale = await sold(seller, show, seats[0], key=key)
    assert (await close(seller, shift, ("cash", PRICE))).status_code == 200
    await forget_the_note(sale["id"])
    again = await sell(seller, show, seats[0], key=key)
    assert (again.status_code, again.json()["id"]) == (201, sale["id"])


async def give_back(seller, show, sale, *seats, key=""):
    path = f"/v1/shows/{show['id']}/sales/{sale['id']}/cancellations"
    return await seller.ask("POST", path, json={"seats": list(seats)}, headers={"Idempotency-Key": key or new_key()})


async def test_cash_for_a_cancelled_sale_is_given_back_out_of_the_drawer(house, seller, rows):
    show = await house.put_on()
    seats = await house.seats(show)
    shift = (await open_shift(seller)).json()
    sale = await sold(seller, show, *seats[:2])
    key = new_key()
    answers = await asyncio.gather(*(give_back(seller, show, sale, seats[0], key=key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    problem_of(await give_back(seller, show, sale, seats[4]), 422)
    problem_of(await give_back(seller, show, sale, seats[0]), 409, "nothing-to-cancel")

    async def given_back():
        seen = (await seller.ask("GET", f"/v1/shows/{show['id']}/sales/{sale['id']}")).json()
        return [(r["to"], r["amount"]["amount"], r["status"]) for r in seen["refunds"]]

    assert await until("the cash is given back", given_back) == [("cash", PRICE, "processed")]
    assert await booked(rows, sale, "cash") == PRICE
    await sold(seller, show, seats[0])  # it is free for the next
    closed = await close(seller, shift, ("cash", 2 * PRICE))
    assert lines(closed.json()) == {"cash": (2 * PRICE, 2 * PRICE, 0)}


async def owed(seller, sale):
    """What the box office has still to hand over of a sale."""
    found = (await seller.ask("GET", "/v1/box-office/refunds")).json()["items"]
    return [item for item in found if item["booking_id"] == sale["id"]]


async def called_off(house, show, seller, sale):
    """The show's cancellation, and what the box office owes for a sale then."""
    asked = await house.ask("POST", f"/v1/shows/{show['id']}/cancel", json={"reason": "a flood"})
    assert asked.status_code == 202, asked.text
    [refund] = await until("the box office owes it", lambda: owed(seller, sale), within=30)
    return asked.json(), refund


async def hand_over(person, refund):
    return await person.ask("POST", f"/v1/box-office/refunds/{refund['id']}/handed-over")


async def a_colleague(house, buyers, rows):
    person = await buyers.make(role="organiser")
    await join(rows, person, Body(str(house.id), "approved"), "box-office")
    return person


async def is_given_back(rows, sale):
    return not await booked(rows, sale, "booking") and not await booked(rows, sale, "cash")


async def until_closed(person, shift, *counted):
    """Closed, once nothing of the shift is being decided any more."""

    async def look():
        answer = await close(person, shift, *counted)
        return answer.json() if answer.status_code == 200 else None

    return await until("the shift can be closed", look)


async def box_office_takings(rows, *shifts):
    ids = [uuid.UUID(shift["id"]) for shift in shifts]
    taken = await box_office.takings(rows, ids)
    return [taken[shift_id]["cash", "INR"] for shift_id in ids]


@pytest.mark.parametrize("method", ["cash", "terminal"])
async def test_of_a_cancelled_show_the_box_office_hands_the_money_over_and_says_so(
    house, seller, buyers, rows, mailbox, method
):
    show = await house.put_on()
    shift, customer = (await open_shift(seller)).json(), f"{uuid.uuid4().hex}@people.example"
    sale = await sold(
        seller, show, *(await house.seats(show))[:2], method=method, customer={"name": "Asha", "email": customer}
    )
    asked, refund = await called_off(house, show, seller, sale)
    path = "/v1/box-office/refunds"
    assert (refund["method"], refund["amount"]["amount"], refund["status"]) == (method, 2 * PRICE, "owed")
    assert (refund["customer_name"], refund["reason"]) == ("Asha", "show-cancelled")
    assert await booked(rows, sale, method) == 2 * PRICE, "nobody has taken it out of the drawer yet"

    async def is_done():
        return (await house.ask("GET", f"/v1/cancellations/{asked['id']}")).json()["status"] == "done"

    await until("the show's cancellation waits for nobody", is_done, within=30)
    [told] = (await house.ask("GET", f"/v1/cancellations/{asked['id']}")).json()["shows"]
    assert [told[f"refunds_{what}"] for what in ("done", "failed", "to_hand_over")] == [0, 0, 1]
    other = await buyers.make()
    problem_of(await other.ask("POST", f"{path}/{refund['id']}/handed-over"), 403)
    problem_of(await seller.ask("POST", f"{path}/{sale['id']}/handed-over"), 404)
    answers = await asyncio.gather(*(seller.ask("POST", f"{path}/{refund['id']}/handed-over") for _ in range(4)))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(202, "handed-over")}

    async def is_handed_over():
        return not await booked(rows, sale, method) and not await owed(seller, sale)

    await until("the ledger has it", is_handed_over)
    again = await seller.ask("POST", f"{path}/{refund['id']}/handed-over")
    assert (again.status_code, await booked(rows, sale, "booking")) == (202, 0)
    assert lines((await close(seller, shift, (method, 0))).json()) == {method: (0, 0, 0)}
    changes = (await house.ask("GET", f"/v1/organisers/{house.id}/changes")).json()["items"]
    assert {one["action"] for one in changes} >= {"refund.hand-over"}

    async def told():
        return {letter["subject"].strip().split(":")[0]: letter["text"] for letter in await mailbox.letters(customer)}

    async def both():
        found = await told()
        return found if {"Cancelled", "Your money is back"} <= found.keys() else None

    letters = await until("the customer is told", both)
    assert "The box office where you bought them gives you" in " ".join(letters["Cancelled"].split())


@pytest.mark.usefixtures("shift")
async def test_what_a_box_office_has_to_hand_over_is_no_matter_of_the_operator_s(house, seller, buyers, rows):
    show = await house.put_on()
    sale = await sold(seller, show, (await house.seats(show))[0])
    _, refund = await called_off(house, show, seller, sale)
    operator = await buyers.make(role="admin")
    path = f"/v1/admin/sagas/{sale['id']}"
    seen = (await operator.ask("GET", path)).json()
    assert not seen["saga"]["refund_failed"] and [one["id"] for one in seen["refunds"]] == [refund["id"]]
    stuck = (await operator.ask("GET", "/v1/admin/sagas", params={"stuck": "true", "limit": 100})).json()["items"]
    assert sale["id"] not in {saga["id"] for saga in stuck}
    for what in ("retry", "settle"):
        answer = await operator.ask("POST", f"{path}/{what}", json={"reason": "it is due"})
        problem = problem_of(answer, 409, "conflict")
        assert "box office" in problem["detail"]
    assert (await booked(rows, sale, "cash"), await booked(rows, sale, "by-hand")) == (PRICE, 0)
    assert [item["id"] for item in await owed(seller, sale)] == [refund["id"]]


async def test_money_handed_over_goes_out_of_the_drawer_of_whoever_hands_it_over(house, seller, buyers, rows):
    show = await house.put_on()
    monday = (await open_shift(seller)).json()
    sale = await sold(seller, show, (await house.seats(show))[0])
    closed = (await close(seller, monday, ("cash", PRICE))).json()
    assert lines(closed) == {"cash": (PRICE, PRICE, 0)}
    _, refund = await called_off(house, show, seller, sale)
    colleague = await a_colleague(house, buyers, rows)
    wednesday = (await open_shift(colleague)).json()
    assert (await hand_over(colleague, refund)).status_code == 202
    counted = await until_closed(colleague, wednesday, ("cash", -PRICE))
    assert lines(counted) == {"cash": (-PRICE, -PRICE, 0)}
    await until("the ledger has it", lambda: is_given_back(rows, sale))
    assert (await seller.ask("GET", f"/v1/box-office/shifts/{monday['id']}")).json() == closed
    assert (await colleague.ask("GET", f"/v1/box-office/shifts/{wednesday['id']}")).json() == counted
    taken = await box_office_takings(rows, monday, wednesday)
    assert taken == [PRICE, -PRICE], "what a closed shift has taken never changes"


async def test_money_given_back_at_the_counter_goes_out_of_the_shift_that_is_open_then(house, seller, rows):
    show = await house.put_on()
    monday = (await open_shift(seller)).json()
    sale = await sold(seller, show, (await house.seats(show))[0])
    assert (await close(seller, monday, ("cash", PRICE))).status_code == 200
    wednesday = (await open_shift(seller)).json()
    assert (await give_back(seller, show, sale, *(seat["id"] for seat in sale["seats"]))).status_code == 202
    counted = await until_closed(seller, wednesday, ("cash", -PRICE))
    assert lines(counted) == {"cash": (-PRICE, -PRICE, 0)}, "a shift is not closed before it is known"
    assert await box_office_takings(rows, monday, wednesday) == [PRICE, -PRICE]


@pytest.mark.usefixtures("shift")
async def test_of_two_who_hand_the_same_money_over_one_is_told_to_keep_it(house, seller, buyers, rows):
    show = await house.put_on()
    sale = await sold(seller, show, (await house.seats(show))[0])
    _, refund = await called_off(house, show, seller, sale)
    colleague = await a_colleague(house, buyers, rows)
    both = (seller, colleague)
    answers = await asyncio.gather(*(hand_over(person, refund) for person in both * 3))
    [winner] = {both[n % 2].id for n, answer in enumerate(answers) if answer.status_code == 202}
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [409] * 3
    told = [answer.json() for answer in answers if answer.status_code == 202]
    assert told == [told[0]] * 3 and told[0]["status"] == "handed-over"
    problem = problem_of(next(answer for answer in answers if answer.status_code == 409), 409, "handed-over")
    assert (problem["by"], problem["at"]) == ("Test Buyer", told[0]["handed_over_at"])
    await until("the ledger has it", lambda: is_given_back(rows, sale))
    first, second = sorted(both, key=lambda person: person.id != winner)
    assert (await hand_over(first, refund)).json() == told[0]
    problem_of(await hand_over(second, refund), 409, "handed-over")
    changes = (await house.ask("GET", f"/v1/organisers/{house.id}/changes")).json()["items"]
    assert [one["action"] for one in changes].count("refund.hand-over") == 1


@pytest.mark.usefixtures("shift")
async def test_money_handed_over_of_which_its_saga_has_not_heard_is_told_again(house, seller, rows):
    show = await house.put_on()
    sale = await sold(seller, show, (await house.seats(show))[0])
    _, refund = await called_off(house, show, seller, sale)
    await rows.execute(
        "UPDATE refund SET handed_over_by = $2, handed_over_at = now() - interval '1 minute' WHERE id = $1",
        uuid.UUID(refund["id"]), seller.id,
    )  # fmt: skip
    await until("the ledger has it", lambda: is_given_back(rows, sale))
    assert await owed(seller, sale) == []


async def test_a_seller_has_one_shift_at_a_time(house, seller, buyers, rows):
    key = new_key()
    answers = await asyncio.gather(*(open_shift(seller, key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    [shift_id] = {answer.json()["id"] for answer in answers}
    problem_of(await open_shift(seller), 409, "shift-open")
    assert (await open_shift(house.manager)).status_code == 201, "each seller has their own"
    mine = (await seller.ask("GET", "/v1/box-office/shifts")).json()["items"]
    assert [shift["id"] for shift in mine] == [shift_id] and mine[0]["seller_name"] == "Test Buyer"
    every = (await house.ask("GET", "/v1/box-office/shifts", params={"limit": 1})).json()
    rest = (await house.ask("GET", "/v1/box-office/shifts", params={"cursor": every["next_cursor"]})).json()
    assert len(every["items"] + rest["items"]) == 2 and rest["next_cursor"] is None

    colleague = await a_colleague(house, buyers, rows)
    problem_of(await colleague.ask("GET", f"/v1/box-office/shifts/{shift_id}"), 404)
    problem_of(await close(colleague, {"id": shift_id}), 404)
    assert (await close(house.manager, {"id": shift_id})).status_code == 200, "a manager may close it"
    assert (await open_shift(seller)).status_code == 201


async def test_a_shift_is_not_closed_while_a_sale_is_undecided(house, seller, rows):
    show = await house.put_on()
    shift = (await open_shift(seller)).json()
    asked = uuid.uuid4()
    await rows.execute(
        """INSERT INTO box_office_sale (booking_id, organiser_id, show_id, shift_id, seller_id, method, customer_name)
        VALUES ($1, $2, $3, $4, $5, 'cash', 'On its way')""",
        asked, house.id, uuid.UUID(show["id"]), uuid.UUID(shift["id"]), seller.id,
    )  # fmt: skip
    problem_of(await close(seller, shift), 409, "conflict")
    await rows.execute("UPDATE box_office_sale SET at = at - interval '1 minute' WHERE booking_id = $1", asked)
    assert (await close(seller, shift)).status_code == 200, "its lane never took it"


async def test_many_sales_at_once_are_all_in_the_drawer(house, seller):
    """Lost update: each sale is an entry of its own, and the drawer is their sum."""
    show = await house.put_on()
    shift = (await open_shift(seller)).json()
    answers = await asyncio.gather(*(sell(seller, show, quantity=1) for _ in range(15)))
    paid = [answer.json()["amounts"]["total"]["amount"] for answer in answers if answer.status_code == 201]
    assert len(paid) == 15
    closed = await close(seller, shift, ("cash", sum(paid)))
    assert lines(closed.json()) == {"cash": (sum(paid), sum(paid), 0)}


@pytest.mark.parametrize(
    ("counted", "pointer"),
    [
        ([("cash", 1), ("cash", 2)], "/counted/1"),
        ([("comp", 1)], "/counted/0/method"),
        ([("cash", 1.5)], "/counted/0/amount"),
    ],
    ids=["twice", "what is given away", "a float"],
)
async def test_a_count_that_makes_no_sense_closes_nothing(seller, house, counted, pointer):
    shift = (await open_shift(seller)).json()
    problem = problem_of(await close(seller, shift, *counted), 422)
    assert problem["errors"][0]["pointer"] == pointer
    assert (await seller.ask("GET", f"/v1/box-office/shifts/{shift['id']}")).json()["closed_at"] is None


async def test_a_shift_is_closed_with_what_was_counted_in_a_currency_that_is_no_longer_charged(seller):
    shift = (await open_shift(seller)).json()
    body = {"counted": [{"method": "cash", "amount": 5, "currency": "ZWL"}]}
    closed = await seller.ask("POST", f"/v1/box-office/shifts/{shift['id']}/close", json=body)
    assert closed.status_code == 200, closed.text
    assert closed.json()["closed_at"] is not None
