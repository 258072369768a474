"""The provider's refusals: its error body, its codes, and the sentences that its documents give for them."""

from typing import Any


class Refused(Exception):
    """A call is answered with an error body; the defaults are those of a request that cannot be right."""

    def __init__(
        self,
        description: str,
        *,
        status: int = 400,
        code: str = "BAD_REQUEST_ERROR",
        source: str = "business",
        step: str = "payment_initiation",
        reason: str = "input_validation_failed",
        field: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error: dict[str, Any] = {
            "code": code,
            "description": description,
            "source": source,
            "step": step,
            "reason": reason,
            "metadata": metadata or {},
        }
        if field is not None:
            self.error["field"] = field

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def unauthenticated(description: str) -> Refused:
    return Refused(description, status=401, source="NA", step="NA", reason="NA")


def unknown_id() -> Refused:
    return Refused("The id provided does not exist")


def unknown_url() -> Refused:
    return Refused("The requested URL was not found on the server.", source="NA", step="NA", reason="NA")


def too_many_requests() -> Refused:
    return Refused("Too many requests", status=429, source="NA", step="NA", reason="NA")


def server_error() -> Refused:
    return Refused(
        "We are facing some trouble completing your request at the moment. Please try again shortly.",
        status=500,
        code="SERVER_ERROR",
        source="NA",
        step="NA",
        reason="NA",
    )


def order_paid(order_id: str) -> Refused:
    return Refused(
        "Your payment has been declined as the order is already paid",
        step="payment_authorization",
        reason="order_already_paid",
        metadata={"order_id": order_id},
    )
