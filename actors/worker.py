"""A worker process: ``python -m actors.worker lane|saga|payments|webhooks|documents|letters|sweeps``.

One process does one kind of work, single and under the supervisor: with Dramatiq's own master one death stops all."""

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
import threading
from pathlib import Path

import dramatiq
import structlog
import uvloop
from dramatiq.worker import Worker

from actors.broker import Broker, lane_middleware, work_middleware
from actors.lanes.ownership import Ownership
from actors.lanes.routes import DOCUMENTS, LETTERS, PAYMENTS, WEBHOOKS, Routes
from actors.lanes.session import Session
from actors.saga_coordinator import SagaLanes
from actors.seating import ShowLanes
from actors.sweeps import Sweeps
from actors.workplace import AtWork, Workplace, occupy
from sagas.identity import show_lane
from store.logs import configure
from store.settings import SettingsError, settings

log = structlog.get_logger()

#: Module, queue and threads of each kind of work queue.  Payments wait for the provider; printing is CPU-bound.
WORK = {
    "payments": ("actors.payments", PAYMENTS, 16),
    "webhooks": ("actors.webhooks", WEBHOOKS, 8),
    "documents": ("actors.documents", DOCUMENTS, 1),
    "letters": ("actors.letters", LETTERS, 8),
}
#: Seats are given out first: where processors are scarce, what follows from a hold is done with what is left.
NICE = {"saga": 8, "webhooks": 8, "payments": 10, "documents": 15, "letters": 15}
IDLE_MILLISECONDS = 500
#: A lane worker that stops inside a transaction keeps its lane's row locked for so long.  Longer than a lease: reading
#: a large show in between takes its time.
IDLE_IN_TRANSACTION_SECONDS = 3.0
STOP_MILLISECONDS = 6_000
WAKE_SECONDS = 0.5
#: A stopping process that is not done by then is ended.
END_SECONDS = 8.0


def lanes_of(kind: str) -> list[str]:
    if kind == "lane":
        return [show_lane(index) for index in range(settings().show_lanes)]
    return [f"saga.{index:02d}" for index in range(settings().saga_lanes)]


#: A lane's memory is large, long-lived and without cycles: looking through it for some every 700 objects costs a
#: decision a sixth of its time.
COLLECT_AFTER = (50_000, 20, 50)


def serve_lanes(kind: str, stop: threading.Event) -> None:
    """Own a fair share of the show lanes or the saga lanes, and decide their batches."""
    gc.set_threshold(*COLLECT_AFTER)
    here, lanes = Workplace(kind), lanes_of(kind)
    ownership = Ownership("show" if kind == "lane" else "saga", len(lanes))
    deciding: list[ShowLanes | SagaLanes] = []

    async def begin() -> None:
        if kind == "lane":
            deciding.append(ShowLanes(here.publisher, here.redis, ownership.worker_id))
        else:
            deciding.append(SagaLanes(here.publisher, here.redis, ownership.worker_id, Routes()))
        await ownership.start()

    async def decide_batches(session: Session) -> None:
        await deciding[0].run(session)

    at_work = AtWork(
        here, len(lanes) + 4, opened=begin, closing=ownership.stop,
        idle_in_transaction_seconds=IDLE_IN_TRANSACTION_SECONDS,
    )  # fmt: skip
    broker = Broker(lane_middleware(at_work), here.publisher)
    dramatiq.set_broker(broker)
    dramatiq.actor(queue_name=lanes[0])(decide_batches)
    broker.serve_lanes(lanes, "decide_batches", ownership, here.publisher)
    _serve(Worker(broker, worker_timeout=IDLE_MILLISECONDS, worker_threads=len(lanes)), stop, kind)


def serve_queue(kind: str, stop: threading.Event) -> None:
    """Work on one queue."""
    module, queue, threads = WORK[kind]
    here = Workplace(kind)
    occupy(here)
    broker = Broker(work_middleware(AtWork(here, pool_size=min(threads, 8))), here.publisher)
    dramatiq.set_broker(broker)
    importlib.import_module(module)
    _serve(Worker(broker, queues={queue}, worker_timeout=IDLE_MILLISECONDS, worker_threads=threads), stop, kind)


def _serve(worker: Worker, stop: threading.Event, kind: str) -> None:
    worker.broker.emit_after("process_boot")
    worker.start()
    log.info("worker_ready", kind=kind)
    while not stop.wait(WAKE_SECONDS):  # a signal that another thread got is heard when this one wakes
        continue
    log.info("worker_stopping", kind=kind)
    _end_in_time()
    worker.stop(timeout=STOP_MILLISECONDS)
    worker.broker.close()


def _end_in_time() -> None:
    """End the process even when a part does not answer: whatever a worker held is safe to lose, by design."""

    def end() -> None:
        log.warning("worker_ended_hard", seconds=END_SECONDS, hint="a part did not answer")
        os._exit(1)

    timer = threading.Timer(END_SECONDS, end)
    timer.daemon = True
    timer.start()


async def serve_sweeps() -> None:
    here = Workplace("sweeps")
    occupy(here)
    await here.open(pool_size=6)
    await here.appear()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    log.info("worker_ready", kind="sweeps", worker=here.worker_id)
    await Sweeps(here).run(ended)
    await here.close()


def yield_to_others(nice: int) -> None:
    """Take less of the processors where they are scarce.

    Linux may share them out between sessions first (autogroups), and then a nice process in a session of its own, as
    the supervisor starts them, yields to nobody: so the session yields too, if it is ours alone."""
    if not nice:
        return
    os.nice(nice)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # another kernel, or one without autogroups
            Path("/proc/self/autogroup").write_text(f"{nice}\n")


def main(arguments: list[str]) -> int:
    kinds = ("lane", "saga", *WORK, "sweeps")
    if not arguments or arguments[0] not in kinds:
        print(f"usage: python -m actors.worker {'|'.join(kinds)}", file=sys.stderr)  # noqa: T201
        return 2
    kind = arguments[0]
    yield_to_others(NICE.get(kind, 0))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        configure(f"worker {kind}")
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if kind == "sweeps":
        asyncio.run(serve_sweeps())
    elif kind in WORK:
        serve_queue(kind, stop)
    else:
        serve_lanes(kind, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
