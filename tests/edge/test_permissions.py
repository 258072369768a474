"""Who may do what: every operation has its line, and no line is left over."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _nothing_broke() -> None:
    """These need no running product."""


def test_every_operation_has_a_line_and_every_line_an_operation():
    from edge.operation import OPERATIONS
    from edge.permissions import MAY
    from edge.server import make_app  # noqa: F401  importing it routes everything

    assert sorted(operation.name for operation in OPERATIONS) == sorted(MAY)


def test_a_route_without_a_line_fails_at_import(tmp_path):
    program = (
        "from sanic import Blueprint\n"
        "from edge.operation import operation\n"
        "@operation(Blueprint('new'), 'GET', '/v1/new', answers={200: None})\n"
        "async def forgotten(request): ...\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 1 and "does not say who may call forgotten" in done.stderr


def test_the_document_is_as_the_routes_are():
    from edge.permissions_table import PAGE, page

    assert PAGE.read_text() == page(), "run `python -m edge.permissions_table`"


def test_every_operation_that_changes_something_is_limited():
    """A limiter that is wired to no route leaves log-ins unlimited."""
    from edge.limits import limits_of
    from edge.operation import OPERATIONS
    from edge.server import make_app  # noqa: F401
    from store.limits import LIMITS

    free = []
    for operation in OPERATIONS:
        names = limits_of(operation.name, operation.method, operation.rule.needs)
        assert set(names) <= set(LIMITS)
        if not names:
            free.append(operation.name)
        elif operation.name not in ("create_booking", "buy_listing"):
            assert {"calls-address", "calls-all"} <= set(names)
    assert {operation.name for operation in OPERATIONS if operation.method == "GET"} == set(free) - {
        "take_razorpay_webhook"
    }, "reading is free, and the provider comes as often as it must"
