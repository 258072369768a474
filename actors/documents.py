"""The documents worker: prints tickets.  CPU-bound, so it has a queue and a process of its own."""

from typing import Any

import dramatiq
import msgspec

from actors.lanes.consumer import on_loop
from actors.lanes.routes import DOCUMENTS
from actors.tickets import TICKETS_PDF, faces, keep_pdf, print_pdf
from actors.workplace import workplace
from sagas.messages import MakePdf, PdfMade, event_id_for
from store import files


@dramatiq.actor(queue_name=DOCUMENTS)
def make_pdf(message: dict[str, Any]) -> None:
    """Print a booking's tickets, once, or anew; asked again, say again that they are there."""
    command = msgspec.convert(message, MakePdf)
    path = None if command.anew else on_loop(files.path_of(command.booking_id, TICKETS_PDF))
    if path is None:
        printed = on_loop(faces(command.booking_id))  # none, when all its seats were cancelled meanwhile
        path = on_loop(keep_pdf(command.booking_id, print_pdf(printed))) if printed else ""
    made = PdfMade(
        event_id=event_id_for(command.command_id, PdfMade),
        booking_id=command.booking_id,
        answers=command.command_id,
        file=path,
    )
    on_loop(workplace().report(made))
