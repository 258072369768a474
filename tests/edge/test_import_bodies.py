"""A catalogue's file: each bad line is named, and CSV says the same as JSON."""

import msgspec
import pytest

from edge.import_bodies import CSV, JSON, read
from edge.problems import Problem

pytestmark = pytest.mark.pure

HEAD = (
    "record,ref,of,name,city,country,address,time_zone,opens,closes,section_kind,tier,rows,seats_per_row,capacity,"
    "title,kind,tags,hall,starts_at,currency,prices,ticket_types,sale_opens_at,max_seats_per_booking,opens_at,"
    "access_codes"
)
LINES = (
    "venue,v1,,The Granary,Pune,IN,4 Mill Road,Asia/Kolkata,10:00,23:00",
    "hall,h1,v1,Main",
    "section,,h1,Stalls,,,,,,,seated,Gold,2,3",
    "section,,h1,Floor,,,,,,,standing,Floor,,,9",
    'event,e1,,,,,,,,,,,,,,"Owls, again",theatre,drama;new',
)  # fmt: skip
#: The same show as a line with its presale, and as JSON.
SHOW_LINES = (
    'show,s1,e1,,,,,,,,,,,,,,,,h1,2090-06-01T19:30,INR,Stalls=150000;Floor=0,child=50%;child@Floor=20000,'
    "2090-01-01T10:00,4",
    "presale,,s1,Fans,,,,,,,,,,,,,,,,,,,,,,2089-12-24T10:00,LOVE;PEACE",
)  # fmt: skip
SHOW = {
    "ref": "s1", "event": "e1", "hall": "h1", "starts_at": "2090-06-01T19:30:00", "currency": "INR",
    "prices": [{"section": "Stalls", "amount": 150_000}, {"section": "Floor", "amount": 0}],
    "ticket_types": [{"name": "child", "percent": 50}, {"name": "child", "section": "Floor", "amount": 20_000}],
    "sale_opens_at": "2090-01-01T10:00:00", "max_seats_per_booking": 4,
    "presales": [{"name": "Fans", "opens_at": "2089-12-24T10:00:00", "access_codes": ["LOVE", "PEACE"]}],
}  # fmt: skip
FILE = {
    "venues": [{"ref": "v1", "name": "The Granary", "city": "Pune", "country": "IN", "address": "4 Mill Road",
                "time_zone": "Asia/Kolkata", "opens": "10:00", "closes": "23:00", "halls": [
        {"ref": "h1", "name": "Main", "sections": [
            {"name": "Stalls", "kind": "seated", "tier": "Gold", "rows": 2, "seats_per_row": 3},
            {"name": "Floor", "kind": "standing", "tier": "Floor", "capacity": 9}]}]}],
    "events": [{"ref": "e1", "title": "Owls, again", "kind": "theatre", "tags": ["drama", "new"]}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_broke() -> None:
    """These need no running product."""


def of_csv(*lines):
    return read("\r\n".join((HEAD, *lines)).encode(), CSV)


def of_json(file):
    return read(msgspec.json.encode(file), JSON)


def test_csv_and_json_say_the_same():
    one, other = of_csv(*LINES), of_json(FILE)
    assert not one.errors and not other.errors
    assert [hall.at for hall in (*one.halls, *other.halls)] == ["/lines/3", "/venues/0/halls/0"]
    assert [(hall.ref, hall.venue_ref, hall.name, hall.sections) for hall in one.halls] == [
        (hall.ref, hall.venue_ref, hall.name, hall.sections) for hall in other.halls
    ]
    assert one.events == other.events
    assert [venue.ref for venue in one.venues] == [venue.ref for venue in other.venues]


def test_a_show_is_the_same_in_both():
    one, other = of_csv(*LINES, *SHOW_LINES), of_json(FILE | {"shows": [SHOW]})
    assert not one.errors and not other.errors
    [in_csv], [in_json] = one.shows, other.shows
    assert (in_csv.at, in_json.at) == ("/lines/7", "/shows/0")
    assert in_csv.show == in_json.show


def test_each_bad_line_of_a_show_is_named():
    show, presale = SHOW_LINES

    def named(ref, line=show, before="", after=""):
        return line.replace("s1", ref).replace(before, after)

    found = of_csv(
        named("a", before="Floor=0", after="Floor"), named("b", before="INR", after="rupees"),
        named("c", before="50%", after="half"), named("d", presale), named("e", before="06-01T", after="June"),
        named("f"), named("f", presale, "Fans", ""), named("g"), named("g"),
    )  # fmt: skip
    assert {pointer for pointer, _ in found.errors} == {
        "/lines/2/prices", "/lines/3/currency", "/lines/4/ticket_types", "/lines/5/of", "/lines/6/starts_at",
        "/lines/7/presales/0/name", "/lines/10/ref",
    }  # fmt: skip
    wrong = ({"starts_at": "soon"}, {"prices": [{"section": "Stalls"}]}, {"hall_id": "h1"}, {"ref": "s1"}, {})
    pointers = [pointer for pointer, _ in of_json(FILE | {"shows": [SHOW | more for more in wrong]}).errors]
    assert pointers == ["/shows/0/starts_at", "/shows/1/prices/0/amount", "/shows/2/hall_id", "/shows/4"]


def test_each_bad_line_is_named():
    found = of_csv(
        LINES[0].replace("IN", "XX"), "hall,h2,v1,Main", "section,,h9,Stalls,,,,,,,seated,Gold,2,3", "circus,c1",
        "event,e2,,,,,,,,,,,,,,,theatre", "section,,h2,Stalls,,,,,,,seated,Gold,two,3", "a," * 30, "",
        LINES[4], LINES[4],
    )  # fmt: skip
    assert {pointer for pointer, _ in found.errors} == {
        "/lines/2/country", "/lines/4/of", "/lines/5/record", "/lines/6/title", "/lines/7/rows", "/lines/8",
        "/lines/3/sections",
        "/lines/11",
    }  # fmt: skip
    assert all(detail for _, detail in found.errors)


def test_each_bad_thing_of_json_is_named():
    file = msgspec.json.decode(msgspec.json.encode(FILE))
    file["venues"][0]["halls"][0]["sections"][0]["accessible"] = ["Z-1"]
    file["events"] += [{"ref": "e1", "title": "Twice", "kind": "film"}, {"ref": "e3"}, 7]
    pointers = {pointer for pointer, _ in of_json(file).errors}
    assert pointers == {"/venues/0/halls/0/sections/0/accessible/0", "/events/2/title", "/events/3", "/events"}


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [(b"\xff\xfe", CSV, 400), (b'"open', CSV, 400), (b"", CSV, 422), (b"a,b\n", CSV, 422),
     (b"record,ref,ref\n", CSV, 422),
     (b"{", JSON, 400), (b"[]", JSON, 422), (b'{"walks": []}', JSON, 422), (b'{"venues":' + b"[" * 100_000, JSON, 400),
     (b"record,ref\n" * 20_001, CSV, 422)],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused(content, media_type, status):
    with pytest.raises(Problem) as caught:
        read(content, media_type)
    assert caught.value.status == status


def test_a_byte_order_mark_is_no_part_of_the_first_column():
    assert not read(b"\xef\xbb\xbf" + "\n".join((HEAD, *LINES)).encode(), CSV).errors
