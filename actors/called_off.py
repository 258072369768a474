"""Behind shows that were cancelled or postponed: their bookings, in slices, for as long as it takes.

Everything here only *sends*, again and again until the rows say that it is done: each command and event has an id that
follows from its booking, so that whoever dies in between, or sends twice, changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from actors.lanes.routes import DOCUMENTS
from actors.lanes.wire import Options, Sealed, seal
from sagas.clock import monotonic_seconds
from sagas.identity import derived, saga_lane
from sagas.messages import CancelSeats, CancelShow, GivenUp, MakePdf
from store import cancellations, mailing
from store.connection import transaction
from store.settings import settings

Send = Callable[[str, list[Sealed]], Awaitable[None]]

#: Bookings taken up in one round; the lanes decide thousands a second, and others are to be served meanwhile.
SLICE = 500
#: What was sent is sent again after this when it is still not so.
AGAIN_SECONDS = 5.0
NOBODY = UUID(int=0)


class CalledOff:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent: dict[UUID, float] = {}
        self._after: dict[UUID, UUID] = {}

    async def cancel_shows(self) -> None:
        """The next slice of each show that is being cancelled."""
        under_way = await cancellations.under_way()
        self._sent = {key: at for key, at in self._sent.items() if at > monotonic_seconds()}
        for row in under_way:
            if not row["cancelled"]:
                await self._close(row)
                continue
            if row["bookings"] is None:
                async with transaction() as connection:
                    await cancellations.end_event(connection, row["show_id"])
                await cancellations.count(row["id"])
            await self._cancel_bookings(row)
            await cancellations.end(row["id"])

    async def _close(self, row: Any) -> None:
        """The edge noted the wish and died before it told the lane.  A show that is over by now stays as it was."""
        if row["is_over"]:
            await cancellations.drop(row["id"])
        elif self._is_due(row["id"]):
            command = CancelShow(command_id=row["id"], show_id=row["show_id"], reason=row["reason"], by=row["asked_by"])
            await self._send("shows_closing", [seal(row["lane"], command, Options())])

    async def _cancel_bookings(self, row: Any) -> None:
        """Confirmed bookings are cancelled by the lane; held ones are given up by their sagas, which release them."""
        found = await cancellations.live_bookings(row["show_id"], self._after.get(row["id"], NOBODY), SLICE)
        self._after[row["id"]] = found[-1]["id"] if len(found) == SLICE else NOBODY
        sealed = []
        for booking in found:
            if not self._is_due(booking["id"]):
                continue
            if booking["state"] == "confirmed":
                command = CancelSeats(
                    command_id=derived(booking["id"], "show-cancelled"), show_id=row["show_id"],
                    booking_id=booking["id"], buyer_id=booking["buyer_id"], by="organiser", reason="show-cancelled",
                    actor_id=row["asked_by"],
                )  # fmt: skip
                sealed.append(seal(row["lane"], command, Options()))
            else:
                event = GivenUp(
                    event_id=derived(booking["id"], "given-up", "show-cancelled"), booking_id=booking["id"],
                    reason="show-cancelled",
                )  # fmt: skip
                sealed.append(seal(saga_lane(booking["id"], settings().saga_lanes), event, Options()))
        await self._send("bookings_cancelling", sealed)

    async def tell_again(self) -> None:
        """Cancellations of which their saga has not heard: their lane says it again."""
        sealed = []
        for row in await cancellations.not_taken_up(SLICE):
            if self._is_due(row["id"]):
                command = CancelSeats(
                    command_id=row["id"], show_id=row["show_id"], booking_id=row["booking_id"],
                    buyer_id=row["buyer_id"], by=row["by"], to=row["to"], reason=row["reason"],
                    actor_id=row["actor_id"],
                )  # fmt: skip
                sealed.append(seal(row["lane"], command, Options()))
        await self._send("cancellations_untaken", sealed)

    async def tell_postponed(self) -> None:
        """The next buyers of shows that were postponed: a letter to each, and tickets with the new time."""
        for row in await cancellations.postponements():
            found = await cancellations.tell_postponed(
                row["id"], row["show_id"], row["told_up_to"], SLICE, mailing.domain()
            )
            printing = [
                MakePdf(command_id=derived(booking_id, "postponed", row["id"]), booking_id=booking_id, anew=True)
                for booking_id in found
            ]
            await self._send("tickets_anew", [seal(DOCUMENTS, command, Options()) for command in printing])
            last = found[-1] if found else row["told_up_to"]
            await cancellations.told_postponed(row["id"], last, len(found) < SLICE)

    def _is_due(self, key: UUID) -> bool:
        """Whether it was not sent a moment ago."""
        now = monotonic_seconds()
        if self._sent.get(key, 0.0) > now:
            return False
        self._sent[key] = now + AGAIN_SECONDS
        return True
