"""Passwords are worked on a few at a time, off the event loop, and no more wait than can be served."""

import asyncio

import pytest

from store import passwords

pytestmark = pytest.mark.pure


async def test_more_passwords_than_there_are_places_are_refused_at_once():
    waiting = [asyncio.ensure_future(passwords.hashed("correct horse")) for _ in range(passwords.PLACES)]
    await asyncio.sleep(0)
    with pytest.raises(passwords.TooManyPasswords):
        await passwords.hashed("one too many")
    for task in waiting[1:]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await passwords.fits("correct horse", await waiting[0]), "the places are free again"


async def test_without_a_password_none_fits_and_the_work_is_the_same(monkeypatch):
    verified = []
    monkeypatch.setattr(passwords, "_verify", lambda hashed, password: verified.append(hashed) or True)
    assert not await passwords.fits("anything", None) and not await passwords.fits("anything", "")
    assert len(verified) == 2 and all(hashed.startswith("$argon2id$") for hashed in verified)


async def test_the_same_letters_from_another_keyboard_are_the_same_password():
    hashed = await passwords.hashed("caf\u00e9 de la gare")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.fits("cafe\u0301 de la gare", hashed)
    assert not await passwords.fits("cafe de la gare", hashed)
