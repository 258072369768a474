"""What an operator sees: each lane with its owner and backlog, and every message that was given up, sent again once."""

import asyncio
import json
import os
import uuid

import httpx
import pika
import pytest
from box_office import problem_of, until

from actors.lanes.routes import LETTERS, PAYMENTS, WEBHOOKS
from actors.lanes.wire import Options, seal
from compose import ports
from sagas.identity import new_id
from sagas.messages import TakeWebhook

UNSERVED = "show.90"


@pytest.fixture
async def admin(buyers):
    return await buyers.make(role="admin")


def put(queue, *bodies):
    """Publish raw messages, confirmed."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    channel = connection.channel()
    channel.confirm_delivery()
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()


def envelope(queue, actor, message, **options):
    told = {
        "queue_name": queue, "actor_name": actor, "args": [], "kwargs": {"message": message}, "options": options,
        "message_id": uuid.uuid4().hex, "message_timestamp": 1,
    }  # fmt: skip
    return json.dumps(told).encode()


async def letters(admin, **matching):
    """All dead letters that match, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        answer = await admin.ask("GET", f"/v1/admin/dead-letters?limit=50{cursor and f'&cursor={cursor}'}")
        assert answer.status_code == 200, answer.text
        found += [item for item in answer.json()["items"] if all(item[key] == matching[key] for key in matching)]
        cursor = answer.json()["next_cursor"]
    return found


async def one_letter(admin, **matching):
    [letter] = await until(f"a dead letter with {matching}", lambda: letters(admin, **matching))
    return letter


async def lanes(admin):
    answer = await admin.ask("GET", "/v1/admin/lanes?limit=100")
    assert answer.status_code == 200, answer.text
    return {lane["lane"]: lane for lane in answer.json()["items"]}


async def test_every_lane_is_listed_with_its_owner_and_nothing_waits(admin, rows, show, buyer):
    held = await buyer.hold(show, show.seats[0])
    names = [row["lane"] for row in await rows.fetch("SELECT lane FROM lane ORDER BY lane")]
    assert list(await lanes(admin)) == names

    waiting = {}

    async def nothing_waits():
        nonlocal waiting
        waiting = {name: lane for name, lane in (await lanes(admin)).items() if lane["backlog"] != 0}
        return not waiting

    try:
        await until("every backlog is known, and 0", nothing_waits)
    except AssertionError as error:
        raise AssertionError(f"{error}; waiting: {waiting}") from None
    told = await lanes(admin)
    lane = told[show.lane]
    assert lane["kind"] == "show" and told["saga.00"]["kind"] == "saga"
    assert lane["owner"] and lane["leased_until"] and lane["decided_at"] and lane["shows"] >= 1
    assert (lane["generation"], lane["next_offset"] > held["offset"]) == (held["generation"], True)
    assert lane["log_ends"] == lane["next_offset"] - 1 and lane["log_begins"] == 0
    assert (lane["warnings"], lane["lost_commands"], lane["backlog_unknown"]) == ([], [], None)


async def test_the_workers_that_are_alive_are_told(admin):
    answer = await admin.ask("GET", "/v1/admin/lanes")
    kinds = {worker["kind"] for worker in answer.json()["workers"]}
    assert {"show-lane", "saga-lane", "payments", "webhooks", "documents", "letters", "sweeps"} <= kinds


async def test_what_a_lane_lost_is_told_with_the_generation_that_began_there(admin, rows):
    await rows.execute(
        "INSERT INTO lost_command (lane, generation, from_offset, to_offset, note) VALUES ('show.00', 77, 4, 9, 'cut')"
    )
    try:
        [lost] = (await lanes(admin))["show.00"]["lost_commands"]
    finally:
        await rows.execute("DELETE FROM lost_command WHERE generation = 77")
    assert (lost["generation"], lost["from_offset"], lost["to_offset"], lost["note"]) == (77, 4, 9, "cut")
    assert lost["noticed_at"]


async def test_the_lists_are_paged(admin):
    seen, cursor = [], ""
    while cursor is not None:
        page = (await admin.ask("GET", f"/v1/admin/lanes?limit=5{cursor and f'&cursor={cursor}'}")).json()
        assert len(page["items"]) <= 5
        seen += [lane["lane"] for lane in page["items"]]
        cursor = page["next_cursor"]
    assert seen == list(await lanes(admin))
    for path in ("/v1/admin/lanes", "/v1/admin/dead-letters"):
        for odd in ("limit=0", "limit=101", "cursor=odd", "lane=show.00"):
            problem_of(await admin.ask("GET", f"{path}?{odd}"), 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/admin/lanes"), ("GET", "/v1/admin/dead-letters"),
     ("POST", f"/v1/admin/dead-letters/{uuid.uuid4()}/retry")],
)  # fmt: skip
async def test_only_the_operator_may(buyers, method, path):
    for role in ("buyer", "organiser", "scanner"):
        problem_of(await (await buyers.make(role=role)).ask(method, path), 403, "forbidden")
    problem_of(await buyers.nobody().ask(method, path), 401, "unauthorized")


