"""What organisers put up: venues, halls and events, seen by others only when they may be; problems name the field."""

import uuid

import pytest
from box_office import problem_of

VENUE = {"name": "The Granary", "city": "Pune", "country": "IN", "address": "4 Mill Road", "time_zone": "Asia/Kolkata",
         "opens": "10:00", "closes": "02:00", "latitude": 18.5, "longitude": 73.8}  # fmt: skip
FLOOR = {"name": "Floor", "kind": "standing", "tier": "F", "capacity": 9}
STALLS = {"name": "Stalls", "kind": "seated", "tier": "Gold", "rows": 2, "seats_per_row": 3, "accessible": ["B-3"]}
EVENT = {"title": "Owls", "kind": "theatre", "description": "Two acts.\nNo interval.", "language": "Marathi",
         "rating": "U", "duration_minutes": 95, "tags": ["drama", "new"]}  # fmt: skip
HOSTILE = "<script>alert(1)</script>{{7*7}}=cmd|' /C calc'!A0"


async def made(member, path, body):
    answer = await member.ask("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def venue(member):
    return await made(member, "/v1/venues", VENUE)


async def test_a_venue_is_answered_as_it_was_made_and_changed(member, venue):
    assert venue == VENUE | {"id": venue["id"], "active": True}
    assert (await member.ask("GET", f"/v1/venues/{venue['id']}")).json() == venue
    changed = await member.ask(
        "PATCH", f"/v1/venues/{venue['id']}", json={"opens": "11:00", "latitude": None, "longitude": None}
    )
    assert changed.json() == venue | {"opens": "11:00", "latitude": None, "longitude": None}
    assert (await member.ask("GET", f"/v1/venues/{venue['id']}")).json() == changed.json()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [({"country": "XX"}, "/country"), ({"country": "in"}, "/country"), ({"time_zone": "Asia/Atlantis"}, "/time_zone"),
     ({"time_zone": "../../etc/passwd"}, "/time_zone"), ({"time_zone": "localtime"}, "/time_zone"),
     ({"time_zone": "Factory"}, "/time_zone"), ({"opens": "25:00"}, "/opens"),
     ({"closes": "10:60"}, "/closes"),
     ({"latitude": None}, "/latitude"), ({"latitude": 91}, "/latitude"), ({"name": ""}, "/name"),
     ({"name": "a\nb"}, "/name"),
     ({"name": "a\u202eb"}, "/name"), ({"name": "x" * 201}, "/name"), ({"city": "\0"}, "/city"),
     ({"active": True}, "/active"),
     ({"organiser_id": str(uuid.uuid4())}, "/organiser_id"), ({"id": str(uuid.uuid4())}, "/id")],
)  # fmt: skip
async def test_a_venue_that_makes_no_sense_names_its_field(member, venue, wrong, pointer):
    for method, path, body in (
        ("POST", "/v1/venues", VENUE | wrong),
        ("PATCH", f"/v1/venues/{venue['id']}", wrong),
    ):  # fmt: skip
        answer = await member.ask(method, path, json=body)
        assert problem_of(answer, 422)["errors"][0]["pointer"] == pointer
    assert (await member.ask("GET", f"/v1/venues/{venue['id']}")).json() == venue, "nothing was half done"


async def test_a_hall_s_plan_is_answered_seat_by_seat(member, venue):
    hall = await made(member, f"/v1/venues/{venue['id']}/halls", {"name": "Main", "sections": [STALLS, FLOOR]})
    assert hall["places"] == 15 and [s["places"] for s in hall["sections"]] == [6, 9]
    assert len({section["id"] for section in hall["sections"]}) == 2
    whole = (await member.ask("GET", f"/v1/halls/{hall['id']}")).json()
    assert [[seat["label"] for seat in row["seats"]] for row in whole["sections"][0]["rows"]] == [["1", "2", "3"]] * 2
    assert whole["sections"][0]["rows"][1]["seats"][2]["accessible"] is True
    assert {"x", "y"} < set(whole["sections"][0]["rows"][0]["seats"][0])
    listed = (await member.ask("GET", f"/v1/venues/{venue['id']}/halls")).json()["items"]
    assert listed == [hall]


