"""For which organiser a caller acts: said by a header or the path, and believed only as far as the database has it."""

from typing import NamedTuple
from uuid import UUID

from sanic import Request

from edge.permissions import Rule
from edge.problems import Problem, not_found
from edge.tokens import Who
from store.organisers import Standing, standings

#: Names the body for which the caller acts; needed by those who belong to several.
HEADER = "Frontrow-Organiser"


class Acting(NamedTuple):
    """Who acts for which organiser, and as what (``owner``, ``manager``, ``box-office``, ``scanner`` or ``admin``)."""

    who: Who
    organiser_id: UUID
    role: str
    operator: bool


async def acting(request: Request, who: Who, rule: Rule, in_path: UUID | None) -> Acting:
    """The body that the path or the header names, or the caller's only one.

    404 for a body that the caller does not belong to, as for one that is not there; 403 for a role that the operation
    is not for; 400 for those who belong to several and name none."""
    named = in_path or _named(request)
    there, reads = await standings(who.id, named), request.method in ("GET", "HEAD")
    if named is not None:
        there = [standing for standing in there if standing.organiser_id == named]
        if not there:
            raise not_found()
    elif not (there := _usable(there, rule, reads)):
        raise Problem(403, "This is for members of an approved organiser.")
    if len({standing.organiser_id for standing in there}) > 1:
        raise Problem(400, f"You belong to several organisers: say for which you act, by the header {HEADER}.")
    found = next((standing for standing in there if standing.role in (*rule.roles, "admin")), None)
    if found is None:
        raise Problem(403, f"This is for the organiser's {', '.join(rule.roles)}.")
    if not _usable([found], rule, reads):
        raise Problem(403, f"This organiser is {found.status}.", kind="organiser-not-approved")
    return Acting(who, found.organiser_id, found.role, found.operator)


def _usable(there: list[Standing], rule: Rule, reads: bool) -> list[Standing]:
    """Those under which this may be done: for a closed body admins, too, only read."""
    return [s for s in there if s.status in rule.statuses or (s.role == "admin" and (reads or s.status != "closed"))]


def _named(request: Request) -> UUID | None:
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    try:
        [text] = given
        return UUID(text)
    except ValueError:
        raise Problem(400, f"The header {HEADER} holds the id of one organiser.") from None