async def test_every_dead_letter_has_a_row_with_the_reason_and_nothing_secret(admin, product):
    """Junk, an unknown actor, and a command that always fails: on work queues; and what lanes cannot read."""
    marks = [new_id().hex for _ in range(5)]
    command = {"name": "no_such", "command_id": marks[1], "booking_id": str(new_id()), "email": "asha@example.com"}
    webhook = {"name": "take_webhook", "event_id": marks[2], "body": json.dumps({"card": {"last4": "1111"}})}
    put(PAYMENTS, f"junk {marks[0]} +91 98765 43210".encode(), envelope(PAYMENTS, "no_such", command))
    put(WEBHOOKS, envelope(WEBHOOKS, "take_webhook", webhook, max_retries=0))
    put("show.00", f"junk {marks[3]}".encode())
    put("saga.00", envelope("saga.00", "x", {"name": "of_tomorrow", "event_id": marks[4]}))

    async def all_there():
        found = await letters(admin)
        return [next((one for one in found if mark in one["body"]), None) for mark in marks]

    async def all_five():
        found = await all_there()
        return found if all(found) else None

    junk, unknown, failed, lane, saga = await until("five letters", all_five)
    assert (junk["queue"], junk["reason"][:11], junk["retriable"]) == (PAYMENTS, "unreadable:", False)
    assert (unknown["message"], unknown["reason"]) == ("no_such", "unknown: nobody here knows no_such")
    assert unknown["command_id"] == marks[1] and unknown["booking_id"] == command["booking_id"]
    assert (failed["queue"], failed["message"], failed["retriable"]) == (WEBHOOKS, "take_webhook", True)
    assert failed["reason"].startswith("failed: ")
    assert lane["queue"] == "show.00" and lane["offset"] is not None and not lane["retriable"]
    assert saga["queue"] == "saga.00" and saga["reason"].startswith("unreadable: ") and saga["retriable"]
    text = json.dumps([junk, unknown, failed])
    assert all(secret not in text for secret in ("98765", "asha@", "1111"))
    logged = product.tracebacks()
    assert logged and all(line.startswith(("payments: ", "webhooks: ")) for line in logged), logged


async def test_a_retry_sends_the_same_command_again_once_and_says_who_asked(admin, buyers, rows, product):
    mark, command_id = new_id().hex, str(new_id())
    put(LETTERS, envelope(LETTERS, "no_such", {"name": "no_such", "command_id": command_id, "mark": mark}))
    letter = await one_letter(admin, command_id=command_id)
    other = await buyers.make(role="admin")
    asked = [who.ask("POST", f"/v1/admin/dead-letters/{letter['id']}/retry") for who in (admin, other) * 3]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {202}
    [retried] = {json.dumps(answer.json()["retried"]) for answer in answers}
    assert json.loads(retried)["by"] in (str(admin.id), str(other.id)) and not answers[0].json()["retriable"]

    async def dead_again():
        found = await letters(admin, command_id=command_id)
        return found if len(found) > 1 else None

    again = await until("it died again, as unknown as before", dead_again)
    assert sorted(bool(one["retried"]) for one in again) == [False, True], "sent again once, by six who asked"
    assert product.logged("edge", letter["id"]) == 1, "who sent it again is in the log, once"
    assert await rows.fetchval("SELECT sealed IS NULL FROM dead_letter WHERE id = $1", uuid.UUID(letter["id"]))
    assert all(line.startswith("letters: ") for line in product.tracebacks())


async def test_what_is_sent_again_does_its_work(admin, rows):
    event_id = f"evt_{new_id().hex}"
    sealed = seal(WEBHOOKS, TakeWebhook(event_id=event_id, kind="odd.event", body="{}"), Options())
    letter_id = new_id()
    await rows.execute(
        """INSERT INTO dead_letter (id, queue, message, reason, body, sealed, trace, given_up_at)
        VALUES ($1, $2, 'take_webhook', 'failed', '', $3, '', now())""",
        letter_id, sealed.queue, sealed.body,
    )  # fmt: skip
    assert (await admin.ask("POST", f"/v1/admin/dead-letters/{letter_id}/retry")).status_code == 202

    async def kept():
        return await rows.fetchval("SELECT count(*) FROM webhook_event WHERE event_id = $1", event_id)

    assert await until("the webhook is kept", kept) == 1


async def test_what_cannot_be_sent_again_is_refused_and_what_is_not_there_is_404(admin, rows):
    mark = new_id().hex
    put("show.01", f"junk {mark}".encode())

    async def there():
        return [one for one in await letters(admin) if mark in one["body"]]

    [letter] = await until("the junk is listed", there)
    problem_of(await admin.ask("POST", f"/v1/admin/dead-letters/{letter['id']}/retry"), 409, "conflict")
    assert await rows.fetchval("SELECT retried_at IS NULL FROM dead_letter WHERE id = $1", uuid.UUID(letter["id"]))
    problem_of(await admin.ask("POST", f"/v1/admin/dead-letters/{uuid.uuid4()}/retry"), 404, "not-found")


async def test_readiness_warns_in_words_of_commands_that_wait_undecided(product, rows, admin, http):
    """A lane that nobody serves, with one command in its log, at an edge whose logs are soon forgotten."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    channel = connection.channel()
    channel.queue_declare(UNSERVED, durable=True, arguments={"x-queue-type": "stream"})
    sealed = seal(UNSERVED, TakeWebhook(event_id="e", kind="k", body="{}"), Options())
    put(UNSERVED, sealed.body)
    await rows.execute("INSERT INTO lane (lane) VALUES ($1)", UNSERVED)
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add("edge-short", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url, LANE_MAX_AGE="1s")
    try:

        async def warned():
            try:
                answer = await http.get(f"{url}/health/ready")
            except httpx.HTTPError:
                return None
            return [warning for warning in answer.json()["warnings"] if warning.startswith(UNSERVED)]

        async def lane():
            return (await lanes(admin)).get(UNSERVED)

        told = await until("the lane is listed", lane)
        [warning] = await until("readiness warns", warned, within=45)
    finally:
        await rows.execute("DELETE FROM lane WHERE lane = $1", UNSERVED)
        channel.queue_delete(UNSERVED)
        connection.close()
    assert warning.startswith(f"{UNSERVED}: 1 commands are undecided, the oldest since ") and warning.endswith(
        "after 1 s"
    )
    assert told["backlog"] == 1 and told["undecided_since"]
