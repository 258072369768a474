"""Stages for the lanes' tests: one virtual host for all, and for each test a fresh copy of a migrated database."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from loadtest.chaos.broker import BrokerControl
from loadtest.chaos.worker import ROOT
from tests.actors.lanes.stage import LANES, SAGA_LANES, SHOW_LANES, Stage, database_url

MIGRATE_LIMIT_SECONDS = 60


@pytest.fixture(scope="session")
async def broker() -> AsyncIterator[BrokerControl]:
    control = BrokerControl(os.environ["RABBITMQ_URL"], f"lanes-{secrets.token_hex(4)}")
    await control.make()
    yield control
    await control.remove()


@pytest.fixture(scope="session")
async def migrated() -> AsyncIterator[str]:
    """The name of a migrated database without any shows, to be copied."""
    name = f"lanes_{secrets.token_hex(4)}"
    server = await asyncpg.connect(os.environ["DATABASE_URL"])
    await server.execute(f"CREATE DATABASE {name}")
    environment = {
        **os.environ, "DATABASE_URL": database_url(name), "SHOW_LANES": f"{SHOW_LANES}", "SAGA_LANES": f"{SAGA_LANES}",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "store.migrate", cwd=ROOT, env=environment)
    assert await asyncio.wait_for(process.wait(), MIGRATE_LIMIT_SECONDS) == 0
    yield name
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def _set_up(broker: BrokerControl, migrated: str, folder: Path) -> tuple[Stage, str]:
    name = f"lanes_{secrets.token_hex(4)}"
    server = await asyncpg.connect(os.environ["DATABASE_URL"])
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    await server.close()
    url = database_url(name)
    return Stage(
        url,
        await asyncpg.create_pool(url, min_size=1, max_size=4, server_settings={"application_name": "stage"}),
        broker,
        folder,
    ), name


async def _take_down(stage: Stage, name: str) -> None:
    try:
        await stage.close()
    finally:
        await stage.broker.delete(*LANES)
        server = await asyncpg.connect(os.environ["DATABASE_URL"])
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@pytest.fixture
async def stage(broker: BrokerControl, migrated: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage for one test."""
    stage, name = await _set_up(broker, migrated, tmp_path)
    yield stage
    await _take_down(stage, name)


@pytest.fixture(scope="module")
async def shared_stage(
    broker: BrokerControl, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A stage for a module whose tests use shows of their own and disturb nobody."""
    stage, name = await _set_up(broker, migrated, tmp_path_factory.mktemp("stage"))
    yield stage
    await _take_down(stage, name)
