"""The Debian packages that a stack needs: found missing, installed when we may, else named with the exact command.

Debian starts a server as soon as its package is there. A policy file, laid down for the moment of installing and taken
away again, prevents that; one that was there before is left alone.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compose.failure import Failure

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# laid down by Frontrow while it installs packages\nexit 101\n"
INSTALL_LIMIT_SECONDS = 900
LISTS_LIMIT_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Need:
    """What something is called for people, in Debian, in brew, and by which programs it is recognised elsewhere."""

    title: str
    debian: tuple[str, ...]
    brew: str
    programs: tuple[str, ...] = ()


POSTGRES = Need("PostgreSQL", ("postgresql",), "postgresql@16", ("postgres",))
REDIS = Need("Redis", ("redis-server",), "redis", ("redis-server",))
RABBITMQ = Need("RabbitMQ", ("rabbitmq-server",), "rabbitmq", ("rabbitmq-server",))
DOCUMENTS = Need(
    "what draws the tickets",
    ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core"),
    "pango",
)
BROWSER = Need(
    "what reads pages and PDFs in the tests", ("chromium", "poppler-utils"), "--cask chromium", ("chromium",)
)


def provide(needs: Sequence[Need], say: Callable[[str], None]) -> None:
    """Makes sure that everything needed is installed, or raises a sentence that says how."""
    _take_away_a_forgotten_policy()
    if shutil.which("dpkg-query") is None:
        _elsewhere(needs)
        return
    missing = _not_installed([package for need in needs for package in need.debian])
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() == 0:
        say(f"installing Debian packages: {' '.join(missing)}")
        install(missing)
    elif _may_sudo():
        say(f"installing Debian packages with sudo: {' '.join(missing)}")
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(["sudo", "-n", sys.executable, "-m", "compose.packages", *missing], cwd=root)
        if done.returncode != 0:
            raise Failure(f"The packages could not be installed. Try it yourself: sudo {command}")
    else:
        raise Failure(
            f"Debian packages are missing: {', '.join(missing)}. You are not root, so they cannot be installed from "
            f"here. Run this, then try again:\n    sudo {command}"
        )
    still = _not_installed(missing)
    if still:
        raise Failure(f"These packages are still missing after the installation: {', '.join(still)}.")


def install(missing: Sequence[str]) -> None:
    """Installs as root, without letting a server start."""
    laid_down = _lay_down_policy()
    try:
        options = ("-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            _apt(("update",), LISTS_LIMIT_SECONDS)
        failed = _apt(("install", *options, *missing), INSTALL_LIMIT_SECONDS)
        if failed:  # the lists may be stale
            _apt(("update",), LISTS_LIMIT_SECONDS)
            failed = _apt(("install", *options, *missing), INSTALL_LIMIT_SECONDS)
        if failed:
            raise Failure(f"apt-get could not install {' '.join(missing)}:\n    {failed}")
    finally:
        if laid_down:
            POLICY.unlink(missing_ok=True)


def _lay_down_policy() -> bool:
    if POLICY.exists() and POLICY.read_text(errors="replace") != POLICY_TEXT:
        return False
    POLICY.write_text(POLICY_TEXT)
    POLICY.chmod(0o755)
    return True


def _take_away_a_forgotten_policy() -> None:
    """One of ours outlives an installation only if that was killed."""
    with contextlib.suppress(OSError):
        ours = POLICY.read_text(errors="replace") == POLICY_TEXT
        if ours and time.time() - POLICY.stat().st_mtime > INSTALL_LIMIT_SECONDS:
            POLICY.unlink()


def _apt(arguments: Sequence[str], limit_seconds: int) -> str:
    """Runs apt-get; an empty answer means that it worked, else its last lines."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            ["apt-get", "-q", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_seconds,
        )
    except subprocess.TimeoutExpired:
        return f"apt-get {arguments[0]} took longer than {limit_seconds} s"
    if done.returncode == 0:
        return ""
    return "\n    ".join((done.stdout + done.stderr).strip().splitlines()[-5:]) or "apt-get failed without a word"


def _not_installed(packages: Sequence[str]) -> list[str]:
    """Asks dpkg about all of them at once; `ii` is installed and whole."""
    if not packages:
        return []
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *packages],
        capture_output=True,
        text=True,
        timeout=60,
    )
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.split()[1:2] == ["ii"]}
    return [package for package in packages if package not in installed]


def _may_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, timeout=30).returncode == 0


def _elsewhere(needs: Sequence[Need]) -> None:
    """Not Debian: the servers must be on PATH already."""
    missing = [need for need in needs if any(shutil.which(program) is None for program in need.programs)]
    if missing:
        titles = ", ".join(need.title for need in missing)
        brew = " ".join(need.brew for need in missing)
        raise Failure(
            f"{titles} not found, and this is no Debian or Ubuntu machine. Install them (brew install {brew}), give "
            "DATABASE_URL, REDIS_URL and RABBITMQ_URL, or use docker compose -f compose/docker-compose.yml up."
        )


if __name__ == "__main__":
    try:
        install(sys.argv[1:])
    except Failure as failure:
        sys.exit(f"{failure}")


if __name__ == "__main__":  # what the tests need besides servers: a fresh machine cannot even import them without
    try:
        provide((DOCUMENTS, BROWSER), lambda line: print(f"  {line}", flush=True))
    except Failure as failure:
        sys.exit(f"{failure}")
