"""The bench's own arithmetic and plumbing: figures and their table, CPU by process, what wrk and pgbench tell, a light
crowd against a small server, and the plans and messages that are made outside the product."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.lanes.wire import open_body
from loadtest.bench import __main__ as bench
from loadtest.bench import figures, pgbench, picture, shows, usage, wishes, wrk
from loadtest.bench.figures import TARGETS, NotMeasured, Target
from loadtest.bench.posting import booking_request, post
from sagas.identity import derived
from sagas.messages import HoldSeats, OpenShow, ShowLaneMessage
from sagas.seat_plan import decode as decode_plan

pytestmark = pytest.mark.pure


def test_a_median_is_told_with_its_spread() -> None:
    assert figures.median_of("per_s", [1000.4, 3000.6, 2000.2]) == {"per_s": 2000, "per_s_spread": [1000, 3001]}
    assert figures.ratios([3.0, 8.0, 6.0], [2.0, 4.0, 4.0]) == {"ratio": 1.5, "ratio_spread": [1.5, 2.0]}


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [figures.percentile([4.0, 1.0, 3.0, 2.0], percent) for percent in (1, 50, 99)] == [1.0, 2.0, 4.0]
    with pytest.raises(NotMeasured):
        figures.percentile([], 99)


@pytest.mark.parametrize(("value", "reached"), [(0.4, "aim"), (0.9, "must"), (1.2, "short")])
def test_less_is_better_where_time_is_measured(value: float, reached: str) -> None:
    assert Target("rush_500x1", "seconds", 1.0, 0.4, "s", True).reached(value) == reached


def test_every_figure_aimed_at_belongs_to_a_row_and_stands_in_the_table() -> None:
    """Those that could not be measured are null, with the reason in their line."""
    assert {target.row for target in TARGETS} == set(bench.ROWS)
    found = {row: figures.unmeasured(row, "no wrk here") for row in bench.ROWS}
    found["lane"] = {"ratio": 2.4, "ratio_spread": [2.1, 2.5], "cores": {"lane worker": 0.97}}
    table = figures.table(found)
    assert found["growth"] == {"seats": None, "shows": None, "reason": "no wrk here"}
    assert table.count("no wrk here") >= len(TARGETS) - 1
    line = next(line for line in table.splitlines() if line.startswith("lane.ratio"))
    assert "2.4 ×" in line
    assert "2.1 to 2.5" in line
    assert line.endswith("yes")


def test_what_was_measured_before_is_kept(tmp_path: Path) -> None:
    """Rows can be measured alone; the others' figures stay in bench.json."""
    bench.write(tmp_path, {"lane": {"ratio": 2.0}}, {"processor": "one"})
    bench.write(tmp_path, {"edge": {"ratio": 0.5}}, {"processor": "two"})
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert (kept["lane"]["ratio"], kept["edge"]["ratio"]) == (2.0, 0.5)
    assert kept["machine"] == {"processor": "two"}


def test_a_row_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "no row is called speed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (b".venv/bin/python\0-m\0actors.worker\0lane\0", "lane worker"),
        (b".venv/bin/python\0-m\0edge.server\0", "edge"),
        (b".venv/bin/python\0-m\0loadtest.razorpay_emulator\0", "razorpay emulator"),
        (b"postgres: frontrow frontrow 127.0.0.1(5) idle\0", "postgres"),
        (b"/usr/bin/redis-server 127.0.0.1:6400\0", "redis"),
        (b"/usr/lib/erlang/erts-13/bin/beam.smp\0-W\0w\0", "rabbitmq"),
        (b"", "unnamed"),
    ],
)
def test_a_process_is_called_by_what_it_does(command: bytes, name: str) -> None:
    assert usage.name_of(command) == name


def test_cpu_is_told_in_cores_between_two_looks() -> None:
    """What began meanwhile counts from nothing, and what came and went is given beside."""
    first = usage.Look({(1, "edge"): 10.0, (2, "postgres"): 4.0}, 100.0, 50.0)
    second = usage.Look({(1, "edge"): 11.9, (2, "postgres"): 4.4, (3, "postgres"): 0.2}, 103.8, 52.0)
    used = usage.between(first, second, wrk=0.2)
    assert used.cores == pytest.approx({"edge": 0.95, "postgres": 0.3, "wrk": 0.1})
    assert used.machine == pytest.approx(1.9)
    assert list(used.told()) == ["edge", "postgres", "wrk", "machine"]


