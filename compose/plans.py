"""What a stack will consist of, decided before anything starts: its settings, its ports and its own parts.

A part that was given by its address is not ours to run. Everything chosen here is kept in the run folder, so that the
next start chooses the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compose import environment, packages, ports, product
from compose.failure import Failure
from compose.run_folder import RunFolder
from compose.services.part import Part
from compose.services.postgres import Postgres
from compose.services.rabbitmq import RabbitMQ
from compose.services.redis import Redis
from compose.services.web import WebPart

PART_NAMES = ("postgres", "redis", "rabbitmq", "mailbox", "razorpay", "openid")
# Every port of a stack, and whose it is.
PORTS = {
    "EDGE_PORT": product.EDGE,
    "MAILBOX_PORT": "mailbox",
    "SMTP_PORT": "mailbox",
    "RAZORPAY_PORT": "razorpay",
    "OPENID_PORT": "openid",
    "POSTGRES_PORT": "postgres",
    "REDIS_PORT": "redis",
    "RABBITMQ_PORT": "rabbitmq",
    "RABBITMQ_DIST_PORT": "rabbitmq",
    "EPMD_PORT": "rabbitmq",
}
# Ports worth remembering for people, tried first by a stack that is not a private one.
PREFERRED_PORTS = {"EDGE_PORT": 8000, "MAILBOX_PORT": 8025, "RAZORPAY_PORT": 8026, "OPENID_PORT": 8027}


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the folder, what the person gave, and how much of a stack it shall be."""

    folder: RunFolder
    given: Mapping[str, str]
    whole: bool  # with the product's processes, not only the parts
    private: bool  # a throw-away stack: no ports for people to remember
    only: tuple[str, ...]  # names of the parts wanted; none named means all of them
    say: Callable[[str], None]

    def wants(self, part_name: str) -> bool:
        return not self.only or part_name in self.only


@dataclass(frozen=True, slots=True)
class Plan:
    settings: dict[str, str]
    parts: list[Part]


def needed_packages(wish: Wish) -> list[packages.Need]:
    """What must be installed for the parts of our own, and for drawing tickets."""
    servers = (
        ("postgres", "DATABASE_URL", packages.POSTGRES),
        ("redis", "REDIS_URL", packages.REDIS),
        ("rabbitmq", "RABBITMQ_URL", packages.RABBITMQ),
    )
    needed = [need for name, setting, need in servers if setting not in wish.given and wish.wants(name)]
    return [*needed, packages.DOCUMENTS] if wish.whole else needed


def make(wish: Wish) -> Plan:
    """Chooses ports, makes secrets where there are none, and sets up (but starts nothing of) our own parts."""
    given = wish.given
    secret = environment.own_secrets(wish.folder)
    port = _choose_ports(wish)
    host = given.get("EDGE_HOST", environment.DEFAULTS["EDGE_HOST"])
    made = {
        **environment.DEFAULTS,
        **{name: value for name, value in secret.items() if name not in (*environment.PASSWORDS, *environment.OPENID)},
        "EDGE_PORT": f"{port['EDGE_PORT']}",
        "EDGE_URL": f"http://{reachable(host)}:{port['EDGE_PORT']}",
        "FILES_DIR": f"{wish.folder.path / 'files'}",
    }
    if given.get("FRONTROW_MODE", "development") != "production":
        made |= environment.ACCOUNTS
    names = {*made, *environment.ADDRESSES, *environment.ACCOUNTS}
    settings = {**made, **{name: given[name] for name in names if name in given}}
    Path(settings["FILES_DIR"]).mkdir(parents=True, exist_ok=True)
    parts = [
        *_servers(wish, port, secret, settings),
        *_web_parts(wish, port, settings),
        *_login_provider(wish, port, secret, settings),
    ]
    return Plan(settings, [part for part in parts if wish.wants(part.name)])


