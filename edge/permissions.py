"""Who may do what: one line for each operation, checked in one place, by ``operation``.

An operation that has no line here fails at import.  Whose thing it is, the handler finds out: what is not the caller's
own, or not the organiser's that they act for, is 404 in the same words as what is not there."""

from typing import Literal

import msgspec

from store.organisers import ROLES, STATUSES


class Rule(msgspec.Struct, frozen=True):
    """Who may call an operation; ``said`` is how the API's description tells it.

    ``needs``: ``nothing``; ``account``, a valid access token; ``perhaps-account``, one that is valid if there is one;
    ``admin``, an account of that role; ``member``, one that acts for an organiser in one of these ``roles``, as
    long as its status is one of ``statuses`` (admins may always, but for a closed one they only read)."""

    said: str
    needs: Literal["nothing", "perhaps-account", "account", "admin", "member"] = "nothing"
    roles: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


def _members(*roles: str, statuses: tuple[str, ...] = ("approved",)) -> Rule:
    of = " or ".join(statuses) if len(statuses) < len(STATUSES) else "of any status"
    return Rule(f"who acts for the organiser ({of}) as {' or '.join(roles)}", "member", roles, statuses)


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
#: What a body may do before it is approved, and read ever after.
FOUNDERS = _members("owner", statuses=("applied", "approved"))
OVERSEERS = _members("owner", "manager", statuses=STATUSES)
INSIDERS = _members(*ROLES, statuses=STATUSES)
CLOSERS = _members("owner", statuses=STATUSES)

#: By the name of the operation's handler.
MAY: dict[str, Rule] = {
    # edge/identity.py
    "register": ANYBODY,
    "log_in": ANYBODY,
    "refresh": ANYBODY,
    "log_out": ANYBODY,
    # edge/by_letter.py
    "verify_email": ANYBODY,
    "ask_for_verification": OWN,
    "ask_for_reset": ANYBODY,
    "reset_password": ANYBODY,
    # edge/oauth.py
    "google_start": ANYBODY,
    "google_callback": ANYBODY,
    "github_start": ANYBODY,
    "github_callback": ANYBODY,
    # edge/my_account.py
    "get_me": OWN,
    "change_me": OWN,
    "change_password": OWN,
    "list_sessions": OWN,
    "end_session": OWN,
    "end_sessions": OWN,
    "list_log_ins": OWN,
    # edge/personal_data.py
    "download_data": OWN,
    "erase_me": OWN,
    # edge/admin_users.py
    "list_users": ADMIN,
    "get_user": ADMIN,
    "change_user": ADMIN,
    # edge/catalogue.py
    "get_show": ANYBODY,
    "get_seats": ANYBODY,
    "stream_seats": ANYBODY,
    # edge/search.py
    "list_events": ANYBODY,
    "find": ANYBODY,
    "list_cities": ANYBODY,
    # edge/events.py, posters.py
    "get_event": PERHAPS_MEMBER,
    "create_event": MANAGERS,
    "change_event": MANAGERS,
    "publish_event": MANAGERS,
    "delete_event": MANAGERS,
    "list_own_events": STAFF,
    "put_poster": MANAGERS,
    "get_poster": ANYBODY,
    # edge/venues.py, halls.py
    "list_venues": PERHAPS_MEMBER,
    "get_venue": PERHAPS_MEMBER,
    "list_own_venues": STAFF,
    "create_venue": MANAGERS,
    "change_venue": MANAGERS,
    "list_halls": PERHAPS_MEMBER,
    "get_hall": PERHAPS_MEMBER,
    "create_hall": MANAGERS,
    "change_hall": MANAGERS,
    # edge/imports.py, figures.py
    "import_catalogue": MANAGERS,
    "get_figures": MANAGERS,
    "export_sales": MANAGERS,
    # edge/statements.py, payouts.py
    "get_statement": OVERSEERS,
    "export_statement": OVERSEERS,
    "record_payout": ADMIN,
    "list_payouts": ADMIN,
    # edge/invoice_to.py
    "get_invoice_to": OWN,
    "put_invoice_to": OWN,
    "delete_invoice_to": OWN,
    # edge/invoices.py
    "list_booking_invoices": OWN,
    "get_invoice_pdf": OWN,
    "list_invoices": OVERSEERS,
    "export_invoices": OVERSEERS,
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
    # edge/tickets.py, listings.py
    "list_tickets": OWN,
    "get_ticket": OWN,
    "create_listing": OWN,
    "list_listings": ANYBODY,
    "get_listing": ANYBODY,
    "change_listing": OWN,
    "delete_listing": OWN,
    "buy_listing": ACCOUNT,
    # edge/cancellations.py
    "cancel_booking": OWN,
    "list_cancellations": OWN,
    "quote_cancellation": OWN,
    "give_up_booking": OWN,
    # edge/called_off.py
    "cancel_show": MANAGERS,
    "postpone_show": MANAGERS,
    "deactivate_venue": MANAGERS,
    "get_cancellation": STAFF,
    # edge/wallet.py
    "get_wallet": OWN,
    "list_wallet_entries": OWN,
    "create_top_up": OWN,
    "get_top_up": OWN,
    "verify_top_up": OWN,
    "list_payments": OWN,
    # edge/goodwill.py
    "refund_payment": MANAGERS,
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
    # edge/box_office.py, shifts.py
    "create_sale": SELLERS,
    "get_sale": SELLERS,
    "get_sale_tickets": SELLERS,
    "cancel_sale": SELLERS,
    "list_cash_refunds": SELLERS,
    "hand_over": SELLERS,
    "open_shift": SELLERS,
    "list_shifts": SELLERS,
    "get_shift": SELLERS,
    "close_shift": SELLERS,
    # edge/operating.py
    "list_lanes": ADMIN,
    # edge/admin_sagas.py
    "list_sagas": ADMIN,
    "get_saga": ADMIN,
    "retry_saga": ADMIN,
    "undo_saga": ADMIN,
    "settle_saga": ADMIN,
    "list_all_bookings": ADMIN,
    "list_dead_letters": ADMIN,
    "retry_dead_letter": ADMIN,
    "move_show": ADMIN,
    # edge/admin_money.py
    "get_money": ADMIN,
    # edge/organisers.py
    "apply_as_organiser": ACCOUNT,
    "list_own_organisers": OWN,
    "get_organiser": INSIDERS,
    "change_organiser": FOUNDERS,
    "close_organiser": CLOSERS,
    "list_changes": OVERSEERS,
    "list_organisers": ADMIN,
    "decide_organiser": ADMIN,
    "list_service_changes": ADMIN,
    # edge/admin_limits.py
    "list_limits": ADMIN,
    "change_limits": ADMIN,
    # edge/members.py
    "list_members": OVERSEERS,
    "invite_member": FOUNDERS,
    "change_member": FOUNDERS,
    "remove_member": FOUNDERS,
    "leave_organiser": INSIDERS,
    "list_invitations": OVERSEERS,
    "withdraw_invitation": FOUNDERS,
    "list_own_invitations": OWN,
    "accept_invitation": OWN,
    "decline_invitation": OWN,
    # edge/payments_webhook.py, health.py
    "take_razorpay_webhook": SIGNED,
    "live": ANYBODY,
    "ready": ANYBODY,
}


def rule_of(operation: str) -> Rule:
    if operation not in MAY:
        raise LookupError(f"edge/permissions.py does not say who may call {operation}")
    return MAY[operation]
