"""What the checks look at: one snapshot of the tables, the provider's ledger, the mailbox, and the buyers' notes."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

#: Letters are fetched in pages, up to what the mailbox keeps.
LETTERS_PAGE, LETTERS_MAX = 1000, 20_000
NOTES_MAX = 200_000
HTTP_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer: how many rows it looked at, and what is wrong with which."""

    name: str
    rows: int
    wrong: list[str]


@dataclass(frozen=True, slots=True)
class RaceNotes:
    """What the buyers of a race were told, and what the race was to come to."""

    facts: dict[str, Any]
    notes: list[dict[str, Any]]


@dataclass(slots=True)
class Evidence:
    """``connection`` is in one read-only snapshot for as long as the checks run; provider and mailbox were asked just
    before, so what the tables noted after ``asked_at`` they could not know yet."""

    connection: Any
    ledger: dict[str, Any]
    letters: list[dict[str, Any]]
    races: list[RaceNotes]
    live_holds_limit: int
    asked_at: datetime
    mailbox_is_full: bool = False
    remarks: list[str] = field(default_factory=list)


class EvidenceMissing(Exception):
    """Something to be asked did not answer; the message says what."""


async def fetch_ledger(client: httpx.AsyncClient, razorpay_url: str) -> dict[str, Any]:
    found = await _json(client, f"{razorpay_url}/control/ledger", {})
    if not isinstance(found, dict):
        raise EvidenceMissing("the emulator's ledger is no object")
    return found


async def fetch_letters(client: httpx.AsyncClient, mailbox_url: str) -> list[dict[str, Any]]:
    """Every letter that the mailbox still keeps, newest first, without its text."""
    letters: list[dict[str, Any]] = []
    before = ""
    while len(letters) < LETTERS_MAX:
        asked = {"limit": str(LETTERS_PAGE), "brief": "true", **({"before": before} if before else {})}
        page = await _json(client, f"{mailbox_url}/api/messages", asked)
        letters += page
        if len(page) < LETTERS_PAGE:
            break
        before = page[-1]["id"]
    return letters


async def _json(client: httpx.AsyncClient, url: str, params: dict[str, str]) -> Any:
    try:
        answer = await client.get(url, params=params, timeout=HTTP_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise EvidenceMissing(f"{url} did not answer as it should: {error!r}") from error


async def database_birth(connection: Any) -> str:
    """What tells this database from one that was made anew: when its first migration ran."""
    return str(await connection.fetchval("SELECT min(applied_at) FROM tortoise_migrations"))


def read_notes(folder: Path, birth: str) -> tuple[list[RaceNotes], str]:
    """The races that were run on this database, and a remark where there are none."""
    path = folder / "races.json"
    if not path.is_file():
        return [], f"no buyers' notes in {folder}: `make onsale` writes them"
    told = json.loads(path.read_text(encoding="utf-8"))
    if told["database_birth"] != birth:
        return [], f"the buyers' notes in {folder} are of another database, and were not looked at"
    by_race: dict[str, list[dict[str, Any]]] = {race["show_id"]: [] for race in told["races"]}
    with (folder / "notes.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number >= NOTES_MAX:
                return [], f"{folder} holds more than {NOTES_MAX:,} notes; the races were not looked at"
            note = json.loads(line)
            by_race[note["show_id"]].append(note)
    return [RaceNotes(race, by_race[race["show_id"]]) for race in told["races"]], ""
