"""Writes the letters that people get about their accounts: welcome, a link to confirm an address or to set a new
password, that a password was changed, that somebody invites them to act for an organiser.  Each is one of these few
texts around a link of our own.
"""

from uuid import UUID

import msgspec

from mail.letters import Letter
from mail.plain_line import plain_line
from mail.rendering import html, message_id, text


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the letter goes to and where its link leads; ``about`` is what its Message-ID follows from."""

    about: UUID
    name: str
    email: str
    url: str


class _Words(msgspec.Struct, frozen=True):
    """What one letter says: a headline, its paragraphs, the link's words, and the small print."""

    subject: str
    paragraphs: tuple[str, ...]
    link: str
    footer: str


_UNASKED = "If it was not you who asked for this, do nothing: without the link nothing changes."
_CHANGED = "If it was not you, follow the link at once and set another password: that logs everybody out."

_LETTERS = {
    "welcome": _Words(
        "Welcome to Frontrow",
        (
            "your account is ready. Please confirm that this address is yours, so that your tickets reach you.",
            "The link is good for two days.",
        ),
        "Confirm my address",
        "If you made no account at Frontrow, do nothing: somebody mistyped an address.",
    ),
    "verify": _Words(
        "Confirm your address",
        (
            "please confirm that this address is yours, so that your tickets reach you.",
            "The link is good for two days.",
        ),
        "Confirm my address",
        _UNASKED,
    ),
    "reset": _Words(
        "Set a new password",
        (
            "somebody, we hope you, asked for a new password for your account.",
            "The link is good for half an hour, and once. A new password logs you out everywhere.",
        ),
        "Set a new password",
        _UNASKED,
    ),
    "password-changed": _Words(
        "Your password was changed",
        ("the password of your account was changed a moment ago, and every other device was logged out.",),
        "It was not me",
        _CHANGED,
    ),
}  # fmt: skip

TEMPLATES = frozenset(_LETTERS)


#: What a member does, by the role that they are invited to.
_ROLES = {
    "owner": "owner, who may do everything",
    "manager": "manager, who puts on shows",
    "box-office": "box office, which sells tickets to whoever stands there",
    "scanner": "scanner, who checks tickets at the door",
}


def invitation_letter(facts: AccountFacts, organiser: str, role: str, until: str, mail_domain: str) -> Letter:
    """To whoever is invited to act for an organiser."""
    who = plain_line(organiser, 80)
    words = _Words(
        f"{who} invites you",
        (
            f"{who} invites you to act for it at Frontrow, as {_ROLES[role]}.",
            f"Log in with this address, or make an account with it and confirm it, and accept by {until}.",
        ),
        "See the invitation",
        "If you do not know who this is, do nothing: nobody acts for anybody without having accepted.",
    )
    return _written("invitation", words, facts, mail_domain)


def account_letter(template: str, facts: AccountFacts, mail_domain: str) -> Letter:
    """The letter of this template.  Raises KeyError for one that there is not."""
    return _written(template, _LETTERS[template], facts, mail_domain)


def _written(template: str, words: _Words, facts: AccountFacts, mail_domain: str) -> Letter:
    if not facts.url.startswith(("http://", "https://")):
        raise ValueError("A letter links to our own pages by http or https only.")
    filled = {
        "name": plain_line(facts.name, 60),
        "headline": words.subject,
        "paragraphs": words.paragraphs,
        "link": words.link,
        "url": facts.url,
        "footer": words.footer,
    }
    return Letter(
        to=facts.email,
        subject=words.subject,
        html=html.get_template("account.html").render(filled),
        text=text.get_template("account.txt").render(filled),
        message_id=message_id(template, facts.about, mail_domain),
    )
