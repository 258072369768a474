"""What is kept by a test, not by memory: first lines, names, and where SQL, transactions and environment live."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[1]
PRODUCT = ("edge", "actors", "store", "sagas", "mail")
ROOMS = (*PRODUCT, "loadtest", "compose")
BANNED = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc", "lib"}
#: Statements, not words in a sentence: a verb of SQL followed by what only SQL has after it.
SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|SELECT\s+(\*|count\(|now\(|pg_|1\b)|INSERT INTO|UPDATE\s+\S+\s+SET|DELETE FROM"
    r"|CREATE TABLE|DROP TABLE|ALTER TABLE|TRUNCATE)\b",
    re.DOTALL,
)
#: Liveness asks the database for nothing but an answer.
SQL_ALLOWED = {"edge/health.py"}
#: The settings, and the demo's accounts (of any number of roles, in development only).
ENVIRONMENT_ALLOWED = {"store/settings.py", "store/people.py"}
#: These hand a transaction, or a read-only snapshot, to whoever opens it with ``async with``.
TRANSACTIONS_OPEN_IN = {"store/connection.py", "store/verification.py"}


def modules(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from (path for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def found_in(paths: Iterable[Path], look: Callable[[Path], object]) -> dict[str, object]:
    """What was found, of every module where something was: one test over all of them names all that offend."""
    return {name_of(path): found for path in paths if (found := look(path))}


def strings(path: Path) -> Iterator[str]:
    """The strings of a module that are not docstrings; of an f-string the fixed parts."""
    prose = set()
    for node in nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.add(id(node.value))
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_every_module_begins_by_saying_what_is_found_there():
    """By a docstring whose first line is a sentence, not a label."""

    def says_little(path: Path) -> str:
        first = (ast.get_docstring(parsed(path)) or "nothing").splitlines()[0]
        return first if len(first.split()) < 4 else ""

    assert not found_in(modules(*ROOMS, "tests"), says_little)


def test_no_name_says_nothing():
    def says_nothing(path: Path) -> set[str]:
        inside = set(path.relative_to(ROOT).with_suffix("").parts)
        words = {word for part in inside for word in part.split("_")}
        return inside & BANNED | words & {"utils", "helper", "helpers", "manager"}

    assert not found_in(modules(*ROOMS, "tests"), says_nothing)


def test_sql_is_written_in_store_only():
    elsewhere = (path for path in modules("edge", "actors", "sagas", "mail") if name_of(path) not in SQL_ALLOWED)
    assert not found_in(elsewhere, lambda path: [text for text in strings(path) if SQL.search(text)])


def test_the_environment_is_read_in_the_settings_only():
    def reads(path: Path) -> list[int]:
        return [
            node.lineno
            for node in nodes(path)
            if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
            or (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and {"environ", "getenv"} & {a.name for a in node.names}
            )
        ]

    elsewhere = (path for path in modules(*PRODUCT) if name_of(path) not in ENVIRONMENT_ALLOWED)
    assert not found_in(elsewhere, reads)


def test_no_transaction_is_opened_where_rows_are_only_written():
    def opens(path: Path) -> list[int | str]:
        opened = [
            node.lineno
            for node in nodes(path)
            if isinstance(node, ast.Call)
            and (getattr(node.func, "attr", "") or getattr(node.func, "id", ""))
            in ("transaction", "in_transaction", "atomic")
        ]
        begun = [text for text in strings(path) if re.match(r"\s*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION)\b", text)]
        return [*opened, *begun]

    writing = (path for path in modules("store", "sagas", "mail") if name_of(path) not in TRANSACTIONS_OPEN_IN)
    assert not found_in(writing, opens)


def test_a_line_in_the_log_is_an_event_with_bound_facts():
    """Its event is a name, not a formatted string."""

    def is_odd(event: ast.expr) -> bool:
        if isinstance(event, ast.Constant):
            return not re.fullmatch(r"[a-z][a-z0-9_]*", event.value)
        return isinstance(event, ast.JoinedStr)

    def says_oddly(path: Path) -> list[int]:
        return [
            node.lineno
            for node in nodes(path)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
            and node.func.attr in ("debug", "info", "warning", "error", "critical", "exception")
            and node.args
            and is_odd(node.args[0])
        ]

    assert not found_in(modules(*ROOMS), says_oddly)


def test_every_named_query_of_more_than_a_line_says_what_it_is_for():
    for path in sorted((ROOT / "store/sql").glob("*.sql")):
        parts = re.split(r"^-- name: (\w+)$", path.read_text(), flags=re.M)
        assert not parts[0].strip(), f"{path.name} begins with a query's name"
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            assert text.strip(), f"{name} is empty"
            assert ";" not in re.sub(r"--.*", "", text), f"{name} is one statement"


def test_nothing_of_the_making_is_told_in_the_tree():
    """No changelogs, banners or unfinished marks."""
    marks = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b|^#\s*[=#*-]{5,}", re.M)
    found = [name_of(path) for path in modules(*ROOMS, "tests") if marks.search(path.read_text())]
    assert not found
