"""What is kept by a test, not by memory: first lines, names, and where SQL, transactions and environment live."""

import ast
import re
from collections.abc import Iterator
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


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each(*rooms: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", modules(*rooms), ids=name_of)


def strings(tree: ast.Module) -> Iterator[str]:
    """The strings of a module that are not docstrings; of an f-string the fixed parts."""
    prose = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


@each(*ROOMS, "tests")
def test_every_module_begins_by_saying_what_is_found_there(path: Path):
    text = ast.get_docstring(parsed(path))
    assert text, "a module begins with a docstring"
    first = text.splitlines()[0]
    assert len(first.split()) >= 4, "its first line is a sentence, not a label"


@each(*ROOMS, "tests")
def test_no_name_says_nothing(path: Path):
    inside = set(path.relative_to(ROOT).with_suffix("").parts)
    assert not inside & BANNED
    ends = {word for part in inside for word in part.split("_")}
    assert not ends & {"utils", "helper", "helpers", "manager"}


@each("edge", "actors", "sagas", "mail")
def test_sql_is_written_in_store_only(path: Path):
    if name_of(path) in SQL_ALLOWED:
        return
    found = [text for text in strings(parsed(path)) if SQL.search(text)]
    assert not found


@each(*PRODUCT)
def test_the_environment_is_read_in_the_settings_only(path: Path):
    if name_of(path) in ENVIRONMENT_ALLOWED:
        return
    tree = parsed(path)
    read = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        )
    ]
    assert not read


@each("store", "sagas", "mail")
def test_no_transaction_is_opened_where_rows_are_only_written(path: Path):
    if name_of(path) in TRANSACTIONS_OPEN_IN:
        return
    tree = parsed(path)
    opened = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") or getattr(node.func, "id", ""))
        in ("transaction", "in_transaction", "atomic")
    ]
    begun = [text for text in strings(tree) if re.match(r"\s*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION)\b", text)]
    assert not opened
    assert not begun


@each(*ROOMS)
def test_a_line_in_the_log_is_an_event_with_bound_facts(path: Path):
    said = [
        node
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and node.func.attr in ("debug", "info", "warning", "error", "critical", "exception")
    ]
    formatted = [node.lineno for node in said if node.args and isinstance(node.args[0], ast.JoinedStr)]
    odd = [
        node.args[0].value
        for node in said
        if node.args
        and isinstance(node.args[0], ast.Constant)
        and not re.fullmatch(r"[a-z][a-z0-9_]*", node.args[0].value)
    ]
    assert not formatted
    assert not odd


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
