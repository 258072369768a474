"""Importing a catalogue: dry runs change nothing, bad lines are named, and importing twice is importing once."""

import asyncio

import msgspec
import pytest
from box_office import problem_of, until
from test_import_bodies import FILE, HEAD, LINES, SHOW, SHOW_LINES

PATH = "/v1/organiser/imports"
CSV_HEADERS, JSON_HEADERS = {"Content-Type": "text/csv"}, {"Content-Type": "application/json"}


async def imported(member, content=None, *, dry_run=False, headers=CSV_HEADERS):
    content = "\n".join((HEAD, *LINES)) if content is None else content
    return await member.ask("POST", PATH, params={"dry_run": dry_run}, content=content, headers=headers)


async def things(member):
    venues = (await member.ask("GET", "/v1/organiser/venues")).json()["items"]
    events = (await member.ask("GET", "/v1/organiser/events")).json()["items"]
    return venues, events


async def test_a_dry_run_tells_and_does_nothing(member):
    report = (await imported(member, dry_run=True)).json()
    assert report == {"dry_run": True, "venues": 1, "halls": 1, "events": 1, "shows": 0, "made": 3, "changed": 0,
                      "unchanged": 0, "errors": []}  # fmt: skip
    assert await things(member) == ([], [])


async def test_a_dry_run_names_each_bad_line(member):
    content = "\n".join((HEAD, LINES[0].replace("IN", "XX"), "circus,c1", LINES[4]))
    report = await imported(member, content, dry_run=True)
    assert report.status_code == 200
    assert [error["pointer"] for error in report.json()["errors"]] == ["/lines/2/country", "/lines/3/record"]
    answer = await imported(member, content)
    errors = problem_of(answer, 422)["errors"]
    assert [error["pointer"] for error in errors] == ["/lines/2/country", "/lines/3/record"]
    assert await things(member) == ([], []), "all or nothing: the good line too"


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_importing_twice_is_importing_once(member, form):
    given = {} if form == "csv" else {"content": msgspec.json.encode(FILE), "headers": JSON_HEADERS}
    first = (await imported(member, **given)).json()
    assert (first["made"], first["unchanged"]) == (3, 0)
    before = await things(member)
    again = (await imported(member, **given)).json()
    assert (again["made"], again["changed"], again["unchanged"]) == (0, 0, 3)
    assert await things(member) == before
    [venue], [event] = before
    assert venue["name"] == "The Granary" and (event["title"], event["status"]) == ("Owls, again", "draft")
    halls = (await member.ask("GET", f"/v1/venues/{venue['id']}/halls")).json()["items"]
    assert [(hall["name"], hall["places"]) for hall in halls] == [("Main", 15)]


async def test_importing_at_the_same_time_makes_each_thing_once(member):
    answers = await asyncio.gather(*(imported(member) for _ in range(4)))
    assert sorted((answer.status_code, answer.json()["made"]) for answer in answers) == [(200, 0)] * 3 + [(200, 3)]
    venues, events = await things(member)
    assert len(venues) == 1 and len(events) == 1


async def test_a_changed_line_changes_its_thing(member):
    await imported(member)
    event = (await things(member))[1][0]
    await member.ask("POST", f"/v1/events/{event['id']}/publish")
    report = (await imported(member, "\n".join((HEAD, *LINES)).replace("Owls, again", "Owls, at last"))).json()
    assert (report["made"], report["changed"], report["unchanged"]) == (0, 1, 2)
    [after] = (await things(member))[1]
    assert after == event | {"title": "Owls, at last", "status": "published"}, "and stays published"


async def test_a_hall_of_a_venue_that_is_not_there_is_a_bad_line(member):
    content = "\n".join((HEAD, "hall,h1,v9,Main", LINES[3], LINES[4]))
    assert problem_of(await imported(member, content), 422)["errors"][0]["pointer"] == "/lines/2/of"
    assert await things(member) == ([], [])


async def test_the_same_refs_of_another_organiser_are_other_things(member, make_member):
    stranger = await make_member()
    await imported(member)
    await imported(stranger)
    assert (await things(member))[0][0]["id"] != (await things(stranger))[0][0]["id"]


async def test_imports_are_for_managers(make_member, member, buyers):
    problem_of(await imported(await make_member("scanner", member.organiser_id)), 403)
    problem_of(await imported(await buyers.make()), 403)
    problem_of(await imported(buyers.nobody()), 401)
    problem_of(await imported(member, headers={"Content-Type": "application/zip"}), 415)


def with_shows(*shows):
    return {"content": msgspec.json.encode(FILE | {"shows": shows}), "headers": JSON_HEADERS}


async def shows_of(member):
    [event] = (await things(member))[1]
    await member.ask("POST", f"/v1/events/{event['id']}/publish")
    return (await member.ask("GET", f"/v1/events/{event['id']}")).json()["shows"]


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_a_show_is_imported_once_and_sells_by_what_the_file_says(member, buyers, form):
    content = "\n".join((HEAD, *LINES, *SHOW_LINES)).replace(",2090-01-01T10:00,", ",,").replace(SHOW_LINES[1], "")
    as_json = {name: value for name, value in SHOW.items() if name not in ("sale_opens_at", "presales")}
    given = {"content": content} if form == "csv" else with_shows(as_json)
    report = (await imported(member, **given, dry_run=True)).json()
    assert (report["shows"], report["made"], report["errors"]) == (1, 4, [])
    assert await things(member) == ([], [])
    first, again = [(await imported(member, **given)).json() for _ in range(2)]
    assert (first["made"], again["made"], again["changed"], again["unchanged"]) == (4, 0, 0, 4)

    async def opened():
        return await shows_of(member)

    [item] = await until("its lane has opened it", opened)
    buyer = await buyers.make()
    show = (await buyer.ask("GET", f"/v1/shows/{item['id']}")).json()
    assert (show["starts_at"], show["local_starts_at"]) == ("2090-06-01T14:00:00Z", "2090-06-01T19:30:00")
    assert [section["price"]["amount"] for section in show["sections"]] == [150_000, 0]
    assert show["max_seats_per_booking"] == 4
    wish = {"quantity": 2, "section_id": show["sections"][0]["id"], "ticket_types": {"child": 2}}
    assert (await buyer.wish(item["id"], wish)).json()["amounts"]["total"]["amount"] == 150_000


