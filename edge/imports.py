"""Importing a catalogue from CSV or JSON: a dry run tells each bad line; an import is done whole or not at all."""

import asyncio
from typing import Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.context import context
from edge.import_bodies import CSV, ERRORS_MAX, FILE_BYTES_MAX, JSON, Catalogue, read
from edge.imported_shows import ImportedShows
from edge.lane_calls import sealed_for
from edge.operation import Upload, json, operation
from edge.problems import Problem
from store import halls, shows
from store import imports as rows
from store.connection import transaction
from store.organisers import record_change

imports = Blueprint("imports")


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dry_run: bool = False


class _NothingKept(Exception):
    """Ends the transaction of a dry run, or of a file with errors."""


@operation(
    imports, "POST", "/v1/organiser/imports", query=ImportQuery, upload=Upload((CSV, JSON), FILE_BYTES_MAX),
    answers={200: views.ImportReport},
)  # fmt: skip
async def import_catalogue(
    request: Request, query: ImportQuery, acting: Acting, upload: bytes, media_type: str
) -> HTTPResponse:
    """Venues, halls, events and shows from a file, known again by their refs: importing twice is importing once.  New
    shows are open some seconds later; those that are there are not changed."""
    here, found = context(request), await asyncio.to_thread(read, upload, media_type)
    done: list[str] = []
    charged = await shows.charges(acting.organiser_id)
    try:
        async with transaction() as connection:
            kept = ImportedShows(connection, here, acting, charged)
            done = await _keep(connection, acting, found)
            done += await kept.keep(found.shows, found.errors)
            if query.dry_run or found.errors:
                raise _NothingKept
            await record_change(
                connection, acting.who.id, acting.organiser_id, "catalogue.import", "organiser", acting.organiser_id,
                made=done.count("made"), changed=done.count("changed"),
            )  # fmt: skip
    except _NothingKept:
        if not query.dry_run:
            errors = [{"pointer": pointer, "detail": detail} for pointer, detail in found.errors[:ERRORS_MAX]]
            raise Problem(422, "Nothing was imported: see the lines.", errors=errors) from None
    else:
        # whatever is not accepted now is sent by the sweep of shows that are not open
        await here.publisher.publish_all(
            [sealed_for(here, lane, command, request.ctx.traceparent) for lane, command in kept.made]
        )
    return json(_report(found, query.dry_run, done))


async def _keep(connection: Any, acting: Acting, found: Catalogue) -> list[str]:
    """Keep all of it; what cannot be kept is noted among the file's errors."""
    done, organiser_id = [], acting.organiser_id
    await rows.begin(connection, organiser_id)
    for venue in sorted(found.venues, key=lambda venue: venue.ref):
        try:
            done.append(await rows.keep_venue(connection, organiser_id, venue.ref, msgspec.structs.asdict(venue)))
        except rows.ShowsToCome:
            found.errors.append(("/time_zone", f"shows are to come to the venue with the ref {venue.ref}; it stays"))
    for hall in sorted(found.halls, key=lambda hall: hall.ref):
        if not await rows.has_venue(connection, organiser_id, hall.venue_ref):
            found.errors.append((f"{hall.at}/of", f"there is no venue with the ref {hall.venue_ref}"))
            continue
        plan = halls.numbered(rows.thing_id(organiser_id, "hall", hall.ref), hall.sections)
        done.append(await rows.keep_hall(connection, organiser_id, hall.ref, hall.venue_ref, hall.name, plan))
    for event in sorted(found.events, key=lambda event: event.ref):
        done.append(await rows.keep_event(connection, organiser_id, event.ref, msgspec.structs.asdict(event)))
    return done


def _report(found: Catalogue, dry_run: bool, done: list[str]) -> views.ImportReport:
    return views.ImportReport(
        dry_run, len(found.venues), len(found.halls), len(found.events), len(found.shows), done.count("made"),
        done.count("changed"), done.count("unchanged"), [views.BadLine(*error) for error in found.errors[:ERRORS_MAX]],
    )  # fmt: skip
