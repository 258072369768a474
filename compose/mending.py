"""What a killed run left behind: found by marker and folder, and ended."""

import signal
from collections.abc import Callable

from compose import process_list
from compose.run_folder import RunFolder
from compose.services.postgres import outside_folder

GRACE_SECONDS = 10.0


def leftovers(folder: RunFolder) -> list[process_list.Process]:
    """Every process of this stack, whoever started it."""
    data = [folder.path / "postgres", folder.path / "redis", outside_folder(folder.path)]
    return process_list.of_stack(folder.path, data)


def mend(folder: RunFolder, say: Callable[[str], None]) -> list[process_list.Process]:
    """Ends whatever of this stack still runs without a supervisor; returns what could not be ended."""
    left = leftovers(folder)
    if not left:
        return []
    names = ", ".join(f"{process.name} ({process.pid})" for process in left[:8])
    say(f"left behind and ended now: {names}{' …' if len(left) > 8 else ''}")
    servers = [process for process in left if process.name.startswith("postgres")]
    others = [process for process in left if process not in servers]
    unended = process_list.end(others, signal.SIGTERM, GRACE_SECONDS) + process_list.end(
        servers, signal.SIGINT, GRACE_SECONDS
    )
    return unended + process_list.end(leftovers(folder), signal.SIGKILL, 2.0)
