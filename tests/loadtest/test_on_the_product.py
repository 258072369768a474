"""The sale, a race and the verdict, each as its command, on the whole product."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running_product import Product

ROOT = Path(__file__).parents[2]
MILESTONES = ("held: ", "paid: ", "confirmed: ", "ticket in the mailbox: ")


def command(run_dir: Path, module: str, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**os.environ, "RUN_DIR": str(run_dir)}, text=True,
        capture_output=True, timeout=seconds, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [(), ("--first",)])
def test_the_whole_sale_is_narrated_to_its_end(product: Product, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Every milestone in order, each with its time; the log has at least what was shown."""
    ended = command(tmp_path, "loadtest.e2e", *arguments, seconds=90)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[-1] == "End-to-end flow completed successfully"
    assert all(re.match(r" *\d+\.\d\d s  ", line) for line in lines[:-1])
    found = [next(n for n, line in enumerate(lines) if milestone in line) for milestone in MILESTONES]
    assert found == sorted(found)
    assert len(lines) == 5 if arguments else len(lines) > 5
    logged = (tmp_path / "e2e.log").read_text().splitlines()
    assert set(lines) <= set(logged)
    assert logged[-1] == lines[-1]


def test_a_race_sells_what_it_has_and_the_notes_are_true(product: Product, tmp_path: Path) -> None:
    """A hundred buyers, fifty seats: the checks of the race, whatever other tests have left in the tables."""
    ended = command(tmp_path, "loadtest.onsale", "--only", "pairs", seconds=180)
    said = ended.stdout + ended.stderr
    for check in ("every buyer of the races was told", "what each buyer was told", "each race sold exactly what it had",
                  "every accepted wish is in the journal", "the earlier place always wins",
                  "no seat is given to two bookings"):  # fmt: skip
        assert re.search(rf"^  ok .*{check}", ended.stdout, re.MULTILINE), said
    summary = json.loads((tmp_path / "onsale" / "summary.json").read_text())
    assert [(race["name"], race["outcomes"], race["seats_given"]) for race in summary] == [
        ("pairs", {"seat-taken": 75, "held": 25}, 50)
    ]
    assert (tmp_path / "onsale" / "races.png").stat().st_size > 10_000
    assert len((tmp_path / "onsale" / "notes.jsonl").read_text().splitlines()) == 100
    assert not [*(tmp_path / "onsale").glob("plan*")], "the tokens were left behind"