async def test_a_hall_of_100_000_places_is_made_at_once(member, venue):
    section = STALLS | {"rows": 250, "seats_per_row": 400, "aisles_after": [100, 200, 300]}
    hall = await made(member, f"/v1/venues/{venue['id']}/halls", {"name": "Stadium", "sections": [section]})
    assert hall["places"] == 100_000
    whole = await member.ask("GET", f"/v1/halls/{hall['id']}")
    assert sum(len(row["seats"]) for row in whole.json()["sections"][0]["rows"]) == 100_000
    same = await member.ask("GET", f"/v1/halls/{hall['id']}", headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304


async def test_a_hall_may_be_given_seat_by_seat_in_a_large_body(member, venue):
    rows = [
        {"label": f"R{row}", "seats": [{"label": f"{n}", "x": n, "y": row} for n in range(200)]} for row in range(60)
    ]
    section = {"name": "Bowl", "kind": "seated", "tier": "Gold", "rows": rows}
    hall = await made(member, f"/v1/venues/{venue['id']}/halls", {"name": "Bowl", "sections": [section]})
    assert hall["places"] == 12_000


async def test_a_later_edit_of_a_hall_changes_no_sale(member, venue, rows):
    """Seat plans are immutable by hash: a show keeps the plan it was made with."""
    hall = await made(member, f"/v1/venues/{venue['id']}/halls", {"name": "Main", "sections": [STALLS]})
    before = await rows.fetchrow(
        "SELECT plan_id, body FROM hall JOIN seat_plan ON hash = plan_id WHERE id = $1", uuid.UUID(hall["id"])
    )
    changed = await member.ask("PATCH", f"/v1/halls/{hall['id']}", json={"sections": [STALLS | {"rows": 9}, FLOOR]})
    assert changed.json()["places"] == 36
    after = await rows.fetchval("SELECT plan_id FROM hall WHERE id = $1", uuid.UUID(hall["id"]))
    assert after != before["plan_id"]
    assert await rows.fetchval("SELECT body FROM seat_plan WHERE hash = $1", before["plan_id"]) == before["body"]


async def test_a_draft_is_seen_by_its_organiser_s_members_only(member, make_member, buyers):
    """SP 12: buyers get 404 until it is published."""
    event = await made(member, "/v1/events", EVENT)
    assert event == EVENT | {"id": event["id"], "status": "draft", "poster_url": None, "shows": []}
    path = f"/v1/events/{event['id']}"
    for somebody in (buyers.nobody(), await buyers.make(), await make_member()):
        problem_of(await somebody.ask("GET", path), 404, "not-found")
    scanner = await make_member("scanner", member.organiser_id)
    assert (await scanner.ask("GET", path)).json() == event
    for _ in range(2):
        published = await member.ask("POST", f"{path}/publish")
        assert published.json() == event | {"status": "published"}, "twice is once"
    assert (await buyers.nobody().ask("GET", path)).json() == published.json()


async def test_validators_run_on_update_too(member):
    """HI 7: updateTickets never ran its validators."""
    event = await made(member, "/v1/events", EVENT)
    for wrong, pointer in (
        ({"title": ""}, "/title"), ({"kind": "circus"}, "/kind"), ({"duration_minutes": 0}, "/duration_minutes"),
        ({"duration_minutes": 1.5}, "/duration_minutes"), ({"tags": ["x" * 41]}, "/tags/0"),
        ({"status": "published"}, "/status"),
        ({"organiser_id": str(uuid.uuid4())}, "/organiser_id"), ({"poster_url": "http://[::1]/"}, "/poster_url"),
        ({"description": "x" * 10_001}, "/description"), ({"description": "\0"}, "/description"),
    ):  # fmt: skip
        for method, path, body in (
            ("PATCH", f"/v1/events/{event['id']}", wrong),
            ("POST", "/v1/events", EVENT | wrong),
        ):
            assert problem_of(await member.ask(method, path, json=body), 422)["errors"][0]["pointer"] == pointer, wrong
    assert (await member.ask("GET", f"/v1/events/{event['id']}")).json() == event


async def test_stored_xss_stays_text(member, buyers):
    event = await made(member, "/v1/events", EVENT | {"title": HOSTILE, "description": HOSTILE, "tags": ["<b>"]})
    await member.ask("POST", f"/v1/events/{event['id']}/publish")
    page = await buyers.nobody().ask("GET", f"/events/{event['id']}")
    assert page.status_code == 200
    assert "<script>alert(1)" not in page.text and "&lt;script&gt;" in page.text and "{{7*7}}" in page.text


async def test_events_are_deleted_only_without_shows(member, rows, show):
    event = await made(member, "/v1/events", EVENT)
    path = f"/v1/events/{event['id']}"
    assert (await member.ask("DELETE", path)).status_code == 204
    problem_of(await member.ask("DELETE", path), 404)
    sold = await rows.fetchval("SELECT event_id FROM show WHERE id = $1", uuid.UUID(show.id))
    await rows.execute("UPDATE event SET organiser_id = $2 WHERE id = $1", sold, uuid.UUID(member.organiser_id))
    problem_of(await member.ask("DELETE", f"/v1/events/{sold}"), 409)
    assert await rows.fetchval("SELECT count(*) FROM event WHERE id = $1", sold) == 1


async def test_nothing_of_another_organiser_is_changed_or_seen(member, make_member, venue):
    """BOLA: absent and foreign are told in the same words."""
    stranger = await make_member()
    hall = await made(member, f"/v1/venues/{venue['id']}/halls", {"name": "Main", "sections": [FLOOR]})
    event = await made(member, "/v1/events", EVENT)
    for method, path, body in (
        ("GET", f"/v1/venues/{venue['id']}", None), ("PATCH", f"/v1/venues/{venue['id']}", {"name": "Mine"}),
        ("POST", f"/v1/venues/{venue['id']}/halls", {"name": "Mine", "sections": [FLOOR]}),
        ("GET", f"/v1/venues/{venue['id']}/halls", None), ("GET", f"/v1/halls/{hall['id']}", None),
        ("PATCH", f"/v1/halls/{hall['id']}", {"name": "Mine"}), ("GET", f"/v1/events/{event['id']}", None),
        ("PATCH", f"/v1/events/{event['id']}", {"title": "Mine"}), ("DELETE", f"/v1/events/{event['id']}", None),
        ("POST", f"/v1/events/{event['id']}/publish", None),
    ):  # fmt: skip
        foreign = problem_of(await stranger.ask(method, path, json=body), 404, "not-found")
        for thing in (venue, hall, event):
            path = path.replace(thing["id"], str(uuid.uuid4()))
        absent = problem_of(await stranger.ask(method, path, json=body), 404, "not-found")
        assert foreign | {"request_id": ""} == absent | {"request_id": ""}, (method, path)
    assert (await member.ask("GET", f"/v1/venues/{venue['id']}")).json() == venue
    assert (await member.ask("GET", f"/v1/events/{event['id']}")).json() == event


async def test_list_endpoints_are_scoped(member, make_member, venue, buyers):
    """pretix 5600."""
    event = await made(member, "/v1/events", EVENT)
    stranger = await make_member()
    for path, own in (("/v1/organiser/venues", venue["id"]), ("/v1/organiser/events", event["id"])):
        assert [item["id"] for item in (await member.ask("GET", path)).json()["items"]] == [own]
        assert (await stranger.ask("GET", path)).json()["items"] == []
        problem_of(await buyers.nobody().ask("GET", path), 401)
        problem_of(await (await buyers.make()).ask("GET", path), 403)
    for somebody in (stranger, buyers.nobody()):
        page = await somebody.ask("GET", "/v1/venues", params={"limit": 100})
        assert venue["id"] not in [item["id"] for item in page.json()["items"]]


@pytest.mark.parametrize("role", ["scanner", "box-office"])
async def test_a_role_without_the_operation_may_not(member, make_member, role):
    scanner = await make_member(role, member.organiser_id)
    for path, body in (("/v1/venues", VENUE), ("/v1/events", EVENT)):
        problem_of(await scanner.ask("POST", path, json=body), 403)


async def test_a_body_that_is_not_approved_puts_up_nothing(make_member):
    applicant = await make_member(status="applied")
    for path, body in (("/v1/venues", VENUE), ("/v1/events", EVENT)):
        problem_of(await applicant.ask("POST", path, json=body), 403)


async def test_who_changed_what_is_on_record(member, rows, venue):
    event = await made(member, "/v1/events", EVENT)
    await member.ask("PATCH", f"/v1/events/{event['id']}", json={"title": "Owls again"})
    await member.ask("POST", f"/v1/events/{event['id']}/publish")
    actions = await rows.fetch(
        "SELECT action FROM change_record WHERE organiser_id = $1 ORDER BY at", uuid.UUID(member.organiser_id)
    )
    assert [row["action"] for row in actions] == ["venue.create", "event.create", "event.change", "event.publish"]
