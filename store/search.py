"""Search over events and venues: what was typed, mistakes and all, becomes a question to Postgres's text index.

The index is kept by triggers in the transaction of each edit, so what is found is never older than the catalogue."""

from typing import Any

from store.connection import pool
from store.sql import query

#: A word of fewer letters is searched as it stands, and only where there is no longer one.
SHORT_WORD = 3


async def _words(text: str) -> list[Any]:
    """The words that count, with whether the catalogue has them (``known``), or such that begin so (``beginning``)."""
    words = list(await pool().fetch(query("search_words"), text))
    return [word for word in words if len(word["word"]) >= SHORT_WORD] or words


def _exact(words: list[Any]) -> str:
    """The words as they stand, as a tsquery; empty when the catalogue lacks one of them."""
    if not all(word["known"] or word["beginning"] for word in words):
        return ""
    return " & ".join(_one_of({word["word"]}) for word in words)


async def _alike(words: list[Any]) -> str:
    """The words, each with those that it may have been mistyped for.  One that is like nothing is passed over, as long
    as most of them mean something."""
    meant: dict[str, set[str]] = {
        word["word"]: {word["word"]} if word["known"] or word["beginning"] else set() for word in words
    }
    for row in await pool().fetch(query("search_words_alike"), [word for word in meant if len(word) >= SHORT_WORD]):
        meant[row["word"]].add(row["alike"])
    known = [_one_of(some) for some in meant.values() if some]
    return " & ".join(known) if 2 * len(known) > len(meant) else ""


def _one_of(words: set[str]) -> str:
    """Words hold letters and digits only (plain_words), so they need no escape.  Longer ones may be beginnings."""
    lexemes = [f"'{word}':*" if len(word) >= SHORT_WORD else f"'{word}'" for word in sorted(words)]
    return f"({' | '.join(lexemes)})"


async def question(text: str) -> str:
    """The tsquery by which a list is filtered: the words as they stand where anything has them, else those alike."""
    words = await _words(text)
    exact = _exact(words)
    if exact and await pool().fetchval(query("search_any"), exact):
        return exact
    return await _alike(words)


async def search(text: str, city: str | None, limit: int) -> list[Any]:
    """Events and venues that can be booked, best first: by the words as they stand, or if nothing has them, alike."""
    words = await _words(text)
    exact = _exact(words)
    found = await _found(exact, text, city, limit) if exact else []
    return found or await _found(await _alike(words), text, city, limit)


async def _found(asked: str, text: str, city: str | None, limit: int) -> list[Any]:
    return list(await pool().fetch(query("search_found"), asked, text, city, limit))
