"""One whole sale, narrated: log in, choose, hold, pay, confirm, tickets, letter.  `python -m loadtest.e2e [--first]`.

It is the demo's buyer, and knows nothing but the public API, the emulator's control call and the mailbox.  What it
says goes to the terminal and to `e2e.log` in the run folder; the last line tells whether everything worked.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from loadtest.stack import Account, Stack, StackUnknown, demo_buyer, stack

SUCCESS = "End-to-end flow completed successfully"

REQUEST_TIMEOUT_SECONDS = 15.0
STEP_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.15
#: How often an answer of 429 or 503 is waited out, and how long at most each time.
WAITS_MAX, WAIT_MAX_SECONDS = 6, 30.0
#: Pages of events and shows looked at, and how often other seats are chosen when somebody was faster.
PAGES_MAX, SHOWS_MAX, CHOICES_MAX = 5, 40, 4
#: A hold must outlast the walk to the checkout.
HOLD_SECONDS_MIN = 60
BODY_SHOWN_CHARS = 400


class StepFailed(Exception):
    """A step of the sale did not come to its end; the message says which, and what was answered."""


class Narration:
    """What is told, line by line, with the time since the beginning.  ``brief`` keeps back all but the milestones."""

    def __init__(self, path: Path, *, brief: bool) -> None:
        self._started = time.monotonic()
        self._brief = brief
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self.step = "beginning"

    def begin(self, step: str) -> None:
        self.step = step

    def tell(self, line: str, *, milestone: bool = False) -> None:
        seconds = time.monotonic() - self._started
        self._write(f"{seconds:6.2f} s  {line}", shown=milestone or not self._brief)

    def end(self, line: str) -> None:
        self._write(line, shown=True)
        self._file.close()

    def _write(self, line: str, *, shown: bool) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        if shown:
            print(line, flush=True)


class Buyer:
    """The buyer's side of HTTP: asks, waits when told to, and makes a sentence of every answer not hoped for."""

    def __init__(self, client: httpx.Client, edge_url: str, narration: Narration) -> None:
        self._client, self.edge_url, self._narration = client, edge_url, narration

    def ask(self, method: str, url: str, *hoped: int, **more: Any) -> httpx.Response:
        """The answer, when its status is one of those hoped for.  Raises StepFailed."""
        answer = self._answer(method, url, **more)
        waits = 0
        while answer.status_code in (429, 503) and answer.status_code not in hoped and waits < WAITS_MAX:
            waits += 1
            self._wait_as_told(answer)
            answer = self._answer(method, url, **more)
        if answer.status_code not in hoped:
            raise StepFailed(f"{method} {url} answered {said(answer)}")
        return answer

    def log_in(self, account: Account) -> None:
        credentials = {"email": account.email, "password": account.password}
        token = self.ask("POST", f"{self.edge_url}/v1/auth/login", 200, json=credentials).json()
        self._client.headers["authorization"] = f"Bearer {token['access_token']}"

    def until(self, what: str, look: Callable[[], Any]) -> Any:
        """Look again and again until there is something to see.  Raises StepFailed."""
        deadline = time.monotonic() + STEP_LIMIT_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline:
                raise StepFailed(f"{what}: nothing after {STEP_LIMIT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        return found

    def until_booking(self, what: str, booking_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The booking, once it is so; one that has ended otherwise never will be.  Raises StepFailed."""

        def look() -> dict[str, Any] | None:
            booking: dict[str, Any] = self.ask("GET", f"{self.edge_url}/v1/bookings/{booking_id}", 200).json()
            if is_so(booking):
                return booking
            if booking["status"] not in ("queued", "held", "confirmed"):
                raise StepFailed(f"{what}: the booking ended as {booking['status']}: {booking}")
            return None

        found: dict[str, Any] = self.until(what, look)
        return found

    def _answer(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **more)
        except httpx.HTTPError as error:
            raise StepFailed(f"{method} {url} got no answer: {error!r}") from error

    def _wait_as_told(self, answer: httpx.Response) -> None:
        told = answer.headers.get("retry-after", "")
        seconds = float(told) if told.isdecimal() else 1.0
        if seconds > WAIT_MAX_SECONDS:
            raise StepFailed(f"was asked to come back in {seconds:.0f} s: {said(answer)}")
        self._narration.tell(f"{answer.status_code}: asked to wait {seconds:.0f} s")
        time.sleep(seconds)


def said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:BODY_SHOWN_CHARS]}"


def money(value: dict[str, Any]) -> str:
    """An amount as people write it: API.md gives minor units, of which most currencies have a hundred."""
    digits = {"JPY": 0, "KWD": 3}.get(value["currency"], 2)
    return f"{value['currency']} {value['amount'] / 10**digits:,.{digits}f}"


def shows_on_sale(buyer: Buyer) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Events with a show that can be bought now, soonest first; the show as its own page has it."""
    cursor, seen = "", 0
    for _ in range(PAGES_MAX):
        asked = {"limit": "100", **({"cursor": cursor} if cursor else {})}
        page = buyer.ask("GET", f"{buyer.edge_url}/v1/events", 200, params=asked).json()
        for item in page["items"]:
            event = buyer.ask("GET", f"{buyer.edge_url}/v1/events/{item['id']}", 200).json()
            for listed in event["shows"]:
                if listed.get("status") != "on_sale":
                    continue
                if (seen := seen + 1) > SHOWS_MAX:
                    return
                yield event, buyer.ask("GET", f"{buyer.edge_url}/v1/shows/{listed['id']}", 200).json()
        if not (cursor := page.get("next_cursor") or ""):
            return


def two_seats(seat_map: dict[str, Any], skip: set[str]) -> list[dict[str, Any]]:
    """Two free neighbours that cost something, in the first section that has any."""
    for section in seat_map["sections"]:
        if section["kind"] != "seated" or section["price"]["amount"] == 0:
            continue
        for row in section["rows"]:
            for one, other in zip(row["seats"], row["seats"][1:], strict=False):
                free = all(seat["state"] == "free" and seat["id"] not in skip for seat in (one, other))
                if free and abs(other["x"] - one["x"]) < 1.5:
                    return [{**seat, "row": row["label"], "section": section["name"]} for seat in (one, other)]
    return []


def choose_show(buyer: Buyer) -> tuple[dict[str, Any], dict[str, Any]]:
    for event, show in shows_on_sale(buyer):
        patient = show.get("hold_seconds", HOLD_SECONDS_MIN) >= HOLD_SECONDS_MIN
        roomy = any(s["kind"] == "seated" and s["left"] >= 2 and s["price"]["amount"] > 0 for s in show["sections"])
        if patient and roomy:
            return event, show
    raise StepFailed("no show is on sale with two free seats that cost something; `python -m actors.demo` makes some")


def hold(buyer: Buyer, show_id: str, narration: Narration) -> dict[str, Any]:
    """Hold two neighbouring seats; when somebody was faster, others."""
    tried: set[str] = set()
    for _ in range(CHOICES_MAX):
        seats = two_seats(buyer.ask("GET", f"{buyer.edge_url}/v1/shows/{show_id}/seats", 200).json(), tried)
        if not seats:
            raise StepFailed(f"show {show_id} has no two free seats side by side any more")
        narration.tell("chose " + " and ".join(f"{s['section']} {s['row']}-{s['label']}" for s in seats))
        answer = buyer.ask(
            "POST", f"{buyer.edge_url}/v1/shows/{show_id}/bookings", 201, 202, 409,
            json={"seats": [seat["id"] for seat in seats]},
            headers={"Idempotency-Key": f"e2e-{uuid.uuid4()}", "Prefer": "wait=10"},
        )  # fmt: skip
        if answer.status_code == 409:
            if not answer.json()["type"].endswith("/seat-taken"):
                raise StepFailed(f"the wish was refused: {said(answer)}")
            tried |= {seat["id"] for seat in seats}
            narration.tell("somebody was faster; choosing others")
            continue
        booking: dict[str, Any] = answer.json()
        if booking["status"] == "queued":
            narration.tell(f"queued, {booking['ahead']} ahead")
            booking = buyer.until_booking("the decision", booking["id"], decided)
        if booking["status"] != "held" or {seat["id"] for seat in booking["seats"]} != {s["id"] for s in seats}:
            raise StepFailed(f"the seats were not held as chosen: {booking}")
        return booking
    raise StepFailed(f"{CHOICES_MAX} times somebody was faster at show {show_id}")


def decided(booking: dict[str, Any]) -> bool:
    return bool(booking["status"] != "queued")


def ready_to_pay(booking: dict[str, Any]) -> bool:
    return booking["payment"]["status"] == "ready" and bool(booking["payment"].get("razorpay_order_id"))


def confirmed_with_tickets(booking: dict[str, Any]) -> bool:
    return booking["status"] == "confirmed" and len(booking["tickets"]) == len(booking["seats"])


def letter_of(messages: list[dict[str, Any]], code: str, booking_id: str) -> dict[str, Any] | None:
    """The confirmation of this booking, with the tickets attached."""
    for message in messages:
        ours = booking_id in message["message_id"] or code in f"{message['subject']} {message['text']}"
        if ours and any(file["content_type"] == "application/pdf" for file in message["attachments"]):
            return message
    return None


def sell(where: Stack, account: Account, narration: Narration) -> None:
    """The sale itself.  Raises StepFailed."""
    with httpx.Client(timeout=REQUEST_TIMEOUT_SECONDS) as client:
        buyer = Buyer(client, where.edge_url, narration)

        narration.begin("log in")
        buyer.log_in(account)
        narration.tell(f"logged in as {account.email}")

        narration.begin("find a show")
        event, show = choose_show(buyer)
        narration.tell(f"found “{event['title']}” at {show['venue']['name']}, {show['starts_at']}")

        narration.begin("hold two seats")
        booking = hold(buyer, show["id"], narration)
        labels = " and ".join(f"{seat['row']}-{seat['label']}" for seat in booking["seats"])
        total = money(booking["amounts"]["total"])
        narration.tell(
            f"held: “{event['title']}”, {labels}, number {booking['place']} in line, {total}", milestone=True
        )

        narration.begin("pay")
        ready = buyer.until_booking("the payment", booking["id"], ready_to_pay)
        order = ready["payment"]["razorpay_order_id"]
        pay_url = f"{where.razorpay_url}/control/orders/{order}/pay"
        paid = buyer.ask("POST", pay_url, 200, json={"outcome": "captured"}).json()
        narration.tell(f"paid: {paid['razorpay_payment_id']} for {order}", milestone=True)

        narration.begin("confirmation")
        confirmed = buyer.until_booking("the confirmation", booking["id"], confirmed_with_tickets)
        narration.tell(f"confirmed: booking {confirmed['code']}, {len(confirmed['tickets'])} tickets", milestone=True)

        narration.begin("tickets.pdf")
        pdf = buyer.until("tickets.pdf", lambda: pdf_at(buyer, confirmed["id"]))
        narration.tell(f"tickets.pdf: {len(pdf):,} bytes")

        narration.begin("letter")
        letter = buyer.until("the letter", lambda: letter_at(buyer, where, account, confirmed))
        attached = next(file for file in letter["attachments"] if file["content_type"] == "application/pdf")
        what = f"{attached['name']} attached ({attached['size']:,} bytes)"
        narration.tell(f"ticket in the mailbox: “{letter['subject']}” to {letter['to']}, {what}", milestone=True)


def pdf_at(buyer: Buyer, booking_id: str) -> bytes | None:
    """The tickets, once they are printed."""
    url = f"{buyer.edge_url}/v1/bookings/{booking_id}/tickets.pdf"
    answer = buyer.ask("GET", url, 200, 404, 503)
    if answer.status_code != 200:
        return None
    if not answer.content.startswith(b"%PDF-"):
        raise StepFailed(f"{url} is no PDF: {answer.content[:40]!r}")
    return answer.content


def letter_at(buyer: Buyer, where: Stack, account: Account, booking: dict[str, Any]) -> dict[str, Any] | None:
    messages = buyer.ask("GET", f"{where.mailbox_url}/api/messages", 200, params={"to": account.email}).json()
    return letter_of(messages, booking["code"], booking["id"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.e2e", description="One whole sale, narrated.")
    parser.add_argument("--first", action="store_true", help="the milestones only, as the first start tells them")
    options = parser.parse_args(arguments)
    try:
        where, account = stack(), demo_buyer()
    except StackUnknown as error:
        print(f"e2e: {error}", file=sys.stderr)
        return 1
    narration = Narration(where.run_dir / "e2e.log", brief=options.first)
    try:
        sell(where, account, narration)
    except StepFailed as failure:
        narration.end(f"failed at “{narration.step}”: {failure}")
        return 1
    except (KeyError, TypeError, ValueError) as error:
        narration.end(f"failed at “{narration.step}”: an answer has not the shape of API.md: {error!r}")
        return 1
    narration.end(SUCCESS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
