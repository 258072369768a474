"""A private RabbitMQ node with an epmd of its own, so that several stacks can run beside each other as any user.

Debian's /usr/sbin wrappers insist on the user rabbitmq; the scripts in /usr/lib/rabbitmq/bin do not.
`RUNNING_UNDER_SYSTEMD` makes the script become the Erlang machine instead of its parent: the pid that we know is then
the broker's. epmd runs in the foreground, a child like any other: started by Erlang it would outlive the broker.
"""

import asyncio
import shlex
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pika

from compose.child import Program

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
ROLE = "frontrow"
VHOST = "frontrow"


class RabbitMQ:
    name = "rabbitmq"

    def __init__(
        self,
        run_dir: Path,
        port: int,
        dist_port: int,
        epmd_port: int,
        password: str,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._folder = run_dir / "rabbitmq"
        self._port = port
        self._password = password
        self._say = say
        self._epmd_port = epmd_port
        self._own_environment = {
            "HOME": f"{self._folder}",
            # The data belongs to this name for ever; an epmd of our own keeps two stacks from meeting under it.
            "RABBITMQ_NODENAME": "frontrow@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": f"{port}",
            "RABBITMQ_DIST_PORT": f"{dist_port}",
            "RABBITMQ_MNESIA_BASE": f"{self._folder / 'mnesia'}",
            "RABBITMQ_MNESIA_DIR": f"{self._folder / 'mnesia' / 'node'}",
            "RABBITMQ_LOG_BASE": f"{self._folder / 'log'}",
            "RABBITMQ_PID_FILE": f"{self._folder / 'pid'}",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self._folder / 'enabled_plugins'}",
            "RABBITMQ_CONFIG_FILE": f"{self._folder / 'rabbitmq.conf'}",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{self._folder / 'feature_flags'}",
            # Schedulers that spin while idle would take a small machine's processor from everybody else.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "RUNNING_UNDER_SYSTEMD": "true",
            "ERL_EPMD_PORT": f"{epmd_port}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "LC_ALL": "C.UTF-8",
        }
        self._environment = {**environment, **self._own_environment}
        self._environment.pop("NOTIFY_SOCKET", None)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"amqp://{ROLE}:{self._password}@{self.address}/{VHOST}"

    @property
    def control(self) -> Path:
        """A `rabbitmqctl` for this node, for people and tests."""
        return self._folder / "rabbitmqctl"

    def data_folders(self) -> list[Path]:
        return [self._folder]

    def prepare(self) -> None:
        mnesia = self._folder / "mnesia"
        if mnesia.exists() and not self._complete.exists():
            self._say(f"the broker's data in {mnesia} was never finished: it is removed and made anew")
            shutil.rmtree(mnesia)
        (self._folder / "log").mkdir(parents=True, exist_ok=True)
        (self._folder / "enabled_plugins").write_text("[].\n")
        # default_user takes the place of guest, and only on the first start.
        self._write("rabbitmq.conf", self._settings(), 0o600)
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self._own_environment.items())
        self._write("rabbitmqctl", f'#!/bin/sh\n{exports}exec {SCRIPTS}/rabbitmqctl "$@"\n', 0o700)

    def programs(self) -> list[Program]:
        epmd = Program(
            name="epmd",
            command=(
                shutil.which("epmd") or "/usr/bin/epmd",
                *("-port", f"{self._epmd_port}", "-address", "127.0.0.1", "-relaxed_command_check"),
            ),
            environment=self._environment,
            folder=self._folder,
            stop_seconds=5.0,
        )
        broker = Program(
            name=self.name,
            command=(f"{SCRIPTS}/rabbitmq-server",),
            environment=self._environment,
            folder=self._folder,
            stop_signal=signal.SIGTERM,
            stop_seconds=30.0,
        )
        return [epmd, broker]

    async def ready(self) -> None:
        await asyncio.to_thread(log_in, self.url)
        self._complete.touch()

    @property
    def _complete(self) -> Path:
        return self._folder / "complete"

    def _settings(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.1 = 127.0.0.1:{self._port}",
                f"default_user = {ROLE}",
                f"default_pass = {self._password}",
                f"default_vhost = {VHOST}",
                "default_user_tags.administrator = true",
                "disk_free_limit.absolute = 200MB",
                "vm_memory_high_watermark.relative = 0.4",
                "log.console = false",
                "log.file = rabbit.log",
                "log.file.level = info",
                "log.file.rotation.size = 10485760",
                "log.file.rotation.count = 2",
                "",
            )
        )

    def _write(self, name: str, text: str, mode: int) -> None:
        path = self._folder / name
        path.touch(mode)
        path.chmod(mode)
        path.write_text(text)


def log_in(url: str) -> None:
    """Opens and closes a connection and a channel: the broker knows us and our vhost."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = 2
    parameters.blocked_connection_timeout = 5
    connection = pika.BlockingConnection(parameters)
    connection.channel()
    connection.close()
