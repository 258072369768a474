"""The command line: `python -m compose run | up | down | parts | stack | on-stack`."""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from compose import background, supervise
from compose.failure import Failure
from compose.plans import PART_NAMES
from compose.run_folder import RunFolder
from compose.services.postgres import outside_folder
from compose.stack import EVERYTHING, PARTS, ROOT


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return int(arguments.do(arguments))
    except Failure as failure:
        print(f"\n  {failure}\n", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


def run(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if folder.is_locked():
        background.settle(folder)
        state = folder.state()
        if folder.is_locked() and state is not None and background.covers(state.scope, EVERYTHING):
            supervise.show_addresses(state.addresses)
            raise Failure("It runs already, at the addresses above. `make down` ends it.")
        background.down(folder)
    return serve(arguments)


def serve(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if not folder.lock():
        raise Failure(f"Another command runs a stack in {folder.path}. `make down` ends it.")
    return asyncio.run(supervise.in_foreground(folder, arguments.scope, _only(arguments)))


def up(arguments: argparse.Namespace) -> int:
    return background.up(_folder(arguments), EVERYTHING)


def parts(arguments: argparse.Namespace) -> int:
    return background.up(_folder(arguments), PARTS, _only(arguments))


def down(arguments: argparse.Namespace) -> int:
    return background.down(_folder(arguments))


def stack(arguments: argparse.Namespace) -> int:
    """A private stack with fresh data around one command."""
    command = _command(arguments)
    given_path = arguments.run_dir
    path = Path(given_path) if given_path else Path(tempfile.mkdtemp(prefix="frontrow-stack-"))
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)  # PostgreSQL's user passes through it
    folder = RunFolder(path)
    _make_fresh(folder)
    if not folder.lock():
        raise Failure(f"Another command runs a stack in {folder.path}.")
    scope = PARTS if arguments.parts_only or arguments.only else EVERYTHING
    code = 1
    try:
        running = supervise.around_a_command(folder, scope, command, arguments.browser, _only(arguments))
        code = asyncio.run(running)
    finally:
        folder.unlock()
        _remove_data(folder)
        if given_path is None and code == 0:
            shutil.rmtree(folder.path, ignore_errors=True)
    if code != 0:
        supervise.say(f"the command ended with code {code}; the logs are in {folder.logs}")
    return code


def on_stack(arguments: argparse.Namespace) -> int:
    """Runs a command on the running stack, or on one started for it and ended afterwards."""
    folder = _folder(arguments)
    command = _command(arguments)
    background.settle(folder)
    state = folder.state()
    started = not (folder.is_locked() and state is not None and state.scope == EVERYTHING)
    if started and background.up(folder, EVERYTHING) != 0:
        return 1
    try:
        return asyncio.run(supervise.on_a_running_stack(folder, command, arguments.own_edge))
    finally:
        if started:
            background.down(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compose", description="Runs Frontrow on one machine.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, do, about in (
        ("run", run, "everything, in the foreground, until Ctrl-C"),
        ("up", up, "everything, in the background; returns when it is ready"),
        ("parts", parts, "only PostgreSQL, Redis, RabbitMQ, mailbox and Razorpay emulator, in the background"),
        ("down", down, "end what runs"),
        ("serve", serve, argparse.SUPPRESS),
        ("stack", stack, "a private stack with fresh data around a command: stack [options] -- command …"),
        ("on-stack", on_stack, "a command on the running stack, or on one started for it: on-stack -- command …"),
    ):
        command = commands.add_parser(name, help=about)
        command.set_defaults(do=do, scope=EVERYTHING)
        command.add_argument("--run-dir", help="the folder of its data, logs and secrets (RUN_DIR, else .run)")
        if name == "serve":
            command.add_argument("--scope", choices=(EVERYTHING, PARTS), default=EVERYTHING)
        if name == "stack":
            command.add_argument("--parts-only", action="store_true", help="without the product's own processes")
            command.add_argument("--browser", action="store_true", help="install a browser for the tests too")
        if name == "on-stack":
            command.add_argument("--own-edge", action="store_true", help="with an edge of its own, without limits")
        if name in ("serve", "parts", "stack"):
            command.add_argument("--only", help=f"only these parts, of {','.join(PART_NAMES)}")
        if name in ("stack", "on-stack"):
            command.add_argument("command", nargs=argparse.REMAINDER, help="-- command and its arguments")
    return parser


def _folder(arguments: argparse.Namespace) -> RunFolder:
    return RunFolder(Path(arguments.run_dir or os.environ.get("RUN_DIR") or ROOT / ".run"))


def _only(arguments: argparse.Namespace) -> list[str]:
    names: list[str] = [name for name in (getattr(arguments, "only", None) or "").split(",") if name]
    unknown = [name for name in names if name not in PART_NAMES]
    if unknown:
        raise Failure(f"No part is called {', '.join(unknown)}; there are {', '.join(PART_NAMES)}.")
    return names


def _command(arguments: argparse.Namespace) -> list[str]:
    command: list[str] = arguments.command
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise Failure("Name the command after `--`, for example: python -m compose stack -- pytest")
    return command


def _make_fresh(folder: RunFolder) -> None:
    """An old private stack's folder is emptied; a folder of anything else is left alone."""
    present = list(folder.path.iterdir())
    if not present:
        return
    if not (folder.path / "lock").exists():
        raise Failure(f"{folder.path} is not empty and no stack was ever run there. Give an empty folder.")
    if folder.is_locked():
        raise Failure(f"A stack runs in {folder.path}. End it first, or give another folder.")
    background.down(folder)
    shutil.rmtree(folder.logs, ignore_errors=True)
    _remove_data(folder)


def _remove_data(folder: RunFolder) -> None:
    """The logs stay for reading; the data is gone, as promised."""
    shutil.rmtree(outside_folder(folder.path), ignore_errors=True)
    for one in folder.path.iterdir():
        if one.name not in ("log", "lock"):
            shutil.rmtree(one, ignore_errors=True) if one.is_dir() else one.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
