"""What commands of the load tests end with: an exit code, and a sentence about what failed."""

import asyncpg
import pytest

from loadtest.command import exit_code
from loadtest.stack import StackUnknown

pytestmark = pytest.mark.pure


class SaleFailed(Exception):
    """The command's own way to fail."""


async def play(ends: bool | Exception) -> bool:
    if isinstance(ends, Exception):
        raise ends
    return ends


def test_a_command_that_ended_well_is_0_and_another_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert (exit_code("sale", lambda: play(True)), exit_code("sale", lambda: play(False))) == (0, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (SaleFailed("no seat"), "sale: no seat\n"),
        (StackUnknown("no stack"), "sale: no stack\n"),
        (ConnectionRefusedError("nobody"), "did not answer: ConnectionRefusedError('nobody')\n"),
        (asyncpg.PostgresError("gone"), "did not answer: PostgresError('gone')\n"),
    ],
)
def test_what_failed_is_told_in_a_sentence(failure: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("sale", lambda: play(failure), SaleFailed) == 1
    assert capsys.readouterr().err.endswith(told)


def test_what_nobody_expected_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code("sale", lambda: play(ZeroDivisionError()))
