"""Files: bytes in a local folder or an S3 bucket, under names that follow from their content, so that twice is once.

A booking's documents are found through their row; posters through the event that shows them."""

import asyncio
import hashlib
import os
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from sagas.identity import new_id
from store.connection import pool
from store.settings import settings
from store.sql import query

_PATH = "SELECT path FROM file WHERE booking_id = $1 AND kind = $2"

#: A bucket that says nothing is given up after this, and asked again so often.
S3_TIMEOUT = "5s"
S3_RETRIES = 2


class FilesOutOfReach(OSError):
    """The folder or bucket of files does not do its part at the moment."""


@cache
def _store() -> ObjectStore:
    """The folder FILES_DIR, or the bucket that FILES_URL names."""
    given = settings()
    if not given.files_url:
        return LocalStore(Path(given.files_dir).absolute(), mkdir=True)
    url = urlsplit(given.files_url)
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        endpoint=given.files_endpoint or None,
        region=given.files_region,
        access_key_id=given.files_key_id,
        secret_access_key=given.files_secret,
        client_options={"allow_http": given.files_endpoint.startswith("http:"), "timeout": S3_TIMEOUT},
        retry_config={"max_retries": S3_RETRIES},
    )


async def put(path: str, content: bytes) -> None:
    """Keep bytes under a path that follows from them.  Whole or not at all; on the disk when this returns."""
    try:
        await obstore.put_async(_store(), path, content)
        if not settings().files_url:
            await asyncio.to_thread(_sync, Path(settings().files_dir) / path)
    except (BaseError, OSError) as error:
        raise FilesOutOfReach(f"{path} could not be kept: {error}") from error


async def get(path: str) -> bytes | None:
    """The bytes under a path, or None when there are none."""
    try:
        found = await obstore.get_async(_store(), path)
        return bytes(await found.bytes_async())
    except FileNotFoundError:
        return None
    except (BaseError, OSError) as error:
        raise FilesOutOfReach(f"{path} could not be read: {error}") from error


async def remove(path: str) -> None:
    """The bytes under a path are gone afterwards, whether there were any or not."""
    try:
        await obstore.delete_async(_store(), path)
    except FileNotFoundError:
        return
    except (BaseError, OSError) as error:
        raise FilesOutOfReach(f"{path} could not be removed: {error}") from error


async def has(path: str) -> bool:
    try:
        await obstore.head_async(_store(), path)
    except FileNotFoundError:
        return False
    except (BaseError, OSError) as error:
        raise FilesOutOfReach(f"{path} could not be looked for: {error}") from error
    return True


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def keep(booking_id: UUID, kind: str, content: bytes) -> str:
    """Keep a booking's document, in place of an older one of its kind; its path.

    Nothing is kept, and the path is empty, once the buyer was erased: their name may be on it."""
    digest = digest_of(content)
    path = f"{digest[:2]}/{digest}"
    await put(path, content)
    kept = await pool().fetchval(query("file_keep"), new_id(), booking_id, kind, path, digest, len(content))
    if kept is None:
        await remove(path)
        return ""
    return path


async def path_of(booking_id: UUID, kind: str) -> str | None:
    """Where the booking's document of this kind lies, or None when it is not there."""
    path: str | None = await pool().fetchval(_PATH, booking_id, kind)
    return path if path is not None and await has(path) else None


async def find(booking_id: UUID, kind: str) -> bytes | None:
    """The booking's document of this kind, or None when it has not been made, or its bytes are gone."""
    path: str | None = await pool().fetchval(_PATH, booking_id, kind)
    return None if path is None else await get(path)


def _sync(path: Path) -> None:
    """The file and its name are on the disk, not only in memory."""
    for what in (path, path.parent):
        descriptor = os.open(what, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
