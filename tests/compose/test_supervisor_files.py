"""What stands in several files must agree: the process table and the container file, the settings and their lists."""

import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from compose import product
from compose.environment import ACCOUNTS, dotenv
from compose.failure import Failure
from compose.run_folder import RunFolder
from store.settings import Settings

pytestmark = pytest.mark.pure
ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = {field.name.upper() for field in msgspec.structs.fields(Settings)}
SERVERS = {"postgres", "redis", "rabbitmq"}
# Containers beside the product's processes, and what they run.
OTHERS = {
    "mailbox": ("compose.mailbox",),
    "razorpay": ("loadtest.razorpay_emulator",),
    "migrate": ("store.migrate",),
    "demo": ("actors.demo",),
}


@pytest.fixture(scope="module")
def containers() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose" / "docker-compose.yml").read_text())
    return loaded


def test_the_container_file_runs_the_processes_of_the_supervisors_table(containers: dict[str, Any]) -> None:
    services = containers["services"]
    running = {name: tuple(one["command"]) for name, one in services.items() if name not in SERVERS}
    table = {kind.name: kind.module_and_arguments for kind in product.KINDS} | OTHERS
    assert running == {name: ("python", "-m", *words) for name, words in table.items()}
    for kind in product.KINDS:
        assert services[kind.name].get("deploy", {}).get("replicas", 1) == kind.count, kind.name


def test_the_container_file_gives_every_setting_and_the_demo_accounts(containers: dict[str, Any]) -> None:
    given = set(containers["x-settings"]) | {"FILES_DIR"}
    assert given == SETTINGS | set(ACCOUNTS)


def test_the_container_file_holds_no_secret(containers: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|SIGNING_KEY|KEY_ID|BOOKING_NAMESPACE")
    for service in containers["services"].values():
        for name, value in service.get("environment", {}).items():
            if secret.search(name):
                assert re.fullmatch(r"\$\{[A-Z_]+:(\?|-)\}", str(value)), name


def test_every_container_of_ours_that_listens_is_asked_whether_it_is_healthy(containers: dict[str, Any]) -> None:
    for name, service in containers["services"].items():
        if name in SERVERS or "ports" in service:
            assert "healthcheck" in service, name


def test_the_example_names_every_setting() -> None:
    text = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#([A-Z_]+)=", text, flags=re.MULTILINE))
    ours = {"EDGES", "LANE_WORKERS", "SAGA_WORKERS", "RUN_DIR"} | set(ACCOUNTS)
    assert named == SETTINGS | ours


def test_the_lock_pins_everything_with_hashes_and_names_no_index() -> None:
    lock = (ROOT / "compose" / "requirements.lock").read_text()
    asked = re.findall(r"^([a-z0-9-]+)", (ROOT / "compose" / "requirements.in").read_text(), flags=re.MULTILINE)
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+) .*\\$", lock, flags=re.MULTILINE))
    assert [name for name in asked if name not in pinned] == []
    assert "://" not in lock and "--index" not in lock and "--find-links" not in lock
    blocks = re.split(r"\n(?=[a-z])", lock)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_commands_of_the_house_are_in_the_makefile() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in "run up down parts check test e2e onsale verify".split():  # noqa: SIM905
        assert f"make {command} " in shown


def test_the_env_file_is_read_as_a_shell_would(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# comment\n\nPLAIN=a\nexport QUOTED='b c'\nDOUBLE=\"d\"\nEMPTY=\nAFTER=e # why\n")
    assert dotenv(path) == {"PLAIN": "a", "QUOTED": "b c", "DOUBLE": "d", "EMPTY": "", "AFTER": "e"}


def test_a_log_that_grew_too_long_is_put_aside_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.make()
    monkeypatch.setattr("compose.run_folder.LOG_BYTES_MAX", 10)
    with folder.log_of("edge").open("ab", buffering=0) as log:
        log.write(b"first words\n")
        folder.bound_logs()
        log.write(b"next\n")
        folder.bound_logs()
    assert folder.log_of("edge").read_text() == "next\n"
    assert (folder.logs / "edge.log.1").read_text() == "first words\n"


@pytest.mark.parametrize("line", ["no equals sign", "A='open", "1st=x", "=x"])
def test_a_malformed_env_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"GOOD=1\n{line}\n")
    with pytest.raises(Failure, match="line 2"):
        dotenv(tmp_path / ".env")
