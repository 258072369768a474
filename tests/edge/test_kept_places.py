"""What partners keep, as everybody else is shown it: which places, and how many are left."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.kept_places import NOTHING, Kept, public_left
from sagas.identity import base32
from sagas.terms import Allocation
from store.live import SeatsChanged

pytestmark = pytest.mark.pure

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = (Allocation("Bank", "CARD", ((90, 10), (3, 2))), Allocation("Club", "CLUB", ((5, 1), (0, 1))))
KEPT = {0, 3, 4, 5, *range(90, 100)}


def test_a_free_place_is_hidden_where_a_partner_keeps_it():
    kept = Kept(RUNS, "7-", 100)
    assert {ordinal for ordinal in range(-1, 101) if kept.hides(ordinal, "free")} == KEPT
    assert not any(kept.hides(ordinal, state) for ordinal in KEPT for state in ("held", "sold", "blocked"))
    assert not any(NOTHING.hides(ordinal, "free") for ordinal in KEPT)


def test_a_change_is_shown_without_what_is_kept():
    changes = {f"7-{base32(ordinal)}": state for ordinal, state in ((3, "free"), (4, "sold"), (6, "free"))}
    change = SeatsChanged(5, 4, changes, {"a": 9}, [])
    shown = Kept(RUNS, "7-", 100).shown(change, NOW)
    assert (shown.version, shown.since, shown.left) == (5, 4, {"a": 9})
    assert list(shown.changes.values()) == ["blocked", "sold", "free"]


@pytest.mark.parametrize(("seconds", "left"), [(-1, {"a": 2, "b": 1}), (0, {"a": 5, "b": 1}), (1, {"a": 5, "b": 1})])
def test_what_is_kept_is_left_to_everybody_from_its_release_on(seconds, left):
    kept = '[{"left": {"a": 3}, "until": "2026-01-01T00:00:00Z"}, {"left": {"b": 1, "a": 1}}]'
    row = {"left": '{"a": 6, "b": 2}', "kept": kept}
    assert public_left(row, NOW + timedelta(seconds=seconds)) == left
    assert public_left(row | {"kept": None}, NOW) == {"a": 6, "b": 2}
