"""The machine that is measured on: processors, memory, and the versions of what runs."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pika


async def machine(database_url: str, rabbitmq_url: str) -> dict[str, str]:
    """What a reader must know to compare the figures with their own."""
    connection = await asyncpg.connect(database_url)
    try:
        postgres = await connection.fetchval("SHOW server_version")
        durable = [f"{name} {await connection.fetchval(f'SHOW {name}')}" for name in ("fsync", "synchronous_commit")]
    finally:
        await connection.close()
    libraries = " ".join(f"{name} {version(name)}" for name in ("sanic", "dramatiq", "asyncpg", "pika", "uvloop"))
    return {
        "processor": f"{os.cpu_count()} × {_of('/proc/cpuinfo', r'model name.*: (.+)')}",
        "memory": f"{int(_of('/proc/meminfo', r'MemTotal: +(\d+)') or 0) / 1024**2:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "parts": f"PostgreSQL {postgres} ({', '.join(durable)}), RabbitMQ {_rabbitmq(rabbitmq_url)}",
        "libraries": libraries,
        "busy": f"load average {os.getloadavg()[0]:.1f} before the first row",
    }


def _of(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return found[1] if found else ""


def _rabbitmq(url: str) -> str:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        return str(connection._impl.server_properties["version"].decode())
    except (AttributeError, KeyError):
        return "of an unknown version"
    finally:
        connection.close()
