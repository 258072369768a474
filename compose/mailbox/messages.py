"""The letters that were taken: one file each on disk, and an index in memory, so that lists stay fast.

The folder holds ``messages.jsonl``, a line for each letter, and the letters as they came (``00000042.eml``).  A letter
is kept when both are written, and only then is the sender told so.  The oldest go when there are too many.
"""

import contextlib
import os
from collections import OrderedDict, deque
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from compose.mailbox import reading
from compose.mailbox.reading import AttachedFile, Reading

MESSAGES_MAX = 20_000
MESSAGE_BYTES_MAX = 10_000_000
_READINGS_MAX = 300  # read letters kept at hand, without their attachments' bytes: a page of the list, three times over
_SNIPPET_CHARS = 140


class AttachmentFacts(msgspec.Struct, frozen=True):
    name: str
    content_type: str
    size: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of a letter; ``to`` are the envelope's receivers."""

    id: str
    to: str
    sender: str
    subject: str
    message_id: str
    received_at: datetime
    size: int
    snippet: str
    attachments: tuple[AttachmentFacts, ...]


class Body(msgspec.Struct, frozen=True):
    text: str
    html: str


class Messages:
    def __init__(self, folder: Path, messages_max: int = MESSAGES_MAX) -> None:
        self._folder = folder
        self._messages_max = messages_max
        self._by_id: OrderedDict[str, Message] = OrderedDict()
        self._ids_by_address: dict[str, deque[str]] = {}
        self._bodies: OrderedDict[str, Body] = OrderedDict()
        self._lines = 0
        self._last_number = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._load()
        self._index = self._index_path.open("ab")

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def newest_id(self) -> str:
        return f"{self._last_number:08d}"

    def keep(self, raw: bytes, to: list[str]) -> Message:
        """Write the letter down; when this returns, it survives the end of this process."""
        read = reading.read(raw)
        self._last_number += 1
        message = Message(
            id=self.newest_id,
            to=", ".join(to),
            sender=read.sender,
            subject=read.subject,
            message_id=read.message_id,
            received_at=datetime.now(UTC),
            size=len(raw),
            snippet=" ".join(read.text[: _SNIPPET_CHARS * 2].split())[:_SNIPPET_CHARS],
            attachments=tuple(
                AttachmentFacts(file.name, file.content_type, len(file.content)) for file in read.attachments
            ),
        )
        self._letter_path(message.id).write_bytes(raw)
        self._index.write(msgspec.json.encode(message) + b"\n")
        self._index.flush()
        self._lines += 1
        self._remember(message)
        self._remember_body(message.id, read)
        self._drop_oldest()
        return message

    def newest(self, to: str = "", words: str = "", before: str = "", limit: int = 100) -> list[Message]:
        """Newest first: those to an address (exactly), those that contain the words, those older than an id."""
        if to:
            ids = self._ids_by_address.get(to.strip().lower(), deque())
            found = (self._by_id[id] for id in reversed(ids))
        else:
            found = (self._by_id[id] for id in reversed(self._by_id))
        wanted = words.lower().split()
        matching = (
            message
            for message in found
            if (not before or message.id < before) and all(word in _searched(message) for word in wanted)
        )
        return [*islice(matching, limit)]

    def get(self, message_id: str) -> Message | None:
        return self._by_id.get(message_id)

    def body(self, message_id: str) -> Body:
        if message_id in self._bodies:
            self._bodies.move_to_end(message_id)
            return self._bodies[message_id]
        return self._remember_body(message_id, reading.read(self.raw(message_id)))

    def raw(self, message_id: str) -> bytes:
        return self._letter_path(message_id).read_bytes()

    def attachment(self, message_id: str, name: str) -> AttachedFile | None:
        files = reading.read(self.raw(message_id)).attachments
        return next((file for file in files if file.name == name), None)

    def close(self) -> None:
        self._index.close()

    @property
    def _index_path(self) -> Path:
        return self._folder / "messages.jsonl"

    def _letter_path(self, message_id: str) -> Path:
        return self._folder / f"{message_id}.eml"

    def _remember(self, message: Message) -> None:
        self._by_id[message.id] = message
        for address in _addresses(message):
            self._ids_by_address.setdefault(address, deque()).append(message.id)

    def _remember_body(self, message_id: str, read: Reading) -> Body:
        body = Body(read.text, read.html)
        self._bodies[message_id] = body
        if len(self._bodies) > _READINGS_MAX:
            self._bodies.popitem(last=False)
        return body

    def _drop_oldest(self) -> None:
        while len(self._by_id) > self._messages_max:
            message_id, message = self._by_id.popitem(last=False)
            for address in _addresses(message):
                ids = self._ids_by_address[address]
                ids.popleft()
                if not ids:
                    del self._ids_by_address[address]
            self._bodies.pop(message_id, None)
            self._letter_path(message_id).unlink(missing_ok=True)
        if self._lines > 2 * self._messages_max:
            self._index.close()
            self._write_index()
            self._index = self._index_path.open("ab")

    def _load(self) -> None:
        """Take up what an earlier run kept.  A line torn by a kill ends a letter that nobody was told was kept."""
        with contextlib.suppress(FileNotFoundError), self._index_path.open("rb") as lines:
            for line in lines:
                try:
                    message = msgspec.json.decode(line, type=Message)
                except msgspec.MsgspecError:
                    continue
                self._last_number = max(self._last_number, int(message.id))
                self._remember(message)
        present = {path.stem: path for path in self._folder.glob("[0-9]*.eml")}
        for message_id in self._by_id.keys() - present.keys():
            message = self._by_id.pop(message_id)
            for address in _addresses(message):
                self._ids_by_address[address].remove(message_id)
        for message_id in present.keys() - self._by_id.keys():
            present[message_id].unlink(missing_ok=True)
        self._write_index()

    def _write_index(self) -> None:
        fresh = self._index_path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(msgspec.json.encode(message) + b"\n" for message in self._by_id.values())
        os.replace(fresh, self._index_path)
        self._lines = len(self._by_id)


def _addresses(message: Message) -> list[str]:
    return [*dict.fromkeys(message.to.lower().split(", "))]


def _searched(message: Message) -> str:
    return f"{message.to}\n{message.subject}\n{message.sender}".lower()
