"""The mailbox against the delivery log: each confirmed booking has one confirmation there, its tickets attached."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from loadtest.checks.evidence import Evidence, Finding

NAME = "each confirmed booking has exactly one confirmation in the mailbox, with its tickets as PDF"

#: A letter is awaited once its saga has ended, or when nothing has moved for half a minute; not of frozen tickets.
DUE = """SELECT b.id AS booking_id, coalesce(u.email, o.customer_email) AS email, l.message_id, l.status, l.last_error,
    l.sent_at FROM booking b
JOIN saga s ON s.id = b.id
LEFT JOIN "user" u ON u.id = b.buyer_id LEFT JOIN box_office_sale o ON o.booking_id = b.id
LEFT JOIN letter l ON l.booking_id = b.id AND l.template = 'confirmed'
WHERE b.state = 'confirmed' AND u.erased_at IS NULL AND (u.id IS NOT NULL OR o.customer_email IS NOT NULL)
    AND (s.course = 'ended' OR s.changed_at < now() - interval '30 s')
    AND (l.status = 'sent' OR NOT EXISTS (SELECT 1 FROM ticket t WHERE t.booking_id = b.id AND t.status = 'frozen'))"""


async def check(evidence: Evidence) -> Finding:
    """Every letter that is due, looked for by its Message-ID; and every confirmation, by the log."""
    received: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for letter in evidence.letters:
        received[bare(letter["message_id"])].append(letter)
    oldest = min((letter["received_at"] for letter in evidence.letters), default="")
    due = await evidence.connection.fetch(DUE)
    wrong = []
    for row in due:
        if row["sent_at"] and row["sent_at"] > evidence.asked_at:
            continue
        if evidence.mailbox_is_full and row["sent_at"] and row["sent_at"] < datetime.fromisoformat(oldest):
            continue
        if fault := letter_fault(row, received.get(bare(row["message_id"] or ""), [])):
            wrong.append(f"booking {row['booking_id']}: {fault}")
    known = {bare(id) for id in await evidence.connection.fetch("SELECT message_id FROM letter") for id in id}
    wrong += [
        f"{message_id} is in the mailbox, and not in the delivery log"
        for message_id in received if message_id.startswith("confirmed.") and message_id not in known
    ]  # fmt: skip
    return Finding(NAME, len(due), wrong)


def letter_fault(row: Any, received: list[dict[str, Any]]) -> str:
    """What is wrong with a booking's confirmation."""
    if row["status"] != "sent":
        return f"its confirmation is {row['status'] or 'not in the delivery log'}"
    if not received:
        return f"{row['message_id']} is not in the mailbox"
    if len(received) > 1 and "twice" not in row["last_error"]:
        return f"{row['message_id']} came {len(received)} times"
    for letter in received:
        if row["email"] not in letter["to"].split(", "):
            return f"{row['message_id']} went to {letter['to']}, not to {row['email']}"
        files = letter["attachments"]
        if not any(file["content_type"] == "application/pdf" and file["size"] > 0 for file in files):
            return f"{row['message_id']} has no PDF attached"
    return ""


def bare(message_id: str) -> str:
    return message_id.strip().strip("<>")
