"""Posters are put before any event shows them, and swept when none does any more, whoever dies or overtakes whom."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sagas.identity import new_id
from store import connection, files, posters
from store.tables import Event, Organiser

SWEPT_AT_ONCE = 1_000


@pytest.fixture
async def event(pool: Any) -> Callable[[], Any]:
    organiser = await Organiser.create(legal_name="House", support_email="house@example.com", status="approved")

    async def make() -> UUID:
        return (await Event.create(organiser=organiser, title="Play", kind="theatre")).id

    return make


def image() -> dict[str, bytes]:
    """An image that nobody has put before."""
    return {size: f"{size} {new_id()}".encode() for size in posters.SIZES}


async def show(event_id: UUID, address: str) -> bool:
    """What the edge does once an image was put."""
    async with connection.transaction() as rows:
        before = await rows.fetchval("SELECT poster_url FROM event WHERE id = $1 FOR UPDATE", event_id)
        return await posters.show(rows, event_id, address, before) is not None


async def delete(event_id: UUID) -> None:
    async with connection.transaction() as rows:
        address = await rows.fetchval("DELETE FROM event WHERE id = $1 RETURNING poster_url", event_id)
        await posters.give_up(rows, address)


async def sweep_later(pool: Any) -> None:
    """Sweep when what somebody wanted until now is not wanted any more."""
    await pool.execute("UPDATE poster SET wanted_until = wanted_until - interval '1 hour'")
    await posters.sweep(SWEPT_AT_ONCE)


def is_there(folder: Path, address: str) -> bool:
    there = {path.stem for path in (folder / "posters" / address.rsplit("/")[-1]).glob("*.webp")}
    assert there in (set(), set(posters.SIZES)), "all sizes, or none"
    return bool(there)


def images_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.webp"))


async def test_no_connection_is_held_while_an_image_is_put(folder: Path, pool: Any, monkeypatch: pytest.MonkeyPatch):
    held = []

    async def slow(path: str, content: bytes) -> None:
        held.append(pool.get_size() - pool.get_idle_size())

    monkeypatch.setattr(files, "put", slow)
    await posters.put(image())
    assert held == [0] * len(posters.SIZES)


async def test_an_image_that_no_event_came_to_show_is_swept_when_it_is_not_wanted_any_more(folder: Path, pool: Any):
    address = await posters.put(image())
    await posters.sweep(SWEPT_AT_ONCE)
    assert is_there(folder, address), "somebody may be about to show it"
    await sweep_later(pool)
    assert not is_there(folder, address)
    assert not await pool.fetchval("SELECT count(*) FROM poster WHERE id = $1", UUID(address.rsplit("/")[-1]))


async def test_whoever_dies_while_putting_leaves_nothing_that_is_not_swept(
    folder: Path, pool: Any, monkeypatch: pytest.MonkeyPatch
):
    put = files.put

    async def dies_at_the_second(path: str, content: bytes) -> None:
        if "medium" in path:
            raise files.FilesOutOfReach("gone")
        await put(path, content)

    with monkeypatch.context() as patched, pytest.raises(files.FilesOutOfReach):
        patched.setattr(files, "put", dies_at_the_second)
        await posters.put(image())
    assert len(images_in(folder)) == 1
    await sweep_later(pool)
    assert not images_in(folder)


async def test_an_image_stays_as_long_as_one_event_shows_it(folder: Path, pool: Any, event: Any):
    same, first, second = image(), await event(), await event()
    address = await posters.put(same)
    assert await show(first, address)
    assert await posters.put(same) == address, "twice is once"
    assert await show(second, address)
    assert await show(second, address), "and showing it twice"
    await sweep_later(pool)
    assert is_there(folder, address)
    other = await posters.put(image())
    assert await show(first, other)
    await sweep_later(pool)
    assert is_there(folder, address), "the second event shows it still"
    await delete(second)
    await posters.sweep(SWEPT_AT_ONCE)
    assert is_there(folder, address), "somebody may have asked for it just before"
    await sweep_later(pool)
    assert not is_there(folder, address) and is_there(folder, other)


async def test_an_image_that_is_put_when_the_last_event_has_let_it_go_stays(folder: Path, pool: Any, event: Any):
    same, first, second = image(), await event(), await event()
    address = await posters.put(same)
    assert await show(first, address)
    assert await show(first, await posters.put(image()))
    await pool.execute("UPDATE poster SET wanted_until = now() - interval '1 s' WHERE wanted_until IS NOT NULL")
    assert await posters.put(same) == address
    await posters.sweep(SWEPT_AT_ONCE)
    assert await show(second, address)
    await sweep_later(pool)
    assert is_there(folder, address)


async def test_an_image_that_is_going_is_put_anew_and_shown_by_nobody_who_was_too_slow(
    folder: Path, pool: Any, event: Any, monkeypatch: pytest.MonkeyPatch
):
    same, first = image(), await event()
    slow = await posters.put(same)
    remove, begun, go_on = files.remove, asyncio.Event(), asyncio.Event()

    async def held_up(path: str) -> None:
        begun.set()
        await go_on.wait()
        await remove(path)

    monkeypatch.setattr(files, "remove", held_up)
    sweeping = asyncio.create_task(sweep_later(pool))
    await begun.wait()
    assert not await show(first, slow)
    anew = await posters.put(same)
    assert anew != slow and await show(first, anew)
    go_on.set()
    await sweeping
    assert is_there(folder, anew) and not is_there(folder, slow)


async def test_what_a_bucket_does_not_let_go_of_goes_in_another_sweep(
    folder: Path, pool: Any, monkeypatch: pytest.MonkeyPatch
):
    async def out_of_reach(path: str) -> None:
        raise files.FilesOutOfReach("gone")

    address = await posters.put(image())
    with monkeypatch.context() as patched, pytest.raises(files.FilesOutOfReach):
        patched.setattr(files, "remove", out_of_reach)
        await sweep_later(pool)
    assert is_there(folder, address)
    await posters.sweep(SWEPT_AT_ONCE)
    assert not is_there(folder, address)


async def test_two_events_that_exchange_their_images_do_not_wait_for_each_other_in_a_circle(
    folder: Path, pool: Any, event: Any
):
    one, other, first, second = await posters.put(image()), await posters.put(image()), await event(), await event()
    for _ in range(20):
        assert await asyncio.gather(show(first, one), show(second, other)) == [True, True]
        assert await asyncio.gather(show(first, other), show(second, one)) == [True, True]
    await sweep_later(pool)
    assert is_there(folder, one) and is_there(folder, other)
