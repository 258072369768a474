"""The running stack as load tests see it: its addresses, its accounts, and the folder for what they write."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HINT = "Start the stack with `make up`, then `set -a; . .run/stack.env; set +a`."
ROOT = Path(__file__).parents[1]


class StackUnknown(Exception):
    """The environment does not say where the stack is; the message names what is missing."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything answers."""

    edge_url: str
    razorpay_url: str
    mailbox_url: str
    database_url: str
    run_dir: Path

    @property
    def onsale_dir(self) -> Path:
        """Where the races leave their notes, summary and plot, and where the verdict looks for them."""
        return self.run_dir / "onsale"


@dataclass(frozen=True, slots=True)
class Account:
    email: str
    password: str


def stack(environment: Mapping[str, str] = os.environ) -> Stack:
    """The stack of this environment.  Raises StackUnknown."""
    edge, razorpay, mailbox, database = needed(environment, "EDGE_URL", "RAZORPAY_URL", "MAILBOX_URL", "DATABASE_URL")
    run_dir = Path(environment.get("RUN_DIR") or environment.get("FRONTROW_STACK") or ROOT / ".run")
    return Stack(edge.rstrip("/"), razorpay.rstrip("/"), mailbox.rstrip("/"), database, run_dir)


def demo_buyer(environment: Mapping[str, str] = os.environ) -> Account:
    """The demo's buyer.  Raises StackUnknown."""
    email, password = needed(environment, "BUYER_EMAIL", "BUYER_PASSWORD")
    return Account(email, password)


def needed(environment: Mapping[str, str], *names: str) -> list[str]:
    """The values of these variables.  Raises StackUnknown, which names all that are missing at once."""
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise StackUnknown(f"missing in the environment: {', '.join(missing)}. {HINT}")
    return [environment[name] for name in names]
