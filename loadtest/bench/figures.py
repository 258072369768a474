"""Figures of the bench: medians with their spread, percentiles, what must be reached, and the table for people."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class NotMeasured(Exception):
    """This row could not be measured here; the message is the reason that stands in its place."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is aimed at: where it stands, the bound that must be reached, and the one that is aimed for."""

    row: str
    figure: str
    must: float
    aim: float
    unit: str = ""
    least_is_best: bool = False

    def reached(self, value: float) -> str:
        if self.least_is_best:
            return "aim" if value <= self.aim else "must" if value <= self.must else "short"
        return "aim" if value >= self.aim else "must" if value >= self.must else "short"


TARGETS = (
    Target("lane", "ratio", 2.0, 3.0, "×"),
    Target("edge", "ratio", 0.45, 0.65, "×"),
    Target("storm", "decided_per_s", 2_000, 4_000, "/s"),
    Target("sale", "confirmed_per_s", 300, 1_000, "/s"),
    Target("rush_100x50", "p99_ms", 150, 50, "ms", True),
    Target("rush_500x1", "seconds", 1.0, 0.4, "s", True),
    Target("best_available", "ratio", 0.7, 0.9, "×"),
    Target("growth", "seats", 1.3, 1.1, "×", True),
    Target("growth", "shows", 1.3, 1.1, "×", True),
    Target("isolation", "p99_ratio", 3.0, 1.5, "×", True),
    Target("organiser_figures", "p50_ms", 200, 100, "ms", True),
    Target("search", "p95_ms", 50, 25, "ms", True),
)


def median_of(name: str, values: Sequence[float], digits: int = 0) -> dict[str, Any]:
    """``name``: the median, and ``name_spread``: the least and the most."""
    rounded = [round(value, digits) if digits else round(value) for value in values]
    middle = statistics.median(values)
    return {
        name: round(middle, digits) if digits else round(middle),
        f"{name}_spread": [min(rounded), max(rounded)],
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest measured value that so many percent do not exceed."""
    if not values:
        raise NotMeasured("nothing was measured of which a percentile could be told")
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, Any]:
    """The median of the ratios of values that were measured side by side."""
    pairs = zip(numerators, denominators, strict=True)
    return median_of("ratio", [one / other for one, other in pairs if other > 0], 2)


def unmeasured(row: str, reason: str) -> dict[str, Any]:
    """A row without figures: null for each that is aimed at, and why."""
    return {target.figure: None for target in TARGETS if target.row == row} | {"reason": reason}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures that are aimed at, one to a line, then what each row says beside."""
    lines = [f"{'figure':<24}{'measured':>12}{'spread':>20}{'must':>9}{'aim':>9}  reached"]
    for target in TARGETS:
        row = found.get(target.row)
        if row is not None:
            lines.append(_line(target, row))
    for name, row in found.items():
        lines += ["", f"{name}", *_beside(row)]
    return "\n".join(lines)


def _line(target: Target, row: Mapping[str, Any]) -> str:
    name = f"{target.row}.{target.figure}"
    value = row.get(target.figure)
    if value is None:
        reason = row.get(f"{target.figure}_reason") or row.get("reason", "not measured")
        return f"{name:<24}{'-':>12}{'':>20}{target.must:>9,g}{target.aim:>9,g}  {reason}"
    spread = row.get(f"{target.figure}_spread")
    told = f"{spread[0]:,g} to {spread[1]:,g}" if spread else ""
    verdict = {"aim": "yes, and the aim", "must": "yes", "short": "NO"}[target.reached(value)]
    shown = f"{value:,g} {target.unit}".rstrip()
    return f"{name:<24}{shown:>12}{told:>20}{target.must:>9,g}{target.aim:>9,g}  {verdict}"


def _beside(row: Mapping[str, Any]) -> list[str]:
    return [f"  {name:<34} {_shown(value)}" for name, value in row.items() if not name.endswith("_spread")]


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return str(value)
