"""The demo (``python -m actors.demo``): accounts, and a dozen events on sale in real halls.  Safe to run twice.

1. The accounts of the environment, and an opening balance in the buyer's wallet.
2. Venues, halls, events with their posters, and shows of ``demo_catalogue``, each only where it is missing: ids follow
   from names, so that a seeding that was cut off is completed by the next one.
3. OpenShow to the lanes of all shows that are not open yet, and a bounded wait until their lanes have opened them.

``python -m actors.demo race NAME --seats N`` makes one show with N seats on sale now and prints where it is as JSON."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import structlog
from tortoise.exceptions import BaseORMException, IntegrityError

from actors import demo_halls, demo_posters
from actors.demo_catalogue import EVENTS, IST, DemoEvent, DemoHall, DemoShow, DemoVenue, starts_at
from actors.lanes.publisher import Publisher
from actors.lanes.wire import Options, seal
from sagas import clock
from sagas.identity import derived, new_id
from sagas.seat_plan import PlanSection, decode
from store import catalogue, files, ledger, logs, people, posters
from store.connection import close_database, open_database, transaction
from store.settings import SettingsError, settings
from store.tables import Event, Hall, Organiser, OrganiserMember, SeatPlan, Show, User, Venue

log = structlog.get_logger()

#: All ids of the demo follow from this one.
NAMESPACE = UUID("7b1d5c0e-3f57-4c0b-9a68-5f0f3c2f6a11")

#: What the demo buyer has in the wallet at first: 50,000 rupees.
OPENING_BALANCE_MINOR = 5_000_000

#: How long the lanes may take to open all shows.
OPENING_LIMIT_SECONDS = 60.0
#: An OpenShow that has no answer by then is sent again, under the same command id.
OPEN_AGAIN_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.2
#: The most shows that are asked for in one go; the demo has some thirty.
UNOPENED_LIMIT = 1_000

#: What `race` takes.
RACE_SEATS_MAX = 100_000
RACE_PRICE_MINOR_MAX = 100_000_000
#: Rows of a race that does not say how many.
RACE_SEATS_PER_ROW = 25
#: Whatever is on sale now has been so for a minute, since the database's clock may be a little behind this one.
ON_SALE_BEFORE_SECONDS = 60

RACE_TRACK = DemoVenue(
    "race-track", "Race track", "Nagpur", "IN", "1 Starting Line", IST, 21.1458, 79.0882, "00:00", "23:59"
)


class DemoError(Exception):
    """Seeding cannot go on; the message says what to do."""


class Accounts(NamedTuple):
    buyer: User
    organiser: User
    scanner: User
    admin: User


class Bodies(NamedTuple):
    """The organiser whose events they are, and the operator, whose venues all may use."""

    organiser: Organiser
    operator: Organiser


async def make_accounts() -> Accounts:
    """The four demo accounts; the buyer's wallet gets its opening balance once."""
    if settings().frontrow_mode == "production":
        raise DemoError("production has no demo: nothing was made.")
    named = {account.role: account for account in people.demo_accounts()}
    missing = [f"{role.upper()}_EMAIL and {role.upper()}_PASSWORD" for role in Accounts._fields if role not in named]
    if missing:
        raise DemoError(f"the accounts are not given: set {', '.join(missing)} (see .env.example).")
    accounts = Accounts(**{role: await _make_account(account) for role, account in named.items()})
    async with transaction() as connection:
        await ledger.give(connection, clock.now(), accounts.buyer.id, "INR", OPENING_BALANCE_MINOR, "demo:opening")
    return accounts


async def _make_account(account: people.DemoAccount) -> User:
    there = await people.with_email(account.email)
    return there or await people.make_user(account.email, account.password, account.name, account.role, verified=True)


async def make_bodies(accounts: Accounts) -> Bodies:
    """The organiser's body, with the scanner at its door; the operator's is there since the database was made."""
    there = await OrganiserMember.filter(user=accounts.organiser, role="owner").order_by("id").first()
    if there is None:
        body, _ = await Organiser.get_or_create(
            id=derived(NAMESPACE, "organiser"),
            defaults={"legal_name": "Sen & Daughters Presents", "support_email": accounts.organiser.email,
                      "tax_id": "27AAPFU0939F1ZV", "status": "approved"},
        )  # fmt: skip
    else:
        body = await Organiser.get(id=there.organiser_id)  # type: ignore[attr-defined]
    for user, role in ((accounts.organiser, "owner"), (accounts.scanner, "scanner")):
        await OrganiserMember.get_or_create(organiser=body, user=user, defaults={"role": role})
    return Bodies(body, await Organiser.get(operator=True))


