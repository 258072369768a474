"""The schema, one module for each noun.

These models own the tables of catalogue, organisers, identity, money, letters, limits and tickets.  The tables that a
lane writes in bulk (lane, journal, saga_journal, seat, booking, cancellation, ledger and so on) have no models:
migrations make them, and the named queries of ``store/sql`` are their only readers and writers.
"""

from store.tables.catalogue import Event, Hall, SeatPlan, Show, Venue
from store.tables.letters import File, Letter
from store.tables.limits import RateLimit
from store.tables.money import Capture, Payment, Refund, Wallet, WebhookEvent
from store.tables.organisers import ChangeRecord, Organiser, OrganiserInvitation, OrganiserMember
from store.tables.people import LetterLink, LogIn, ProviderLogin, RefreshToken, Session, User
from store.tables.tickets import Ticket

__all__ = [
    "Capture",
    "ChangeRecord",
    "Event",
    "File",
    "Hall",
    "Letter",
    "LetterLink",
    "LogIn",
    "Organiser",
    "OrganiserInvitation",
    "OrganiserMember",
    "Payment",
    "ProviderLogin",
    "RateLimit",
    "RefreshToken",
    "Refund",
    "SeatPlan",
    "Session",
    "Show",
    "Ticket",
    "User",
    "Venue",
    "Wallet",
    "WebhookEvent",
]
