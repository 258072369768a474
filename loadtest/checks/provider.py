"""The provider's ledger against ours: what it captured and gave back is what we noted, and nothing is unexplained."""

from typing import Any

from loadtest.checks.evidence import Evidence, Finding

NAME = "the provider's captures and refunds are ours, payment by payment"

OURS = """SELECT c.provider_payment_id AS id, c.captured_at, c.amount, c.currency, p.razorpay_order_id AS order_id,
    coalesce((SELECT sum(r.amount) FROM refund r WHERE r.provider_payment_id = c.provider_payment_id
        AND r."to" = 'source' AND r.status <> 'failed' AND NOT EXISTS (
            SELECT 1 FROM ledger_transaction t WHERE t.reference = 'refund:' || r.id AND NOT EXISTS (
                SELECT 1 FROM ledger_entry e WHERE e.transaction_id = t.id AND e.account = 'provider'))
        ), 0)::bigint AS refunded
FROM capture c JOIN payment p ON p.id = c.payment_id WHERE p.method = 'razorpay'"""


async def check(evidence: Evidence) -> Finding:
    """Every captured payment of either side, compared."""
    ours = {row["id"]: dict(row) for row in await evidence.connection.fetch(OURS)}
    theirs = {payment["id"]: payment for payment in evidence.ledger["payments"] if payment["captured"]}
    ids = sorted(theirs.keys() | {id for id, row in ours.items() if row["captured_at"] <= evidence.asked_at})
    wrong = [fault for id in ids if (fault := difference(id, ours.get(id), theirs.get(id)))]
    return Finding(NAME, len(ids), wrong)


def difference(id: str, ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    """What the two sides say differently of one payment."""
    if ours is None and theirs is not None:
        return f"{id}: the provider captured {theirs['amount']} for {theirs['order_id']}, and we know nothing of it"
    if theirs is None or ours is None:
        return f"{id}: we noted a capture that the provider does not know"
    for name in ("amount", "currency", "order_id", "refunded"):
        if ours[name] != theirs[name]:
            return f"{id}: {name} is {ours[name]} with us and {theirs[name]} with the provider"
    return ""
