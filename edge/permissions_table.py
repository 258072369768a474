"""Who may do what, as a document: ``python -m edge.permissions_table`` writes ``permissions.md`` beside this."""

from pathlib import Path

from edge.operation import OPERATIONS
from edge.permissions import ADMIN, SIGNED, Rule
from edge.server import make_app  # noqa: F401  importing it routes everything
from store.organisers import ROLES

PAGE = Path(__file__).with_suffix("").with_name("permissions.md")

_HEAD = """# Who may do what

Made from the routes by `python -m edge.permissions_table`; a test sees that it is as the routes are.
"own": what belongs to the caller, or to the organiser that they act for; anything else is 404, in the same words as
what is not there. Whoever lacks the role gets 403, whoever shows no valid access token 401. Owner to scanner
are roles within the body for which a person acts (header `Frontrow-Organiser`, or the path).

"""


def page() -> str:
    """The whole document, as Markdown."""
    head = ("operation", "call", "anybody", "account", *ROLES, "admin", "organiser's status")
    lines = [_row(*head), _row(*("---" for _ in head))]
    for operation in sorted(OPERATIONS, key=lambda operation: (operation.path, operation.method)):
        call = f"`{operation.method} {operation.path}`"
        lines.append(_row(operation.name, call, *_marks(operation.rule)))
    return _HEAD + "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _marks(rule: Rule) -> list[str]:
    own = "own" if "own" in rule.said else "yes"
    width = len(ROLES) + 3
    if rule == SIGNED:
        return ["signed"] + [""] * width
    if rule.needs in ("nothing", "perhaps-account"):
        return ["yes"] * (width) + [""]
    if rule.needs == "account":
        return ["", *[own] * (width - 1), ""]
    if rule == ADMIN:
        return [""] * (width - 1) + ["yes", ""]
    return ["", "", *("own" if role in rule.roles else "" for role in ROLES), "yes", ", ".join(rule.statuses)]


if __name__ == "__main__":
    PAGE.write_text(page())