def test_the_bottleneck_is_a_busy_thread_or_the_machine_or_waiting() -> None:
    assert "one thread" in usage.bottleneck(usage.Usage({"edge": 0.97, "postgres": 0.1}, 1.2, 2, 5.0))
    assert "processors" in usage.bottleneck(usage.Usage({"postgres": 1.1, "lane worker": 0.8}, 1.95, 2, 5.0))
    assert "waiting" in usage.bottleneck(usage.Usage({"postgres": 0.3}, 0.5, 2, 5.0))


def test_wrk_and_pgbench_tell_their_figures() -> None:
    assert wrk.parse('Running 5s test\n{"requests": 7, "refused": 0}\n')["requests"] == 7
    told = "latency average = 9 ms\ntps = 3374.25 (without initial connection time)\n"
    assert pgbench.tps(told) == pytest.approx(3374.25)
    for parse in (wrk.parse, pgbench.tps):
        with pytest.raises(NotMeasured):
            parse("nothing of the kind")


@pytest.mark.parametrize("seats", [1, 49, 2_000, 2_001, 5_010])
def test_a_plan_of_the_bench_is_a_seat_plan(seats: int) -> None:
    sections, _, body = shows.seat_plan(seats)
    plan = decode_plan(body)
    assert plan.places == seats
    assert [section.id for section in plan.sections] == sections


def test_a_wish_of_the_bench_is_what_the_edge_would_have_sent() -> None:
    show_id = uuid.uuid4()
    first, second = wishes.chosen("show.03", show_id, ["7-0", "7-1", "7-2", "7-3"], 2, 2)
    command = msgspec.json.decode(open_body(second.body).message, type=ShowLaneMessage)
    assert isinstance(command, HoldSeats)
    assert (command.show_id, command.seats, command.quantity) == (show_id, ("7-2", "7-3"), 0)
    assert command.command_id == command.booking_id
    assert command.not_after > datetime.now(UTC)
    assert first.publish_id != second.publish_id
    assert json.loads(first.body)["message_id"] == first.publish_id


def test_a_show_of_the_bench_is_opened_as_the_product_would() -> None:
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": uuid.uuid4(), "lane": "show.01", "plan_id": "p", "currency": "INR", "number": 9, "hold_seconds": 300,
        "prices": '[{"section_id": "s", "amount": 5}]', "max_seats_per_booking": 10, "max_seats_per_buyer": None,
        "max_live_holds": 2, "starts_at": now, "ends_at": now, "sale_opens_at": now, "sale_closes_at": now,
    }  # fmt: skip
    command = msgspec.json.decode(open_body(shows.opening(row).body).message, type=ShowLaneMessage)
    assert isinstance(command, OpenShow)
    assert command.command_id == derived(row["id"], "open")
    assert (command.prices[0].amount, command.number, command.starts_at) == (5, 9, now)


@pytest.fixture
def answering() -> Iterator[tuple[str, int]]:
    """A server that answers 201 to one request, 409 to the next, and so on."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(one: socket.socket) -> None:
        with one:
            while data := one.recv(4096):
                status = "409 Conflict" if b"key-1" in data or b"key-3" in data else "201 Created"
                one.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 11\r\n\r\n".encode())
                one.sendall(b'{"ok": true')  # the head and the body may come apart

    def accept() -> None:
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.mark.parametrize("due", [None, [0.0, 0.01, 0.02, 0.03]])
def test_a_light_crowd_hears_every_answer(answering: tuple[str, int], due: list[float] | None) -> None:
    requests = [booking_request(answering, "s", "t", f"key-{n}", {"quantity": 1}, 10) for n in range(4)]
    posted = post(answering, requests, 2, due=due, limit_seconds=5.0)
    assert posted.statuses == {201: 2, 409: 2}
    assert len(posted.answered) == 4
    assert (posted.errors(201), posted.errors(201, 409)) == (2, 0)
    assert posted.odd[0].startswith("409")


def test_the_picture_is_drawn_only_when_growth_was_measured(tmp_path: Path) -> None:
    assert not picture.draw(tmp_path / "none.png", {"seats": None, "reason": "no time"})
    points = {"1000": 100.0, "100000": 110.0}
    assert picture.draw(tmp_path / "bench.png", {name: points for name, _ in picture.PANELS})
    assert (tmp_path / "bench.png").stat().st_size > 1_000
