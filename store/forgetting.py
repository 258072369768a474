"""What has served its time is forgotten: sessions, links, log-ins and invitations are not kept longer than they are of
use to the person whom they are about, or to whoever looks into a break-in."""

from store.connection import pool
from store.sql import query

#: An ended session has no token left after a quarter of an hour; so long one can still be told when and why it ended.
SESSION_DAYS = 30
#: A link is good for two days at most; after a week nobody asks any more why theirs was not.
LINK_DAYS = 7
#: People see where they were logged in from, and what was tried, for half a year; what a log-in knows of an account's
#: usual addresses is of 90 days (``knows_address``).
LOG_IN_DAYS = 180
#: An address that was invited and never answered is a stranger's; it goes so long after the invitation's 14 days, and
#: its letter then too.
INVITATION_DAYS = 30

_KEPT_DAYS = {
    "sessions_forget": SESSION_DAYS,
    "refresh_tokens_forget": 0,  # one that is spent is kept until it would have run out: it may come again
    "links_forget": LINK_DAYS,
    "log_ins_forget": LOG_IN_DAYS,
    "invitations_forget": INVITATION_DAYS,
    "invitation_letters_forget": INVITATION_DAYS,
}


async def forget(limit: int) -> dict[str, int]:
    """Forget what is over, at most so many of each kind; how many there were, by kind."""
    gone = {}
    for name, days in _KEPT_DAYS.items():
        said = await pool().execute(query(name), days, limit)
        if count := int(said.split()[-1]):
            gone[name.removesuffix("_forget")] = count
    return gone
