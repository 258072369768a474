"""The table of the product's processes: what `make up` starts, and what the container file starts too.

How many of each is a setting; `edge` shares its port among several (SO_REUSEPORT), which it is told by EDGE_REUSE_PORT.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from compose import environment

EDGE = "edge"
COUNT_MAX = 64


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    module_and_arguments: tuple[str, ...]
    count_setting: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ProductProcess:
    name: str
    module_and_arguments: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


KINDS = (
    Kind(EDGE, ("edge.server",), "EDGES", 1),
    Kind("lane", ("actors.worker", "lane"), "LANE_WORKERS", 2),
    Kind("saga", ("actors.worker", "saga"), "SAGA_WORKERS", 1),
    Kind("payments", ("actors.worker", "payments")),
    Kind("webhooks", ("actors.worker", "webhooks")),
    Kind("documents", ("actors.worker", "documents")),
    Kind("letters", ("actors.worker", "letters")),
    Kind("sweeps", ("actors.worker", "sweeps")),
)


def processes(settings: Mapping[str, str], kinds: tuple[Kind, ...] = KINDS) -> list[ProductProcess]:
    """Each process by name: `edge`, `lane-1`, `lane-2`, …"""
    found = []
    for kind in kinds:
        count = kind.count
        if kind.count_setting is not None:
            count = environment.number(settings, kind.count_setting, kind.count, 1, COUNT_MAX)
        shared = {"EDGE_REUSE_PORT": "on"} if kind.name == EDGE and count > 1 else {}
        for ordinal in range(1, count + 1):
            name = kind.name if count == 1 else f"{kind.name}-{ordinal}"
            found.append(ProductProcess(name, kind.module_and_arguments, shared))
    return found