async def test_a_show_s_sale_phases_are_imported_too(member, rows):
    assert (await imported(member, "\n".join((HEAD, *LINES, *SHOW_LINES)))).status_code == 200
    assert (await imported(member, **with_shows(SHOW))).json()["unchanged"] == 4, "JSON says the same as CSV"
    [item] = await until("its lane has opened it", lambda: shows_of(member))
    show = (await member.ask("GET", f"/v1/shows/{item['id']}")).json()
    assert (show["status"], show["sale_opens_at"]) == ("scheduled", "2090-01-01T04:30:00Z")
    [presale] = show["presales"]
    assert (presale["opens_at"], presale["closes_at"]) == ("2089-12-24T04:30:00Z", show["sale_opens_at"])


async def test_each_show_that_cannot_be_is_named_and_nothing_is_imported(member, make_member):
    stranger = await make_member()
    await imported(stranger)
    [hall] = (
        await stranger.ask("GET", f"/v1/venues/{(await things(stranger))[0][0]['id']}/halls")
    ).json()["items"]  # fmt: skip
    wrong = {
        "/shows/0/event": {"event": "e9"},
        "/shows/1/hall": {"hall": hall["id"]},
        "/shows/2/prices/1/section": {"prices": [SHOW["prices"][0], {"section": "Roof", "amount": 100}]},
        "/shows/3/prices": {"prices": SHOW["prices"][:1]},
        "/shows/4/prices/1/amount": {"prices": [SHOW["prices"][0], {"section": "Floor", "amount": 99}]},
        "/shows/5/starts_at": {"starts_at": "2090-06-01T03:00:00"},
        "/shows/6/starts_at": {"starts_at": "2020-06-01T19:30:00"},
        "/shows/7/currency": {"currency": "XAU"},
        "/shows/8/ticket_types/0/section": {"ticket_types": [{"name": "child", "section": "Roof", "percent": 50}]},
        "/shows/9/allocations/0/seats/0": {
            "allocations": [{"name": "Bank", "access_code": "CARD", "section": "Stalls", "seats": ["Z-9"]}]
        },
        "/shows/10/sale_closes_at": {"sale_closes_at": "2089-06-01T19:30:00"},
    }
    shows = [SHOW | {"ref": f"s{at}"} | more for at, more in enumerate(wrong.values())]
    given = with_shows(*shows, SHOW | {"ref": "right"})
    report = (await imported(member, **given, dry_run=True)).json()
    assert sorted(error["pointer"] for error in report["errors"]) == sorted(wrong)
    errors = problem_of(await imported(member, **given), 422)["errors"]
    assert sorted(error["pointer"] for error in errors) == sorted(wrong)
    assert await things(member) == ([], []), "all or nothing"


async def test_shows_of_a_file_that_overlap_in_a_hall_are_named_by_their_lines(member):
    late = SHOW_LINES[0].replace("s1", "s2").replace("19:30", "20:00")
    content = "\n".join((HEAD, *LINES, *SHOW_LINES, late, late.replace("s2", "s3").replace("06-01", "06-02")))
    [error] = problem_of(await imported(member, content), 422)["errors"]
    assert error == {"pointer": "/lines/9/starts_at", "detail": "the show at /lines/7 has this hall at that time"}
    assert await things(member) == ([], [])
    assert (await imported(member, **with_shows(SHOW))).status_code == 200
    other = SHOW | {"ref": "other", "starts_at": "2090-06-01T14:30:00Z"}
    [error] = problem_of(await imported(member, **with_shows(SHOW, other)), 422)["errors"]
    assert error["pointer"] == "/shows/1/starts_at"
    assert "from 2090-06-01T14:00:00Z" in error["detail"]


async def test_a_show_that_is_there_is_not_changed_by_a_file(member):
    assert (await imported(member, **with_shows(SHOW))).json()["made"] == 4
    for change in (
        {"starts_at": "2090-06-01T19:31:00"}, {"prices": [SHOW["prices"][0], {"section": "Floor", "amount": 100}]},
        {"max_seats_per_booking": 5}, {"presales": []}, {"sale_opens_at": "2090-01-01T11:00:00"},
    ):  # fmt: skip
        answer = await imported(member, **with_shows(SHOW | change))
        assert [error["pointer"] for error in problem_of(answer, 422)["errors"]] == ["/shows/0"], change
    await member.ask("PATCH", "/v1/organiser/settings", json={"fees": {"per_ticket": 100}})
    assert (await imported(member, **with_shows(SHOW))).json()["unchanged"] == 4
    await until("its lane has opened it", lambda: shows_of(member))


async def test_shows_are_imported_for_halls_and_events_that_were_not(member):
    await imported(member)
    [venue], [event] = await things(member)
    [hall] = (await member.ask("GET", f"/v1/venues/{venue['id']}/halls")).json()["items"]
    content = msgspec.json.encode({"shows": [SHOW | {"event": event["id"], "hall": hall["id"]}]})
    report = await imported(member, content, headers=JSON_HEADERS)
    assert report.status_code == 200 and report.json()["made"] == 1, report.text
    assert len(await until("its lane has opened it", lambda: shows_of(member))) == 1
