"""Documents: bytes in the files folder, found through their row.  Kept under their content's hash, so twice is once."""

import asyncio
import hashlib
import os
from pathlib import Path
from uuid import UUID

from sagas.identity import new_id
from store.connection import pool
from store.settings import settings

_PATH = "SELECT path FROM file WHERE booking_id = $1 AND kind = $2"


async def keep(booking_id: UUID, kind: str, content: bytes) -> str:
    """Keep a booking's document, in place of an older one of its kind; its path in the files folder."""
    digest = hashlib.sha256(content).hexdigest()
    path = f"{digest[:2]}/{digest}"
    await asyncio.to_thread(_write, Path(settings().files_dir) / path, content)
    await pool().execute(
        """INSERT INTO file (id, booking_id, kind, path, content_hash, size_bytes, made_at)
           VALUES ($1, $2, $3, $4, $5, $6, now())
           ON CONFLICT (booking_id, kind) DO UPDATE SET path = excluded.path, content_hash = excluded.content_hash,
               size_bytes = excluded.size_bytes, made_at = now()""",
        new_id(),
        booking_id,
        kind,
        path,
        digest,
        len(content),
    )
    return path


async def path_of(booking_id: UUID, kind: str) -> str | None:
    """Where the booking's document of this kind lies, or None when it is not there."""
    path: str | None = await pool().fetchval(_PATH, booking_id, kind)
    return path if path is not None and (Path(settings().files_dir) / path).exists() else None


async def find(booking_id: UUID, kind: str) -> bytes | None:
    """The booking's document of this kind, or None when it has not been made, or its bytes are gone."""
    path = await path_of(booking_id, kind)
    if path is None:
        return None
    return await asyncio.to_thread((Path(settings().files_dir) / path).read_bytes)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: written beside, synced, then named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{new_id().hex}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
