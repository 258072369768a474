"""To whom your invoices are made out: a company's name and tax number, for those who book at its cost."""

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.operation import json, operation
from edge.organisers import TaxId
from edge.problems import not_found
from edge.texts import Name
from edge.tokens import Who
from store import invoices as rows

invoice_to = Blueprint("invoice-to")


class InvoiceTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    tax_id: TaxId | None = None


@operation(invoice_to, "GET", "/v1/me/invoice-to", answers={200: InvoiceTo}, problems=(404,))
async def get_invoice_to(request: Request, who: Who) -> HTTPResponse:
    """To whom your invoices are made out; 404 when to nobody in particular."""
    row = await rows.made_out_to(who.id)
    if row is None:
        raise not_found()
    return json(InvoiceTo(row["name"], row["tax_id"]))


@operation(invoice_to, "PUT", "/v1/me/invoice-to", body=InvoiceTo, answers={200: InvoiceTo})
async def put_invoice_to(request: Request, who: Who, body: InvoiceTo) -> HTTPResponse:
    """Have your invoices made out so from now on; those that have a number stay as they are."""
    kept = InvoiceTo(body.name.strip(), body.tax_id.strip() if body.tax_id is not None else None)
    await rows.make_out_to(who.id, kept.name, kept.tax_id)
    return json(kept)


@operation(invoice_to, "DELETE", "/v1/me/invoice-to", answers={204: None})
async def delete_invoice_to(request: Request, who: Who) -> HTTPResponse:
    """Have them made out to nobody in particular from now on."""
    await rows.make_out_to_nobody(who.id)
    return HTTPResponse(None, 204)
