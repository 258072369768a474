"""How accounts look: to themselves, and to the operator."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec


class UserView(msgspec.Struct):
    id: UUID
    email: str
    name: str
    role: str
    email_verified: bool


class TokensView(msgspec.Struct):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class SessionView(msgspec.Struct):
    """One device on which somebody is logged in; ``seen_at`` is when it last asked for new tokens."""

    id: UUID
    device: str
    address: str
    began_at: datetime
    seen_at: datetime
    current: bool


class SessionList(msgspec.Struct):
    items: list[SessionView]
    next_cursor: str | None


class LogInView(msgspec.Struct):
    id: UUID
    at: datetime
    method: str
    succeeded: bool
    address: str
    device: str


class LogInList(msgspec.Struct):
    items: list[LogInView]
    next_cursor: str | None


class PersonalData(msgspec.Struct):
    """Everything that is held about a person, each part as its rows."""

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    logins: list[dict[str, Any]]
    provider_logins: list[dict[str, Any]]
    organisers: list[dict[str, Any]]
    invitations: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    tickets: list[dict[str, Any]]
    wallets: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    invoices_to: list[dict[str, Any]]


class AccountView(msgspec.Struct):
    """An account, for the operator."""

    id: UUID
    email: str
    name: str
    role: str
    email_verified: bool
    suspended: bool
    suspended_at: datetime | None
    created_at: datetime


class AccountList(msgspec.Struct):
    items: list[AccountView]
    next_cursor: str | None