async def seed(say: Callable[[str], None]) -> None:
    """Everything of the demo, where it is missing."""
    now = clock.now()
    accounts = await make_accounts()
    bodies = await make_bodies(accounts)
    say(f"accounts: {', '.join(user.email for user in accounts)}")
    wanted: list[UUID] = []
    for event in EVENTS:
        show_ids, made = await _make_event(event, bodies, now)
        wanted += show_ids
        verb = "made" if made else "already there"
        say(f"{verb}: {event.title} ({event.kind}, {event.hall.venue.city}, shows: {len(show_ids)})")
    await open_shows(wanted)
    say(f"{len(wanted)} shows of {len(EVENTS)} events are open")


async def _make_event(event: DemoEvent, bodies: Bodies, now: datetime) -> tuple[list[UUID], bool]:
    """The ids of the event's shows, and whether any of them had to be made."""
    event_id = derived(NAMESPACE, "event", event.slug)
    row, _ = await Event.get_or_create(
        id=event_id,
        defaults={
            "organiser": bodies.organiser,
            "title": event.title,
            "kind": event.kind,
            "description": event.description,
            "language": event.language,
            "rating": event.rating,
            "duration_minutes": event.duration_minutes,
            "tags": list(event.tags),
            "status": "published",
        },
    )
    if row.poster_url is None:
        await _give_poster(event_id, event)
    wanted = {derived(event_id, "show", index): show for index, show in enumerate(event.shows)}
    there = set(await Show.filter(id__in=list(wanted)).values_list("id", flat=True))
    missing = [show_id for show_id in wanted if show_id not in there]
    if missing:
        hall = await _hall(await _venue(event.hall.venue, bodies), event.hall)
        prices = {section.id: event.prices[section.tier] for section in await sections_of(hall)}
        for show_id in missing:
            await _make_show(show_id, wanted[show_id], row, event, hall, prices, now)
    return list(wanted), bool(missing)


async def _give_poster(event_id: UUID, event: DemoEvent) -> None:
    """A poster, where one can be drawn and kept: the pages do without."""
    sizes = await asyncio.to_thread(demo_posters.sizes, event.title, event.kind)
    if sizes is None:
        return
    try:
        address = await posters.put(sizes)
        async with transaction() as connection:
            await posters.show(connection, event_id, address, None)
    except (files.FilesOutOfReach, TimeoutError) as error:
        log.warning("poster_not_kept", event=event.title, error=repr(error))


async def _make_show(
    show_id: UUID, show: DemoShow, row: Event, event: DemoEvent, hall: Hall, prices: dict[str, int], now: datetime
) -> None:
    begins = starts_at(show, event.hall.venue, now)
    await catalogue.make_show(
        row,
        hall,
        currency=event.currency,
        prices=prices,
        starts_at=begins,
        ends_at=clock.after(begins, event.duration_minutes * 60),
        sale_opens_at=clock.after(now, show.sale_opens_in_days * 86_400 - ON_SALE_BEFORE_SECONDS),
        sale_closes_at=begins,
        hold_seconds=show.hold_seconds,
        max_seats_per_buyer=show.max_seats_per_buyer,
        show_id=show_id,
    )


async def _venue(venue: DemoVenue, bodies: Bodies) -> Venue:
    """The venue, the operator's own, so that every organiser may use it."""
    values: dict[str, Any] = venue._asdict()
    row, _ = await Venue.get_or_create(
        id=derived(NAMESPACE, "venue", values.pop("slug")), defaults={"organiser": bodies.operator, **values}
    )
    return row


async def _hall(venue: Venue, hall: DemoHall) -> Hall:
    there = await Hall.filter(venue=venue, name=hall.name).order_by("id").first()
    return there or await catalogue.make_hall(venue, hall.name, hall.sections())


async def sections_of(hall: Hall) -> tuple[PlanSection, ...]:
    """The hall's sections, with the ids that they got when it was made."""
    plan = await SeatPlan.get(hash=hall.plan_id)  # type: ignore[attr-defined]
    return decode(plan.body).sections


async def open_shows(show_ids: list[UUID]) -> None:
    """Have the shows opened by their lanes, and wait until they are.  Raises DemoError when the lanes do not answer."""
    publisher = Publisher(settings().rabbitmq_url)
    deadline = clock.monotonic_seconds() + OPENING_LIMIT_SECONDS
    send_at, not_accepted = 0.0, ""
    try:
        while waiting := await Show.filter(id__in=show_ids, opened=False).count():
            now = clock.monotonic_seconds()
            if now > deadline:
                raise DemoError(_unanswered(waiting, not_accepted))
            if now >= send_at:
                not_accepted = await _send_opening(publisher, set(show_ids))
                send_at = clock.monotonic_seconds() + OPEN_AGAIN_SECONDS
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    finally:
        await publisher.close()


