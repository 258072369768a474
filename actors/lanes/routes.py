"""Where each command goes: a seat command to its show's lane as it is now, everything else to a work queue."""

from uuid import UUID

from sagas.clock import monotonic_seconds
from sagas.messages import (
    CapturePayment,
    CheckPayment,
    MakePdf,
    Message,
    PrintInvoice,
    RefundMoney,
    RequestPayment,
    SagaCommand,
    SendLetter,
    SendPersonalLetter,
    ShowCommand,
    TakeWebhook,
)
from store import catalogue

#: Work queues carry a version: a queue's arguments can never change under its name.
PAYMENTS = "payments.v1"
WEBHOOKS = "webhooks.v1"
DOCUMENTS = "documents.v1"
LETTERS = "letters.v1"

QUEUES: dict[type[Message], str] = {
    RequestPayment: PAYMENTS,
    CapturePayment: PAYMENTS,
    RefundMoney: PAYMENTS,
    CheckPayment: PAYMENTS,
    TakeWebhook: WEBHOOKS,
    MakePdf: DOCUMENTS,
    PrintInvoice: DOCUMENTS,
    SendLetter: LETTERS,
    SendPersonalLetter: LETTERS,
}

#: How long a show's lane is believed without asking; a stale answer comes back as ``elsewhere`` and is sent again.
BELIEVED_SECONDS = 5.0


class Routes:
    def __init__(self) -> None:
        self._lanes: dict[UUID, tuple[str, float]] = {}

    async def of(self, command: SagaCommand) -> str:
        """The queue or lane that this command goes to."""
        if isinstance(command, ShowCommand):
            return await self._lane_of(command.show_id)
        return QUEUES[type(command)]

    async def _lane_of(self, show_id: UUID) -> str:
        lane, until = self._lanes.get(show_id, ("", 0.0))
        if until < monotonic_seconds():
            lane = await catalogue.lane_of(show_id)
            if len(self._lanes) > 10_000:
                self._lanes.clear()
            self._lanes[show_id] = (lane, monotonic_seconds() + BELIEVED_SECONDS)
        return lane
