"""Which port each server listens on: chosen once, kept for the next start, and who has one that is taken.

Ports of our own choice lie below the kernel's range for outgoing connections, so that none of those can take one while
the stack is down for a moment.
"""

import os
import random
import socket
from pathlib import Path

from compose import process_list
from compose.failure import Failure

CHOICE = range(20_000, 30_000)
TRIES_MAX = 200


def is_free(port: int) -> bool:
    """True when a server could listen on this port now, on loopback and on every address."""
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def choose(kept: int | None, preferred: int | None, taken: set[int]) -> int:
    """The port kept from last time, else the preferred one, else any free one."""
    for port in (kept, preferred):
        if port is not None and port not in taken and is_free(port):
            return port
    for _ in range(TRIES_MAX):
        port = random.choice(CHOICE)
        if port not in taken and is_free(port):
            return port
    raise Failure(f"No free port was found between {CHOICE.start} and {CHOICE.stop - 1}; end what occupies them.")


def holder(port: int) -> str | None:
    """Who listens on the port, as far as we may know: `nginx (pid 123)`."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for pid in (name for name in os.listdir("/proc") if name.isdigit()):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in sockets:
                    return f"{process_list.describe(int(pid))} (pid {pid})"
            except OSError:
                continue
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes
