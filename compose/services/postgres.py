"""A private PostgreSQL: initialised once, run as an ordinary user, mended after a kill.

PostgreSQL refuses to run as root, so under root it runs as Debian's `postgres` user, whose data must lie where that
user can reach it: in the run folder if possible, else in a folder of the same stack elsewhere. `postgres.complete`
in the run folder says that the set-up was finished; data without it is the rest of an interrupted first start (or of a
run folder that is gone, and its password with it) and is removed.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncpg

from compose import process_list
from compose.child import Program
from compose.failure import Failure

ROLE = "frontrow"
DATABASE = "frontrow"
# Sized for a small machine with everything on it; durability is never traded.
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
work_mem = 8MB
maintenance_work_mem = 64MB
effective_cache_size = 1GB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_wal_size = 1GB
checkpoint_timeout = 10min
random_page_cost = 1.1
jit = off
max_parallel_workers_per_gather = 0
timezone = 'UTC'
log_timezone = 'UTC'
log_lock_waits = on
log_line_prefix = '%m [%p] '
"""


class Postgres:
    name = "postgres"

    def __init__(
        self, run_dir: Path, port: int, password: str, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._run_dir = run_dir
        self._port = port
        self._password = password
        self._environment = environment
        self._say = say
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._folder = self._reachable_folder()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"postgres://{ROLE}:{self._password}@{self.address}/{DATABASE}"

    def data_folders(self) -> list[Path]:
        return [self._folder]

    def prepare(self) -> None:
        self._own(self._folder)
        if self._data.exists() and not self._complete.exists():
            self._say(f"the data folder {self._data} was never finished by this stack: it is removed and made anew")
            process_list.end(process_list.of_stack(self._run_dir, [self._folder]), signal.SIGQUIT, 5.0)
            shutil.rmtree(self._data)
        if not self._data.exists():
            self._initialise()
        (self._data / "frontrow.conf").write_text(f"{SETTINGS}port = {self._port}\n")

    def programs(self) -> list[Program]:
        return [
            Program(
                name=self.name,
                command=(f"{binaries()}/postgres", "-D", f"{self._data}"),
                environment=self._environment,
                folder=self._folder,
                stop_signal=signal.SIGINT,  # "fast": ends sessions instead of waiting for them
                stop_seconds=30.0,
                user_id=self._user.pw_uid if self._user else None,
                group_id=self._user.pw_gid if self._user else None,
                before=self._mend,
            )
        ]

    async def ready(self) -> None:
        if not self._complete.exists():
            await self._set_up()
            self._complete.touch()
        try:
            connection = await asyncpg.connect(self.url, timeout=5)
        except asyncpg.InvalidPasswordError as error:
            raise Failure(
                f"PostgreSQL's data in {self._folder} was made with another password than {self._run_dir}/secrets.env "
                "holds. Put that file back, or remove the data to begin anew."
            ) from error
        await connection.close()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _complete(self) -> Path:
        return self._run_dir / "postgres.complete"

    def _initialise(self) -> None:
        secret = self._folder / "password"
        secret.touch(0o600)
        secret.write_text(self._password)
        self._own(secret)
        command = [f"{binaries()}/initdb", "-D", f"{self._data}", "-U", "postgres", "--pwfile", f"{secret}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        made = self._run(command)
        secret.unlink()
        # A database made anew knows nothing of what was seeded into the old one.
        (self._run_dir / "first_time.json").unlink(missing_ok=True)
        if made.returncode != 0:
            raise Failure(f"initdb could not make {self._data}: {made.stderr.strip() or made.stdout.strip()}")
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("include 'frontrow.conf'\n")

    async def _set_up(self) -> None:
        """The role and the database; repeated harmlessly until `complete` is written."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self._port, user="postgres", password=self._password, database="postgres", timeout=5
        )
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
                # The password is ours: URL-safe characters only, so it cannot end the literal.
                await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self._password}'")
                await connection.execute(f"GRANT pg_monitor, pg_signal_backend TO {ROLE}")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        finally:
            await connection.close()

    def _mend(self) -> None:
        """After a kill of the postmaster its children may live on and keep the shared memory: they are ended first."""
        left = process_list.of_stack(self._run_dir, [self._folder])
        left = [process for process in left if process.name.startswith("postgres")]
        if left:
            process_list.end(left, signal.SIGQUIT, 5.0)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        user = self._user
        return subprocess.run(
            command,
            env=dict(self._environment),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[user.pw_gid] if user else None,
        )

    def _reachable_folder(self) -> Path:
        inside = self._run_dir / "postgres"
        inside.mkdir(parents=True, exist_ok=True)
        if self._user is None:
            return inside
        os.chown(inside, self._user.pw_uid, self._user.pw_gid)
        if self._run(["/usr/bin/test", "-w", f"{inside}"]).returncode == 0:
            return inside
        inside.rmdir()
        outside = outside_folder(self._run_dir)
        outside.mkdir(parents=True, exist_ok=True)
        self._say(f"the user postgres cannot reach {self._run_dir}: its data lies in {outside} instead")
        return outside


def outside_folder(run_dir: Path) -> Path:
    """Where the data lies when PostgreSQL's user cannot pass through the run folder's parents."""
    return Path("/var/lib/frontrow") / hashlib.sha256(f"{run_dir}".encode()).hexdigest()[:12]


def binaries() -> Path:
    """The newest installed PostgreSQL (Debian keeps each version in a folder of its own)."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("postgres")
    if found is None:
        raise Failure("PostgreSQL is not installed (no /usr/lib/postgresql/*/bin/postgres and no postgres on PATH).")
    return Path(found).resolve().parent
