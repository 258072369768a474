"""What an organiser charges beside its prices: fees and tax, taken up by the shows that it makes from then on."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import Acting
from edge.operation import json, operation
from sagas.terms import Fees, Tax
from store import shows as rows
from store.connection import transaction
from store.organisers import record_change

charges = Blueprint("charges")

#: A fee of more than INR 1 lakh is a mistake; and what a booking may cost with it is checked where a show is made.
Minor = Annotated[int, Meta(ge=0, le=10_000_000)]
#: Hundredths of a percent.
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]


class FeesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So much a place and a booking, in minor units of each show's currency, and of what is paid for the places."""

    per_ticket: Minor = 0
    per_booking: Minor = 0
    basis_points: BasisPoints = 0


class TaxBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On places and fees: contained in the prices (``inclusive``), or added on top."""

    basis_points: BasisPoints
    inclusive: bool = False


class ChargesChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; null takes it away."""

    fees: FeesBody | UnsetType | None = UNSET
    tax: TaxBody | UnsetType | None = UNSET


class ChargesView(msgspec.Struct):
    fees: FeesBody | None
    tax: TaxBody | None


@operation(charges, "GET", "/v1/organiser/settings", answers={200: ChargesView})
async def get_charges(request: Request, acting: Acting) -> HTTPResponse:
    """The fees and the tax of shows that your organiser makes from now on."""
    return json(_view(await rows.charges(acting.organiser_id)))


@operation(charges, "PATCH", "/v1/organiser/settings", body=ChargesChange, answers={200: ChargesView})
async def change_charges(request: Request, body: ChargesChange, acting: Acting) -> HTTPResponse:
    """Change fees and tax.  Shows that are there keep theirs, until they are told to take these (PATCH the show)."""
    before = await rows.charges(acting.organiser_id)
    fees, tax = before
    if body.fees is not UNSET:
        given = body.fees
        fees = None if given is None else Fees(given.per_ticket, given.per_booking, given.basis_points)
    if body.tax is not UNSET:
        tax = None if body.tax is None else Tax(body.tax.basis_points, body.tax.inclusive)
    after = rows.Charges(fees, tax)
    async with transaction() as connection:
        await rows.set_charges(connection, acting.organiser_id, after)
        await record_change(
            connection, acting.who.id, acting.organiser_id, "settings.change", "organiser", acting.organiser_id,
            fees=after.fees, tax=after.tax,
        )  # fmt: skip
    return json(_view(after))


def _view(charged: rows.Charges) -> ChargesView:
    fees, tax = charged
    return ChargesView(
        None if fees is None else FeesBody(fees.per_ticket, fees.per_booking, fees.basis_points),
        None if tax is None else TaxBody(tax.basis_points, tax.inclusive),
    )
