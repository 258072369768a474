"""Coupons as rows: published by the show's lane (``store.decisions``), read by organisers and by quotes."""

from typing import Any
from uuid import UUID

from sagas.terms import CouponTerms, decode_coupon
from store.connection import pool
from store.sql import query


async def of_show(show_id: UUID, after: str, limit: int) -> list[Any]:
    """The show's coupons by their codes, each with ``uses``: how many live bookings have it."""
    return list(await pool().fetch(query("coupons_with_uses"), show_id, after, limit))


async def one(show_id: UUID, code: str) -> Any | None:
    return await pool().fetchrow(query("coupon_with_uses"), show_id, code)


async def published(show_id: UUID, code: str, buyer_id: UUID) -> tuple[CouponTerms | None, int, int]:
    """A coupon's terms, how often it is in use, and how often by this buyer."""
    row = await pool().fetchrow(query("coupon_for_buyer"), show_id, code, buyer_id)
    return (None, 0, 0) if row is None else (decode_coupon(row["terms"]), row["uses"], row["own_uses"])
