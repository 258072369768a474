"""Who is at work: a heartbeat row for each worker process."""

import os
import socket
from typing import Any

from store.connection import pool
from store.sql import query


async def appear(worker_id: str, kind: str, lanes: int = 0) -> None:
    """``lanes`` is how many lanes it can serve, counted from the first."""
    await pool().execute(query("worker_appears"), worker_id, kind, socket.gethostname(), os.getpid(), lanes)


async def serving(kind: str, seconds: float) -> list[int]:
    """How many lanes each worker of this kind can serve that was seen within these seconds."""
    return [row["lanes"] for row in await pool().fetch(query("workers_serving"), kind, seconds)]


async def leave(worker_id: str) -> None:
    await pool().execute("DELETE FROM worker WHERE id = $1", worker_id)


async def at_work(seconds: float) -> dict[str, int]:
    """Workers seen within these seconds, by kind."""
    rows = await pool().fetch(query("workers_at_work"), seconds)
    return {row["kind"]: row["workers"] for row in rows}


async def alive_now(seconds: float) -> list[Any]:
    """Every worker that was seen within these seconds."""
    return list(await pool().fetch(query("workers_alive_list"), seconds))
