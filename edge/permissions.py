"""Who may do what: one line for each operation, checked in one place, by ``operation``.

An operation that has no line here fails at import.  Whose thing it is, the handler finds out: what is not the caller's
own, or not the organiser's that they act for, is 404 in the same words as what is not there."""

from typing import Literal

import msgspec

from store.organisers import ROLES


class Rule(msgspec.Struct, frozen=True):
    """Who may call an operation; ``said`` is how the API's description tells it.

    ``needs``: ``nothing``; ``account``, a valid access token; ``perhaps-account``, one that is valid if there is one;
    ``admin``, an account of that role; ``member``, one that acts for an organiser in one of these ``roles`` (admins
    may always).  ``unapproved``: also for a body that is not approved, or no longer."""

    said: str
    needs: Literal["nothing", "perhaps-account", "account", "admin", "member"] = "nothing"
    roles: tuple[str, ...] = ()
    unapproved: bool = False


def _members(*roles: str, unapproved: bool = False) -> Rule:
    of = "whatever its status" if unapproved else "approved"
    return Rule(f"who acts for the organiser ({of}) as {' or '.join(roles)}", "member", roles, unapproved)


ANYBODY = Rule("anybody")
SIGNED = Rule("whoever signs the body with the shared secret")
PERHAPS_MEMBER = Rule("anybody; members of its organiser see more", "perhaps-account")
ACCOUNT = Rule("any account", "account")
OWN = Rule("any account, for what is its own", "account")
ADMIN = Rule("admins", "admin")
OWNERS = _members("owner")
MANAGERS = _members("owner", "manager")
SELLERS = _members("owner", "manager", "box-office")
STAFF = _members(*ROLES)

#: By the name of the operation's handler.
MAY: dict[str, Rule] = {
    # edge/identity.py
    "register": ANYBODY,
    "log_in": ANYBODY,
    "refresh": ANYBODY,
    "log_out": ANYBODY,
    "get_me": OWN,
    # edge/catalogue.py
    "list_events": ANYBODY,
    "get_event": ANYBODY,
    "get_show": ANYBODY,
    "get_seats": ANYBODY,
    "stream_seats": ANYBODY,
    # edge/bookings.py, my_bookings.py, paying.py
    "create_booking": ACCOUNT,
    "quote_booking": ACCOUNT,
    "get_booking": OWN,
    "list_bookings": OWN,
    "get_timeline": OWN,
    "stream_booking": OWN,
    "get_tickets_pdf": OWN,
    "choose_method": OWN,
    "verify_payment": OWN,
    # edge/shows.py, coupons.py, show_records.py, charges.py
    "create_shows": MANAGERS,
    "change_show": MANAGERS,
    "block_seats": MANAGERS,
    "unblock_seats": MANAGERS,
    "list_coupons": MANAGERS,
    "create_coupon": MANAGERS,
    "change_coupon": MANAGERS,
    "delete_coupon": MANAGERS,
    "list_show_bookings": SELLERS,
    "list_journal": MANAGERS,
    "get_journal_head": ANYBODY,
    "get_charges": MANAGERS,
    "change_charges": MANAGERS,
    # edge/operating.py
    "list_lanes": ADMIN,
    "list_dead_letters": ADMIN,
    "retry_dead_letter": ADMIN,
    # edge/payments_webhook.py, health.py
    "take_razorpay_webhook": SIGNED,
    "live": ANYBODY,
    "ready": ANYBODY,
}


def rule_of(operation: str) -> Rule:
    if operation not in MAY:
        raise LookupError(f"edge/permissions.py does not say who may call {operation}")
    return MAY[operation]
