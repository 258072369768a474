"""Importing a catalogue: dry runs change nothing, bad lines are named, and importing twice is importing once."""

import asyncio

import msgspec
import pytest
from box_office import problem_of
from test_import_bodies import FILE, HEAD, LINES

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
    assert report == {"dry_run": True, "venues": 1, "halls": 1, "events": 1, "made": 3, "changed": 0, "unchanged": 0,
                      "errors": []}  # fmt: skip
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