def reachable(host: str) -> str:
    """Where a server that listens on this address can be asked from here."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _choose_ports(wish: Wish) -> dict[str, int]:
    kept = wish.folder.read_json("ports.json")
    chosen: dict[str, int] = {}
    if "EDGE_PORT" in wish.given:
        chosen["EDGE_PORT"] = _given_edge_port(wish)
    for name, owner in PORTS.items():
        if name in chosen:
            continue
        preferred = None if wish.private else PREFERRED_PORTS.get(name)
        wanted = kept.get(name, preferred)
        port = ports.choose(kept.get(name), preferred, set(chosen.values()))
        in_use = wish.whole if owner == product.EDGE else wish.wants(owner)
        if in_use and wanted is not None and port != wanted:
            holder = ports.holder(wanted) or "another process"
            wish.say(f"port {wanted} is taken by {holder}: {name} is {port} instead")
        chosen[name] = port
    # A given EDGE_PORT is not kept: without it the next start returns to the one of before.
    remembered = {name: port for name, port in chosen.items() if name not in wish.given}
    wish.folder.write_json("ports.json", {**kept, **remembered})
    return chosen


def _given_edge_port(wish: Wish) -> int:
    port = environment.number(wish.given, "EDGE_PORT", 8000, 1, 65_535)
    if wish.whole and not ports.is_free(port):
        holder = ports.holder(port) or "another process"
        raise Failure(f"EDGE_PORT={port} is taken by {holder}. End it, or give another EDGE_PORT.")
    return port


def _servers(wish: Wish, port: Mapping[str, int], secret: Mapping[str, str], settings: dict[str, str]) -> list[Part]:
    """The database, Redis and the broker, as far as they were not given; notes their addresses in the settings."""
    run_dir = wish.folder.path
    told = environment.of_a_part(run_dir)
    made: list[Part] = []
    if "DATABASE_URL" not in wish.given:
        postgres = Postgres(run_dir, port["POSTGRES_PORT"], secret["POSTGRES_PASSWORD"], told, wish.say)
        settings["DATABASE_URL"] = postgres.url
        made.append(postgres)
    if "REDIS_URL" not in wish.given:
        redis = Redis(run_dir, port["REDIS_PORT"], secret["REDIS_PASSWORD"], told)
        settings["REDIS_URL"] = redis.url
        made.append(redis)
    if "RABBITMQ_URL" not in wish.given:
        numbers = (port["RABBITMQ_PORT"], port["RABBITMQ_DIST_PORT"], port["EPMD_PORT"])
        rabbitmq = RabbitMQ(run_dir, *numbers, secret["RABBITMQ_PASSWORD"], told, wish.say)
        settings["RABBITMQ_URL"] = rabbitmq.url
        made.append(rabbitmq)
    return made


def _web_parts(wish: Wish, port: Mapping[str, int], settings: dict[str, str]) -> list[Part]:
    """The mailbox and the emulator, as far as the real things were not given."""
    run_dir = wish.folder.path
    told = environment.of_a_part(run_dir)
    made: list[Part] = []
    if "SMTP_HOST" not in wish.given:
        settings |= {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": f"{port['SMTP_PORT']}"}
        told_mailbox = {
            **told,
            **{name: f"{port[name]}" for name in ("SMTP_PORT", "MAILBOX_PORT")},
            "MAILBOX_DIR": f"{run_dir / 'mailbox'}",
        }
        mailbox = WebPart("mailbox", "compose.mailbox", port["MAILBOX_PORT"], told_mailbox)
        settings["MAILBOX_URL"] = mailbox.url
        made.append(mailbox)
    if "RAZORPAY_URL" not in wish.given:
        names = ("RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET", "EDGE_URL")
        told_emulator = {
            **told,
            **{name: settings[name] for name in names},
            "RAZORPAY_PORT": f"{port['RAZORPAY_PORT']}",
            "EMULATOR_HOST": "127.0.0.1",
            "EMULATOR_DATA": f"{run_dir / 'emulator.sqlite3'}",
        }
        emulator = WebPart("razorpay", "loadtest.razorpay_emulator", port["RAZORPAY_PORT"], told_emulator)
        settings["RAZORPAY_URL"] = emulator.url
        made.append(emulator)
    return made


def _login_provider(
    wish: Wish, port: Mapping[str, int], secret: Mapping[str, str], settings: dict[str, str]
) -> list[Part]:
    """The provider that plays Google and GitHub, where neither was given; not in production: it believes everybody."""
    given = any(name in wish.given for name in ("GOOGLE_CLIENT_ID", "GITHUB_CLIENT_ID"))
    if given or settings["FRONTROW_MODE"] == "production" or not wish.wants("openid"):
        return []
    told = {
        **environment.of_a_part(wish.folder.path),
        **{name: secret[name] for name in environment.OPENID},
        "EDGE_URL": settings["EDGE_URL"],
        "OPENID_PORT": f"{port['OPENID_PORT']}",
    }
    provider = WebPart("openid", "compose.openid_provider", port["OPENID_PORT"], told)
    settings |= {"OPENID_URL": provider.url, "GOOGLE_ISSUER": f"{provider.url}/google"}
    settings |= {"GITHUB_URL": f"{provider.url}/github", "GITHUB_API_URL": f"{provider.url}/github/api"}
    for name in ("GOOGLE", "GITHUB"):
        settings |= {f"{name}_CLIENT_ID": secret["OPENID_CLIENT_ID"]}
        settings |= {f"{name}_CLIENT_SECRET": secret["OPENID_CLIENT_SECRET"]}
    return [provider]
