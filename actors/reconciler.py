"""One run of the reconciler over the provider's lists and our rows.

1. Every payment of a time at the provider, and every capture of ours, is explained (``reconciling``), page by page.
2. Facts that we have not heard of are told to their sagas: captures, authorizations, refunds, disputes.
3. What differs is looked at once more when that has had time to arrive.  What differs still is unexplained.
4. Settlement lines are noted, once each."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog

from actors import payment_gateway as gateway
from actors import provider_lists
from actors.payment_gateway import PAGE, Declined, ProviderPayment, ProviderRefund
from actors.provider_facts import dispute_event, event_of, refund_by_hand, refund_event
from actors.provider_lists import ProviderDispute, SettlementLine
from actors.reconciling import PAYMENT_KINDS, Explained, Sums, explain, is_captured, unknown_to_them
from actors.workplace import Workplace
from sagas.clock import monotonic_seconds
from sagas.messages import Event
from store import money, reconciling, settlements
from store.reconciling import Matter
from store.settlements import SettlementLineRow

log = structlog.get_logger()
ItemT = TypeVar("ItemT")

#: How often what differs is looked at while it may still arrive.
LOOK_SECONDS = 1.0
#: The most that is looked at once more, or that was left open and is fetched one by one.
SINGLE_LIMIT = 500


class Told(msgspec.Struct):
    """What one run found."""

    explained: dict[str, tuple[str, Explained]] = {}
    sums: dict[str, Sums] = {}
    matters: list[Matter] = []
    payments: int = 0
    refunds: int = 0
    disputes: int = 0
    lines: int = 0
    repaired: int = 0

    def all_sums(self) -> dict[str, Sums]:
        """By currency, those included that were looked at once more."""
        found: dict[str, Sums] = defaultdict(Sums)
        for currency, sums in self.sums.items():
            found[currency].add(sums)
        for currency, one in self.explained.values():
            found[currency].add(one.sums)
        return dict(found)

    @property
    def unexplained(self) -> int:
        return sum(sums.unexplained for sums in self.all_sums().values())


class Reconciler:
    """One run over the payments that were begun at the provider between two moments."""

    def __init__(self, here: Workplace, begin: datetime, end: datetime, arrival_seconds: float) -> None:
        self._here, self._begin, self._end, self._arrival_seconds = here, begin, end, arrival_seconds
        self._unix = (int(begin.timestamp()), int(end.timestamp()))
        self._lost: dict[str, int] = defaultdict(int)
        self._seen: set[str] = set()
        self.told = Told()

    async def run(self) -> Told:
        """Raises Unknown when the provider cannot be asked, NotAccepted when sagas cannot be told."""
        await self._disputes()
        await self._refunds()
        async for page in _in_thread(partial(provider_lists.payments_between, *self._unix)):
            await self._payments(page)
        await self._others()
        await self._once_more()
        await self._settlements()
        self.told.matters += [matter for _, one in self.told.explained.values() for matter in one.matters]
        self.told.matters += await reconciling.matters_in_rows()
        return self.told

    async def _payments(self, page: list[ProviderPayment]) -> None:
        ours = await reconciling.payments([one.id for one in page], [one.order_id for one in page])
        for payment in page:
            if payment.id in self._seen:
                continue
            self._seen.add(payment.id)
            self.told.payments += 1
            known = ours[payment.id]
            if payment.status == "authorized" and known["payment_status"] in ("preparing", "ready", "failed"):
                await self._tell(event_of(payment, known["payment_id"], known["booking_id"]))
            if not is_captured(payment):
                continue
            found = explain(payment, known, self._lost[payment.id])
            if found.sums.unexplained:
                await self._repair(payment, known)
                self.told.explained[payment.id] = (payment.currency, found)
            else:
                self.told.sums.setdefault(payment.currency, Sums()).add(found.sums)

    async def _repair(self, payment: ProviderPayment, known: Any) -> None:
        """Tell the saga of a capture that it has not heard of, and find the payment whose order was made unheard."""
        if known["amount"] is not None:
            return
        payment_id, booking_id = known["payment_id"], known["booking_id"]
        if payment_id is None and payment.order_id:
            ours = await self._by_receipt(payment.order_id)
            if ours is None:
                return
            payment_id, booking_id = ours["id"], ours["booking_id"]
        await self._tell(event_of(payment, payment_id, booking_id))

    async def _by_receipt(self, order_id: str) -> Any | None:
        receipt = await asyncio.to_thread(provider_lists.receipt_of, order_id)
        try:
            payment = await money.payment(UUID(receipt))
        except ValueError:
            return None
        if payment is not None and payment["razorpay_order_id"] is None:
            await money.set_order(payment["id"], order_id)
        return payment

    async def _refunds(self) -> None:
        async for page in _in_thread(partial(provider_lists.refunds_between, *self._unix)):
            await self._refund_page(page)
        known = await reconciling.open_subjects(["refund-unknown"], SINGLE_LIMIT)
        for subject in known:
            if subject not in self._seen and (one := await _or_none(gateway.find_refund, subject)) is not None:
                await self._refund_page([one])

    async def _refund_page(self, page: list[ProviderRefund]) -> None:
        rows = await reconciling.refunds([(one.refund_id, one.id) for one in page])
        ours = {row["provider_id"]: row for row in rows}
        for given in page:
            self._seen.add(given.id)
            self.told.refunds += 1
            refund = ours[given.id]
            if refund["id"] is None:
                await self._given_by_hand(given)
                continue
            if refund["status"] == "pending" and given.refund_id == refund["id"]:
                await money.set_provider_refund(refund["id"], given.id, given.attempt)
            if refund["status"] == "pending" or (given.status == "failed" and refund["status"] == "processed"):
                await self._tell(refund_event(given, refund))

    async def _given_by_hand(self, given: ProviderRefund) -> None:
        by_hand = await refund_by_hand(given)
        for event in by_hand or []:
            await self._tell(event)
        if not by_hand:
            detail = f"The provider gives this back of {given.payment_id}, and we never asked for it."
            self.told.matters.append(Matter("refund-unknown", given.id, None, given.amount, given.currency, detail))

    async def _disputes(self) -> None:
        async for page in _in_thread(partial(provider_lists.disputes_between, *self._unix)):
            await self._dispute_page(page)
        for subject in await reconciling.open_subjects(["dispute-open"], SINGLE_LIMIT):
            if subject not in self._seen and (one := await _or_none(provider_lists.find_dispute, subject)) is not None:
                await self._dispute_page([one])

    async def _dispute_page(self, page: list[ProviderDispute]) -> None:
        ours = await reconciling.disputed([one.payment_id for one in page])
        events = {
            one.id: dispute_event(one, ours[one.payment_id]["payment_id"], ours[one.payment_id]["booking_id"])
            for one in page
            if one.payment_id in ours
        }
        told = await reconciling.told([event.event_id for event in events.values()])
        for dispute in page:
            self._seen.add(dispute.id)
            self.told.disputes += 1
            event = events.get(dispute.id)
            if event is not None and event.event_id not in told:
                await self._tell(event)
            if dispute.outcome == "lost":
                self._lost[dispute.payment_id] += dispute.amount_deducted
            elif dispute.outcome == "open":
                self.told.matters.append(
                    Matter(
                        "dispute-open", dispute.id, event.booking_id if event else None, dispute.amount,
                        dispute.currency, f"{dispute.payment_id} is disputed: {dispute.reason_code}.",
                    )
                )  # fmt: skip

    async def _others(self) -> None:
        """Captures of ours that the lists did not have, and what was open when the last run ended."""
        missing = list(await reconciling.open_subjects(PAYMENT_KINDS, SINGLE_LIMIT))
        after = ""
        while ids := await reconciling.captures(self._begin, self._end, after, 10 * PAGE):
            after = ids[-1]
            missing += [id for id in ids if id not in self._seen]
        for id in dict.fromkeys(missing):
            if id not in self._seen:
                await self._single(id)

    async def _single(self, provider_payment_id: str) -> None:
        found = await asyncio.to_thread(provider_lists.find_payment, provider_payment_id)
        if found is not None:
            await self._payments([found])
        if found is not None and is_captured(found):
            return
        known = (await reconciling.payments([provider_payment_id], [None]))[provider_payment_id]
        if known["amount"] is not None:
            self._seen.add(provider_payment_id)
            one = unknown_to_them(provider_payment_id, known)
            self.told.explained[provider_payment_id] = (known["currency"], one)

    async def _once_more(self) -> None:
        """What differed is looked at until it does not, or had its time."""
        deadline = monotonic_seconds() + self._arrival_seconds
        while (left := list(islice(self._unexplained(), SINGLE_LIMIT))) and monotonic_seconds() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            for id in left:
                payment = await asyncio.to_thread(provider_lists.find_payment, id)
                if payment is not None and is_captured(payment):
                    known = (await reconciling.payments([id], [payment.order_id]))[id]
                    self.told.explained[id] = (payment.currency, explain(payment, known, self._lost[id]))

    def _unexplained(self) -> Iterator[str]:
        return (id for id, (_, one) in self.told.explained.items() if one.sums.unexplained)

    async def _settlements(self) -> None:
        begin = max(self._begin, await reconciling.first_capture() or self._end) - timedelta(days=1)
        days = (self._end + timedelta(days=1) - begin).days + 1
        for day in ((begin + timedelta(days=n)).date() for n in range(days)):
            async for page in _in_thread(partial(provider_lists.settled_on, day)):
                await settlements.keep([_line_row(line) for line in page])
                self.told.lines += len(page)

    async def _tell(self, event: Event | None) -> None:
        if event is not None:
            log.warning("fact_was_missed", booking_id=str(event.booking_id), fact=event.name())
            await self._here.report(event)
            self.told.repaired += 1


async def _in_thread(pages: Callable[[], Iterator[list[ItemT]]]) -> AsyncIterator[list[ItemT]]:
    """The provider's pages, each asked for in a thread: the gateway blocks."""
    walking = await asyncio.to_thread(pages)
    while (page := await asyncio.to_thread(next, walking, None)) is not None:
        yield page


async def _or_none(find: Callable[[str], ItemT], id: str) -> ItemT | None:
    try:
        return await asyncio.to_thread(find, id)
    except Declined:
        return None


def _line_row(line: SettlementLine) -> SettlementLineRow:
    return SettlementLineRow(
        line.entity_id, line.type, line.amount, line.currency, line.fee, line.tax, line.credit, line.debit,
        line.settlement_id, line.settled_at, line.payment_id, line.dispute_id,
    )  # fmt: skip
