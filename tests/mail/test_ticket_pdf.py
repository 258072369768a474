"""Printed tickets: read back with pdftotext, as a person would see them."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail import printing
from mail.ticket_pdf import TICKETS_MAX, tickets_pdf
from tests.mail.samples import HOSTILE, face

pytestmark = pytest.mark.pure


def text_of(pdf: bytes) -> list[str]:
    """The words of each page."""
    printed = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True, timeout=20)
    return [" ".join(page.split()) for page in printed.stdout.decode().split("\f")[:-1]]


def info_of(pdf: bytes, tmp_path: Path) -> str:
    path = tmp_path / "tickets.pdf"
    path.write_bytes(pdf)
    return subprocess.run(["pdfinfo", path], capture_output=True, check=True, timeout=20).stdout.decode()


def test_a_ticket_says_everything_that_the_door_and_the_buyer_need():
    (page,) = text_of(tickets_pdf([face()]))
    for words in (
        "Hamlet",
        "Saturday, 5 December 2026, 7:30 PM IST",
        "Prithvi Theatre · Main Hall",
        "20 Janki Kutir, Juhu, Mumbai 400049",
        "Stalls",
        "C",
        "14",
        "Adult",
        "Asha Raghavan",
        "₹1,250.00",
        "FR-7K3M9Q",
        "Ticket 1 of 1",
    ):
        assert words in page


def test_each_seat_has_a_page_of_its_own_in_order(tmp_path: Path):
    pdf = tickets_pdf([face(seat=f"{number}") for number in (101, 102, 1103)])
    pages = text_of(pdf)
    assert len(pages) == 3
    for page, seat, count in zip(pages, ("101", "102", "1103"), ("1 of 3", "2 of 3", "3 of 3"), strict=True):
        assert f" {seat} " in page and f"Ticket {count}" in page
    assert "A5" in info_of(pdf, tmp_path) or "595.276 x 419.528" in info_of(pdf, tmp_path)


def test_a_standing_place_has_neither_row_nor_seat():
    (page,) = text_of(tickets_pdf([face(section="Standing", row="", seat="")]))
    assert "Standing" in page
    assert "SECTION" in page.split() and not {"ROW", "SEAT"} & set(page.split())


def test_equal_tickets_are_equal_bytes():
    assert tickets_pdf([face()]) == tickets_pdf([face()])


def test_hostile_names_are_printed_as_they_are_on_one_page():
    pdf = tickets_pdf([face(event=HOSTILE, venue=HOSTILE, holder_name=HOSTILE, section=HOSTILE, ticket_type=HOSTILE)])
    (page,) = text_of(pdf)
    assert "<script>alert(1)</script>{{7*7}}" in page
    assert "49" not in page.replace("400049", "")
    assert "\u202e" not in page
    assert "FR-7K3M9Q" in page and "14" in page and "7:30 PM" in page


@pytest.mark.parametrize("seat", ["W" * 10, "1234567890", "102", "MM", "12345"])
def test_no_seat_is_ever_cut_short(seat: str):
    """Text that is clipped stays in the PDF, so this looks at where the letters are drawn."""
    pdf = tickets_pdf([face(row="", seat=seat)])
    drawn = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True, timeout=20)
    words = [line for line in drawn.stdout.decode().splitlines() if line.strip().startswith("<word")]
    edges = [
        float(line.split('xMax="')[1].split('"')[0])
        for line in words
        if line.split(">")[1].split("<")[0] in seat and float(line.split('xMin="')[1].split('"')[0]) < 370
    ]
    right_edge_mm = 5 + 15 + 114 - 4  # of the last place: band, padding, table, the cell's own padding
    assert edges and max(edges) <= right_edge_mm / 25.4 * 72


@pytest.mark.parametrize("count", [0, TICKETS_MAX + 1])
def test_a_pdf_has_at_least_one_ticket_and_at_most_a_booking_s_worth(count: int):
    with pytest.raises(ValueError, match="1 to 100 tickets"):
        tickets_pdf([face()] * count)


@pytest.fixture
def canary() -> Iterator[tuple[int, list[str]]]:
    """A listener that notes who calls."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    caller, address = listening.accept()
                except OSError:
                    return
                calls.append(str(address))
                caller.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1], calls
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(2)


def test_a_page_can_load_nothing_from_the_network_or_the_disk(canary: tuple[int, list[str]], tmp_path: Path):
    port, calls = canary
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine")
    web, disk = f"http://127.0.0.1:{port}/x", secret.as_uri()
    page = "<body>" + "".join(
        f'<img src="{url}"><link rel="stylesheet" href="{url}"><link rel="attachment" href="{url}">'
        f'<a rel="attachment" href="{url}">x</a><object data="{url}"></object><embed src="{url}">'
        f'<p style="background: url({url})">x</p><style>@import url({url});'
        f"@font-face {{ font-family: stolen; src: url({url}) }} p {{ font-family: stolen }}</style>"
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="{url}" width="9" height="9"/></svg>'
        for url in (web, disk)
    )
    pdf = printing._pdf(page, printing.stylesheet("ticket.css"))
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf)
    attached = subprocess.run(["pdfdetach", "-list", path], capture_output=True, check=True, timeout=20)
    assert calls == []
    assert attached.stdout.startswith(b"0 embedded files")


def test_a_name_that_is_an_image_tag_loads_nothing(canary: tuple[int, list[str]]):
    port, calls = canary
    (page,) = text_of(tickets_pdf([face(event=f'<img src="http://127.0.0.1:{port}/x">')]))
    assert calls == []
    assert f'<img src="http://127.0.0.1:{port}/x">' in page.replace("// ", "//")  # it wraps there
