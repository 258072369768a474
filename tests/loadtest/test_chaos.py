"""`make chaos` in its short form, played once: each situation occurred, and order, winners and promises held."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from loadtest.chaos import judging
from loadtest.chaos.memory import Level, growth
from loadtest.chaos.numbered import Wish, winners
from loadtest.chaos.script import CUTS, DECK, WORKER_FAULTS, script
from loadtest.stack import ROOT

SEED = 11
RUN_LIMIT_SECONDS = 600


@pytest.mark.pure
def test_a_seed_draws_the_same_faults_again_and_another_one_others() -> None:
    assert script(7, 4, short=False) == script(7, 4, short=False)
    assert script(7, 4, short=False) != script(8, 4, short=False)


@pytest.mark.pure
@pytest.mark.parametrize("seed", range(5))
def test_the_long_run_has_a_hundred_faults_of_lane_workers_and_every_kind_and_cut(seed: int) -> None:
    acts = script(seed, 4, short=False)
    assert sum(act.kind in WORKER_FAULTS for act in acts) >= 100
    assert {act.kind for act in acts} == set(DECK) == {act.kind for act in script(seed, 4, short=True)}
    for kind in ("cut off from RabbitMQ", "cut off from Postgres"):
        assert {act.style for act in acts if act.kind == kind} == set(CUTS)


@pytest.mark.pure
def test_in_the_naive_model_the_first_to_ask_for_free_seats_has_them() -> None:
    show, bookings = uuid.uuid4(), [uuid.uuid4() for _ in range(4)]
    asked = [("a",), ("b", "a"), ("b",), ("c", "b")]
    wishes = [Wish(at, show, booking, seats) for at, (booking, seats) in enumerate(zip(bookings, asked, strict=True))]
    assert winners(wishes) == {bookings[0]: ("a",), bookings[2]: ("b",)}


@pytest.mark.pure
def test_a_situation_that_never_occurred_or_a_check_that_failed_is_not_clean(tmp_path: Path) -> None:
    clean = {"seed": 1, "situations": {"one": 1}, "figures": {}, "checks": {"chain": []}}
    assert judging.tell(clean, tmp_path / "report.json")
    assert not judging.tell(clean | {"situations": {"one": 1, "other": 0}}, tmp_path / "report.json")
    assert not judging.tell(clean | {"checks": {"chain": ["broken"]}}, tmp_path / "report.json")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a short run on servers of its own, which it may kill and set back."""
    folder = tmp_path_factory.mktemp("chaos")
    folder.chmod(0o755)
    report = folder / "report.json"
    command = [sys.executable, "-m", "compose", "stack", "--parts-only", "--run-dir", f"{folder / 'run'}", "--"]
    command += [sys.executable, "-m", "loadtest.chaos", "--short", "--seed", f"{SEED}", "--report", f"{report}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_LIMIT_SECONDS, check=False)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def holds(played: dict[str, Any], check: str, *situations: str) -> None:
    """The check found nothing wrong, and these situations occurred."""
    assert played["checks"][check] == []
    assert [name for name in situations if not played["situations"][name]] == []


def test_numbered_commands_are_decided_in_their_order_whatever_happens_to_the_workers(played: dict[str, Any]) -> None:
    holds(
        played, "order", "a worker killed (-9)", "a worker paused beyond its lease", "a worker restarted",
        "a worker cut off from RabbitMQ", "a worker cut off from Postgres",
    )  # fmt: skip


def test_the_journals_chain_has_no_break_and_no_repeat(played: dict[str, Any]) -> None:
    holds(played, "chain", "offsets skipped where a segment rolled", "a command that came again, and was known")


def test_the_winners_are_the_naive_models(played: dict[str, Any]) -> None:
    holds(played, "won")


def test_everything_verifies_after_the_chaos(played: dict[str, Any]) -> None:
    holds(played, "verified")


def test_of_two_workers_that_both_believe_in_a_lane_one_writes_and_the_other_is_refused(played: dict[str, Any]) -> None:
    holds(played, "chain", "a lease given to another", "two believers: the other's write refused")


def test_a_lane_is_taken_over_in_time_after_a_kill_and_after_a_pause(played: dict[str, Any]) -> None:
    holds(played, "taken_over", "a worker killed (-9)", "a worker paused beyond its lease")


def test_rabbitmq_killed_in_a_storm_loses_nothing_that_was_answered_202(played: dict[str, Any]) -> None:
    holds(played, "told", "RabbitMQ killed (-9) and started again", "a 503 found out by asking again")


def test_a_streams_writer_killed_in_a_storm_loses_nothing_that_was_answered_202(played: dict[str, Any]) -> None:
    holds(played, "told", "a stream's writer killed inside RabbitMQ")


def test_the_edge_answers_in_time_while_a_server_is_away(played: dict[str, Any]) -> None:
    holds(played, "in_time", "an answer of the edge during an outage")


def test_a_memory_alarm_in_a_storm_leaves_no_ghost_holds(played: dict[str, Any]) -> None:
    holds(played, "no_ghosts", "a memory alarm in RabbitMQ", "a wish that came too late, refused")


def test_a_stream_deleted_under_the_running_system_begins_a_new_generation(played: dict[str, Any]) -> None:
    holds(played, "order", "a stream deleted under the running system", "a new generation after a cut or another log")


def test_rabbitmq_set_back_with_new_commands_in_its_logs_skips_none_and_decides_none_twice(
    played: dict[str, Any],
) -> None:
    situation = "RabbitMQ set back to an older copy of its data"
    holds(played, "order", situation, "a new generation after a cut or another log")
    holds(played, "chain", situation, "a saga's lane in a new generation")
    holds(played, "verified", situation)


def test_postgres_killed_during_commits_leaves_no_doubt_what_was_decided(played: dict[str, Any]) -> None:
    holds(
        played, "order", "Postgres killed (-9) during commits", "Postgres cut off at a commit (after it)",
        "Postgres cut off at a commit (before it)", "a commit's unknown outcome, resolved by the offset",
    )  # fmt: skip


def test_a_head_trimmed_past_what_was_decided_begins_a_new_generation(played: dict[str, Any]) -> None:
    holds(played, "order", "a log's head trimmed past what was decided", "a new generation after a trimmed head")


def test_a_batch_that_answers_after_its_session_has_ended_changes_nothing(played: dict[str, Any]) -> None:
    holds(
        played, "chain", "a session cut with a batch in its commit", "a batch that answered after its session had ended"
    )


def test_a_released_booking_confirmed_twice_is_not_seated(played: dict[str, Any]) -> None:
    holds(played, "verified", "a released booking confirmed twice, and not seated")


def test_junk_and_poison_keep_no_lane_for_long(played: dict[str, Any]) -> None:
    holds(
        played, "never_still", "a poison set aside as failed", "an unknown command or junk, journalled",
        "a body of a megabyte, journalled", "a command of another version, decided",
        "a batch halved down to its culprit",
    )  # fmt: skip


def test_no_worker_ends_by_itself_and_no_lane_is_stuck(played: dict[str, Any]) -> None:
    holds(played, "well")


def test_every_situation_of_the_script_occurred(played: dict[str, Any]) -> None:
    assert [name for name, count in played["situations"].items() if not count] == []


@pytest.mark.pure
def test_memory_that_grows_after_the_first_round_is_told() -> None:
    level = [Level(2_500, 120.0), Level(30_000, 128.0), Level(60_000, 131.0)]
    assert growth(level) == []
    assert growth([*level, Level(90_000, 170.0)]) == ["120 MB after 2,500 decisions, 170 MB after 90,000"]


def test_a_show_moves_and_a_lane_is_added_while_others_are_sold(played: dict[str, Any]) -> None:
    situations = ("a show moved to another lane, with holds and payments", "a lane added while others were sold on")
    holds(played, "order", *situations)
    holds(played, "chain", *situations)
    holds(played, "verified", *situations)
