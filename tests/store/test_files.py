"""Files lie in a folder or in an S3 bucket: what is kept is found again, whole, and nothing outside can be reached."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import httpx
import pytest

from sagas.identity import new_id
from store import files
from store.settings import settings

START_LIMIT_SECONDS = 30


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    """A server that speaks S3's API."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_LIMIT_SECONDS
    try:
        while True:
            try:
                httpx.get(address, timeout=1, trust_env=False)
                break
            except httpx.HTTPError:
                assert server.poll() is None and time.monotonic() < deadline, "the S3 server did not come up"
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, monkeypatch) -> Iterator[str]:
    """Files in a folder, and files in a bucket."""
    monkeypatch.setenv("FILES_DIR", str(tmp_path / "files"))
    if request.param == "bucket":
        address = request.getfixturevalue("s3_address")
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        bucket = f"files-{new_id().hex}"
        client.create_bucket(Bucket=bucket)
        for name, value in (
            ("FILES_URL", f"s3://{bucket}/some/prefix"), ("FILES_ENDPOINT", address), ("FILES_KEY_ID", "a"),
            ("FILES_SECRET", "b"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
    _forget()
    yield request.param
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    settings.cache_clear()
    files._store.cache_clear()


async def test_what_was_kept_is_found_again(place, own_settings):
    content = os.urandom(300_000)
    assert await files.get("posters/a/small.webp") is None and not await files.has("posters/a/small.webp")
    await files.put("posters/a/small.webp", content)
    assert await files.get("posters/a/small.webp") == content and await files.has("posters/a/small.webp")
    await files.put("posters/a/small.webp", b"new")
    assert await files.get("posters/a/small.webp") == b"new", "whole, in place of the older one"


async def test_a_booking_s_document_is_kept_once_and_found(place, pool):
    booking_id = new_id()
    assert await files.find(booking_id, "tickets.pdf") is None
    first = await files.keep(booking_id, "tickets.pdf", b"first")
    assert await files.keep(booking_id, "tickets.pdf", b"first") == first, "twice is once"
    await files.keep(booking_id, "tickets.pdf", b"second")
    assert await files.find(booking_id, "tickets.pdf") == b"second"
    assert await files.path_of(booking_id, "tickets.pdf") != first


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/etc/passwd", "a\0b"])
async def test_path_traversal_leads_nowhere(place, own_settings, tmp_path, path):
    (tmp_path / "secret").write_text("not yours")
    with contextlib.suppress(ValueError):  # no path at all
        assert await files.get(path) is None


async def test_a_bucket_that_is_not_there_is_a_part_out_of_reach(tmp_path, monkeypatch, own_settings):
    from store.connection import is_operating

    monkeypatch.setenv("FILES_URL", "s3://nowhere")
    monkeypatch.setenv("FILES_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("FILES_KEY_ID", "a")
    monkeypatch.setenv("FILES_SECRET", "b")
    _forget()
    with pytest.raises(files.FilesOutOfReach) as caught:
        await files.get("anything")
    assert is_operating(caught.value)
    monkeypatch.undo()
    _forget()
