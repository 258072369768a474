"""`up`, `parts` and `down`: a supervisor in the background, watched until it is ready or has ended.

The background supervisor is the same as the foreground one, in a session of its own with its lines going to
`log/supervisor.log`; `up` repeats those lines until the state file says ready or the supervisor is gone.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from compose import process_list
from compose.child import how_it_ended
from compose.failure import Failure
from compose.mending import leftovers, mend
from compose.run_folder import RunFolder, State
from compose.stack import EVERYTHING, PARTS, ROOT
from compose.supervise import say, show_addresses

UP_LIMIT_SECONDS = 1_800.0  # the first start may install packages
DOWN_LIMIT_SECONDS = 90.0
FIRST_WORD_LIMIT_SECONDS = 5.0
POLL_SECONDS = 0.1


def up(folder: RunFolder, scope: str, only: Sequence[str] = ()) -> int:
    """Returns 0 when all is ready; a stack that runs already is shown as it is."""
    if folder.is_locked():
        settle(folder)
        state = folder.state()
        if state is not None and state.phase == "ready" and covers(state.scope, scope):
            say("it runs already:")
            show_addresses(state.addresses)
            return 0
        if state is not None and state.phase == "ready":
            say("only the parts run; they are ended first, their data stays")
        down(folder)
    return _start_and_follow(folder, scope, only)


def covers(running: str, wanted: str) -> bool:
    """A whole stack has all parts; parts alone are no stack."""
    return running == EVERYTHING or wanted == PARTS


def settle(folder: RunFolder) -> None:
    """Waits while another command brings the stack up or takes it down."""
    deadline = time.monotonic() + UP_LIMIT_SECONDS
    said = False
    while folder.is_locked() and time.monotonic() < deadline:
        state = folder.state()
        if state is not None and state.phase == "ready" and process_list.is_alive(state.supervisor):
            return
        if not said:
            say("another command is starting or ending it; waiting for that")
            said = True
        time.sleep(POLL_SECONDS)


def down(folder: RunFolder) -> int:
    """Ends the stack, however it was started, and whatever of it is left."""
    state = _living_state(folder)
    if state is not None:
        say("ending: edge, workers, then the parts")
        os.kill(state.supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_LIMIT_SECONDS
        while folder.is_locked() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if folder.is_locked():
            say(f"the supervisor (pid {state.supervisor.pid}) did not end within {DOWN_LIMIT_SECONDS:.0f} s: killed")
            process_list.end([state.supervisor], signal.SIGKILL, 5.0)
    elif not leftovers(folder):
        folder.stack_env.unlink(missing_ok=True)
        say("nothing was running")
        return 0
    left = mend(folder, say)
    folder.stack_env.unlink(missing_ok=True)
    if left:
        raise Failure(f"Could not be ended: {', '.join(f'{one.name} ({one.pid})' for one in left)}.")
    say("everything has ended")
    return 0


def _living_state(folder: RunFolder) -> State | None:
    """What the supervisor says that runs now; one that has just begun is given a moment to say it."""
    deadline = time.monotonic() + FIRST_WORD_LIMIT_SECONDS
    while folder.is_locked() and time.monotonic() < deadline:
        state = folder.state()
        if state is not None and process_list.is_alive(state.supervisor):
            return state
        time.sleep(POLL_SECONDS)
    return None


def _start_and_follow(folder: RunFolder, scope: str, only: Sequence[str]) -> int:
    folder.make()
    log = folder.log_of("supervisor")
    if log.exists():
        shutil.copyfile(log, log.with_name("supervisor.log.1"))
        os.truncate(log, 0)
    (folder.path / "state.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "compose", "serve", "--scope", scope, "--run-dir", f"{folder.path}"]
    command += [f"--only={','.join(only)}"] if only else []
    with log.open("ab") as output:
        supervisor = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        return _follow(folder, supervisor, log)
    except KeyboardInterrupt:
        say("interrupted; ending what was started")
        supervisor.terminate()
        supervisor.wait(DOWN_LIMIT_SECONDS)
        return 130


def _follow(folder: RunFolder, supervisor: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = time.monotonic() + UP_LIMIT_SECONDS
    with log.open() as lines:
        while True:
            ended = supervisor.poll()
            state = folder.state()
            sys.stdout.write(lines.read())
            sys.stdout.flush()
            if ended is not None:
                if ended < 0:
                    raise Failure(f"The supervisor {how_it_ended(ended)}. Try again: what it left behind is mended.")
                return ended or 1
            if state is not None and state.phase == "ready" and state.supervisor.pid == supervisor.pid:
                return 0
            if time.monotonic() > deadline:
                supervisor.terminate()
                raise Failure(f"It was not ready within {UP_LIMIT_SECONDS / 60:.0f} minutes and has been ended.")
            time.sleep(POLL_SECONDS)
