"""The supervisor from outside: up, down, and everything that can befall it in between, with real processes.

The product is stand-ins (see stand_ins.py); the parts are the ones that the test run was given, except where a private
part is itself what is tried.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from compose import process_list
from tests.compose.stand_ins import Project, wait_for

PARTS = ("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL")
SETTINGS_PROMISED = (
    *("EDGE_URL", "DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "RAZORPAY_URL", "MAILBOX_URL", "JWT_SECRET"),
    *("RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET"),
    *(f"{role}_{word}" for role in ("BUYER", "ORGANISER", "SCANNER", "ADMIN") for word in ("EMAIL", "PASSWORD")),
)


def plain_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path, which is closed to others: PostgreSQL's user must pass through."""
    path = Path(tempfile.mkdtemp(prefix="frontrow-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    """A project on the parts of this test run."""
    missing = [name for name in PARTS if name not in os.environ]
    assert not missing, f"run this through `make test`, or give {missing}"
    made = Project(folder, {**plain_environment(), **{name: os.environ[name] for name in PARTS}})
    yield made
    made.end()


@pytest.fixture
def alone(folder: Path) -> Iterator[Project]:
    """A project that brings its own parts."""
    made = Project(folder, plain_environment())
    yield made
    made.end()


def test_up_returns_when_all_is_ready_and_tells_the_addresses(project: Project) -> None:
    up = project.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    settings = project.settings()
    assert [name for name in SETTINGS_PROMISED if not settings.get(name)] == []
    assert settings["EDGE_URL"] in up.stdout and settings["BUYER_EMAIL"] in up.stdout
    assert up.stdout.index("ready after") < up.stdout.index(settings["BUYER_PASSWORD"])
    assert httpx.get(f"{settings['EDGE_URL']}/health/ready").status_code == 200
    assert project.notes() == ["migrate", "demo", "sale"]
    assert "held, paid, confirmed" in up.stdout
    assert (project.run_dir / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert (project.run_dir / "stack.env").stat().st_mode & 0o777 == 0o600


def test_a_second_start_keeps_secrets_and_ports_and_seeds_nothing_again(project: Project) -> None:
    project.run("up")
    first = project.settings()
    project.run("down")
    assert not (project.run_dir / "stack.env").exists()
    project.run("up")
    assert project.settings() == first
    assert project.notes() == ["migrate", "demo", "sale", "migrate"]


def test_a_start_beside_a_running_one_shows_it_and_changes_nothing(project: Project) -> None:
    project.run("up")
    before = project.supervisor()
    again = project.run("up")
    assert again.returncode == 0 and "runs already" in again.stdout and "shop" in again.stdout
    run = project.run("run")
    assert run.returncode != 0 and "make down" in run.stderr
    assert project.supervisor() == before


def test_down_leaves_no_process_and_says_so_when_there_was_none(project: Project) -> None:
    project.run("up")
    assert len(project.processes()) >= 11
    down = project.run("down")
    assert down.returncode == 0 and project.processes() == []
    assert "nothing was running" in project.run("down").stdout


def test_a_killed_process_is_started_again_and_said_aloud(project: Project) -> None:
    project.run("up")
    for words in (("actors.worker", "saga"), ("edge.server",)):
        victim = project.process_of(*words)
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(lambda words=words, victim=victim: _replaced(project, words, victim.pid))
    log = (project.run_dir / "log" / "supervisor.log").read_text()
    assert "saga was killed by SIGKILL; started again (death 1)" in log
    assert "edge was killed by SIGKILL; started again (death 1)" in log


def test_what_a_killed_supervisor_left_is_mended_by_the_next_start(project: Project) -> None:
    project.run("up")
    left = project.process_of("actors.worker", "sweeps")
    os.kill(left.pid, signal.SIGSTOP)  # deaf to the signal that its supervisor's death sends
    os.kill(project.supervisor().pid, signal.SIGKILL)
    wait_for(lambda: len(project.processes()) == 1)
    up = project.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "left behind and ended now" in up.stdout
    assert not process_list.is_alive(left)
    assert len(project.processes()) >= 11


def test_down_ends_what_a_killed_supervisor_left(project: Project) -> None:
    project.run("up")
    os.kill(project.process_of("edge.server").pid, signal.SIGSTOP)
    os.kill(project.supervisor().pid, signal.SIGKILL)
    wait_for(lambda: len(project.processes()) == 1)
    down = project.run("down")
    assert down.returncode == 0 and project.processes() == []


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_foreground_run_in_order(project: Project, which: signal.Signals) -> None:
    run = project.begin("run")
    wait_for((project.run_dir / "stack.env").exists, 30)
    run.send_signal(which)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == 0, output
    assert "everything has ended" in output and project.processes() == []


def test_a_signal_while_it_starts_ends_it_too(project: Project) -> None:
    (project.path / "unready").write_text("still warming up")
    run = project.begin("run")
    wait_for(lambda: len(project.processes()) >= 11, 30)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    assert project.processes() == [], output


def test_a_given_port_that_is_taken_is_refused_with_the_holder(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = project.run("up", EDGE_PORT=f"{port}")
    assert up.returncode != 0
    assert f"EDGE_PORT={port} is taken by" in up.stdout and f"(pid {os.getpid()})" in up.stdout
    assert project.processes() == []


def test_a_chosen_port_that_is_taken_is_replaced_and_said(project: Project) -> None:
    project.run("up")
    port = int(project.settings()["EDGE_URL"].rsplit(":", 1)[1])
    project.run("down")
    with socket.create_server(("127.0.0.1", port)):
        up = project.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert f"port {port} is taken by" in up.stdout and f":{port}" not in project.settings()["EDGE_URL"]


def test_a_process_that_does_not_stay_up_fails_the_start_with_its_last_words(project: Project) -> None:
    (project.path / "dying").touch()
    (project.path / "unready").write_text("no letters worker")
    up = project.run("up")
    assert up.returncode != 0
    assert "letters does not stay up" in up.stdout and "the stamp is missing" in up.stdout
    assert project.processes() == [] and not (project.run_dir / "stack.env").exists()


def test_a_failing_migration_fails_the_start_with_its_last_words(project: Project) -> None:
    (project.path / "store" / "migrate.py").write_text("raise SystemExit('migration 7 cannot be undone')")
    up = project.run("up")
    assert up.returncode != 0 and "migration 7 cannot be undone" in up.stdout and project.processes() == []


def test_a_given_server_that_does_not_answer_is_named(project: Project) -> None:
    up = project.run("up", REDIS_URL="redis://127.0.0.1:1/0")
    assert up.returncode != 0 and "REDIS_URL is given (" in up.stdout and "unset REDIS_URL" in up.stdout


def test_the_env_file_is_read_and_the_environment_wins(project: Project) -> None:
    (project.path / ".env").write_text("# ours\nBUYER_EMAIL='ada@example.org'\nADMIN_EMAIL=file@example.org\nEDGES=0\n")
    project.run("up", ADMIN_EMAIL="shell@example.org", EDGES="1")
    settings = project.settings()
    assert (settings["BUYER_EMAIL"], settings["ADMIN_EMAIL"]) == ("ada@example.org", "shell@example.org")


def test_numbers_of_processes_are_settings_with_bounds(project: Project) -> None:
    project.run("up", LANE_WORKERS="3")
    lanes = [one for one in project.processes() if b"lane\0" in Path(f"/proc/{one.pid}/cmdline").read_bytes()]
    assert len(lanes) == 3
    project.run("down")
    refused = project.run("up", LANE_WORKERS="many")
    assert (
        refused.returncode != 0 and "LANE_WORKERS is 'many'; it must be a whole number from 1 to 64" in refused.stdout
    )


def test_a_command_runs_on_the_running_stack_and_on_one_made_for_it(project: Project) -> None:
    made = project.run("on-stack", "--", "sh", "-c", "echo at $EDGE_URL; exit 3")
    assert made.returncode == 3 and "at http://127.0.0.1:" in made.stdout and project.processes() == []
    project.run("up")
    before = project.supervisor()
    own = project.run("on-stack", "--own-edge", "--", "sh", "-c", "echo at $EDGE_URL limits $RATE_LIMITS")
    assert own.returncode == 0 and "limits off" in own.stdout
    assert f"at {project.settings()['EDGE_URL']} " not in own.stdout
    assert project.supervisor() == before


def test_private_data_that_was_never_finished_is_made_anew(alone: Project) -> None:
    data = alone.run_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    parts = alone.run("parts", "--only", "postgres,mailbox")
    assert parts.returncode == 0, parts.stdout + parts.stderr
    assert "was never finished by this stack: it is removed and made anew" in parts.stdout
    _query(alone, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert alone.run("down").returncode == 0 and alone.processes() == []


def test_a_private_database_survives_the_kill_of_everything(alone: Project) -> None:
    alone.run("parts", "--only", "postgres")
    _query(alone, "CREATE TABLE kept AS SELECT 42 AS answer")
    postmaster = int((alone.run_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    state = process_list.find(_supervisor_pid(alone))
    assert state is not None
    os.kill(state.pid, signal.SIGKILL)
    os.kill(postmaster, signal.SIGKILL)
    again = alone.run("parts", "--only", "postgres")
    assert again.returncode == 0, again.stdout + again.stderr
    assert _query(alone, "SELECT answer FROM kept") == "42"


def test_a_postmaster_that_is_killed_comes_back_though_a_child_of_it_still_has_the_memory(alone: Project) -> None:
    parts = alone.run("parts", "--only", "postgres")
    assert parts.returncode == 0, parts.stdout + parts.stderr
    pid_file = alone.run_dir / "postgres" / "data" / "postmaster.pid"
    postmaster = int(pid_file.read_text().split()[0])
    child = next(one for one in alone.processes() if one.name == "postgres" and one.pid != postmaster)
    os.kill(child.pid, signal.SIGSTOP)
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: _answers(alone), 20)
    assert int(pid_file.read_text().split()[0]) != postmaster


def test_a_private_stack_gives_its_command_all_parts_and_removes_them(alone: Project) -> None:
    code = 'test -n "$DATABASE_URL" && test -n "$REDIS_URL" && test -n "$RABBITMQ_URL" && exit 5'
    done = alone.run("stack", "--parts-only", "--run-dir", f"{alone.path}/private", "--", "sh", "-c", code)
    assert done.returncode == 5, done.stdout + done.stderr
    assert process_list.of_stack(alone.path / "private", [alone.path / "private"]) == []
    assert sorted(one.name for one in (alone.path / "private").iterdir()) == ["lock", "log"]


def test_a_private_stack_leaves_a_folder_of_something_else_alone(alone: Project) -> None:
    (alone.path / "precious").mkdir()
    (alone.path / "precious" / "letter").write_text("dear")
    done = alone.run("stack", "--run-dir", f"{alone.path}/precious", "--", "true")
    assert done.returncode != 0 and "is not empty" in done.stderr
    assert (alone.path / "precious" / "letter").read_text() == "dear"


def _replaced(project: Project, words: tuple[str, ...], pid: int) -> bool:
    try:
        return project.process_of(*words).pid != pid
    except AssertionError:
        return False


def _query(project: Project, statement: str) -> str:
    url = project.settings()["DATABASE_URL"]
    asked = subprocess.run(["psql", "-qtA", url, "-c", statement], capture_output=True, text=True, timeout=20)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout.strip()


def _answers(project: Project) -> bool:
    try:
        return _query(project, "SELECT 1") == "1"
    except AssertionError:
        return False


def _supervisor_pid(project: Project) -> int:
    return int(json.loads((project.run_dir / "state.json").read_text())["supervisor"]["pid"])