async def _send_opening(publisher: Publisher, show_ids: set[UUID]) -> str:
    """Send OpenShow for those that are not open yet; why the broker did not accept one, or nothing."""
    unopened = [row for row in await catalogue.shows_unopened(UNOPENED_LIMIT) if row["id"] in show_ids]
    sent = await publisher.publish_all(seal(row["lane"], catalogue.terms_of(row), Options()) for row in unopened)
    return next((str(error) for error in sent if error is not None), "")


def _unanswered(waiting: int, not_accepted: str) -> str:
    why = (
        f"the broker did not take the last OpenShow ({not_accepted})" if not_accepted else "their lanes did not answer"
    )
    return (
        f"after {OPENING_LIMIT_SECONDS:.0f} s shows are missing ({waiting}): {why}. See that RabbitMQ is up "
        "and that a lane worker runs (`python -m actors.worker lane`), then start this again; what was made is kept."
    )


async def make_race(name: str, seats: int, rows: int, hold_seconds: int, price: int) -> dict[str, str]:
    """A published event with one show of so many seats, open and on sale: where it is, for those outside."""
    bodies = await make_bodies(await make_accounts())
    track = DemoHall(RACE_TRACK, f"{seats} seats in {rows} rows", lambda: demo_halls.race_track(seats, rows))
    hall = await _hall(await _venue(RACE_TRACK, bodies), track)
    [section] = await sections_of(hall)
    event = await Event.create(
        id=new_id(), organiser=bodies.organiser, title=name, kind="other", duration_minutes=60, status="published",
        description=f"{seats} seats, and more people who want them.", tags=["race"],
    )  # fmt: skip
    now = clock.now()
    begins = clock.after(now, 7 * 86_400).replace(minute=0, second=0, microsecond=0)
    show_id = new_id()
    lane, _ = await catalogue.make_show(
        event,
        hall,
        currency="INR",
        prices={section.id: price},
        starts_at=begins,
        ends_at=clock.after(begins, 3_600),
        sale_opens_at=clock.after(now, -ON_SALE_BEFORE_SECONDS),
        sale_closes_at=begins,
        hold_seconds=hold_seconds,
        takes_hall=False,  # one race after the other, on one track
        show_id=show_id,
    )
    await open_shows([show_id])
    return {"show_id": str(show_id), "event_id": str(event.id), "lane": lane, "section_id": section.id}


def _number(least: int, most: int) -> Callable[[str], int]:
    """An argument that is a whole number within these bounds."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return number


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= 200:
        raise argparse.ArgumentTypeError("a name of 1 to 200 characters")
    return text.strip()


def _arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m actors.demo", description="The demo catalogue and accounts.")
    race = parser.add_subparsers(dest="what").add_parser("race", help="make one show for a race, on sale now")
    race.add_argument("name", type=_name, metavar="NAME")
    race.add_argument("--seats", type=_number(1, RACE_SEATS_MAX), required=True)
    race.add_argument("--rows", type=_number(1, RACE_SEATS_MAX), help=f"default: {RACE_SEATS_PER_ROW} seats a row")
    race.add_argument("--hold-seconds", type=_number(5, 3_600), default=300)
    race.add_argument("--price", type=_number(0, RACE_PRICE_MINOR_MAX), default=50_000, help="in paise")
    given = parser.parse_args(words)
    if given.what == "race":
        given.rows = given.rows or -(-given.seats // RACE_SEATS_PER_ROW)
        if given.rows > given.seats:
            race.error(f"{given.seats} seats do not fill {given.rows} rows")
    return given


async def _in_store(work: Callable[[], Awaitable[None]]) -> None:
    await open_database(pool_size=4)
    try:
        await work()
    finally:
        await close_database()


def main(words: list[str] | None = None) -> None:
    given = _arguments(words)

    async def work() -> None:
        if given.what == "race":
            race = await make_race(given.name, given.seats, given.rows, given.hold_seconds, given.price)
            print(msgspec.json.encode(race).decode(), flush=True)
        else:
            await seed(lambda line: print(f"demo: {line}", flush=True))

    try:
        logs.configure("demo")
        asyncio.run(_in_store(work))
    except (DemoError, SettingsError) as error:
        sys.exit(f"demo: {error}")
    except (people.EmailTaken, asyncpg.UniqueViolationError, IntegrityError):
        sys.exit("demo: another start of the demo is making the same things; wait for it, then start this again.")
    except (OSError, asyncpg.PostgresError, BaseORMException) as error:
        sys.exit(
            f"demo: the database did not do its part ({error!r}); see that it is up and migrated, then start again."
        )


if __name__ == "__main__":
    main()
