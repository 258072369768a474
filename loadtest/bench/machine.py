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
    memory_bytes = 1024 * int(_of("/proc/meminfo", r"MemTotal: +(\d+)") or 0)
    model = _of("/proc/cpuinfo", r"model name.*: (.+)")
    return {
        "processor": f"{os.cpu_count()} × {model}",
        "memory": f"{memory_bytes / 1024**3:.1f} GiB",
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
        told = connection._impl.server_properties["version"]
        return told.decode() if isinstance(told, bytes) else str(told)
    finally:
        connection.close()
