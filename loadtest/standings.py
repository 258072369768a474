"""The races' standings: percentiles, a table for the terminal, `summary.json`, and a picture of who was told when."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

PERCENTILES = (50, 90, 99, 100)
COLOURS = {"held": "#1a7f37", "seat-taken": "#bc4c00", "sold-out": "#8250df"}
OTHER_COLOUR = "#cf222e"


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1] if ordered else 0.0


def summary(race: dict[str, Any], notes: list[dict[str, Any]]) -> dict[str, Any]:
    """What a race came to, in figures."""
    told = [note["told_after_seconds"] for note in notes]
    asked = [note["request_seconds"] for note in notes]
    paid = [note["payment"]["seconds"] for note in notes if note.get("payment", {}).get("status") == "confirmed"]
    last = max(told, default=0.0)
    return {
        **race,
        "outcomes": dict(Counter(note["told"] for note in notes).most_common()),
        "seats_given": sum(len(note["answers"][-1]["body"]["seats"]) for note in notes if note["told"] == "held"),
        "told_after_release_seconds": by_percentile(told),
        "request_seconds": by_percentile(asked),
        "all_told_seconds": last,
        "told_per_second": round(len(notes) / last) if last else 0,
        "asked_again": sum(len(note["answers"]) > 1 for note in notes),
        "went_to_pay": sum("payment" in note for note in notes),
        "paid_and_confirmed": len(paid),
        "paid_to_confirmed_seconds": by_percentile(paid),
    }


def by_percentile(values: list[float]) -> dict[str, float]:
    return {"max" if p == 100 else f"p{p}": round(percentile(values, p), 3) for p in PERCENTILES}


def table(summaries: list[dict[str, Any]]) -> str:
    """The summaries as lines for people."""
    head = (
        f"{'race':<16}{'buyers':>7}{'seats':>7}{'given':>7}   {'time to decision, from the release':<36}{'told/s':>7}"
    )
    lines = [head, f"{'':<40}{'p50':>6}{'p90':>8}{'p99':>8}{'max':>8}"]
    for found in summaries:
        times = found["told_after_release_seconds"].values()
        lines.append(
            f"{found['name']:<16}{found['buyers']:>7,}{found['seats']:>7,}{found['seats_given']:>7,}   "
            + "".join(f"{seconds:>6.2f} s" for seconds in times)
            + f"{found['told_per_second']:>11,}"
        )
        requests = found["request_seconds"]
        outcomes = ", ".join(f"{count:,} {told}" for told, count in found["outcomes"].items())
        lines.append(
            f"{'':<16}{outcomes}; from its own request p50 {requests['p50']:.2f} s, p99 {requests['p99']:.2f} s;"
            f" {found['asked_again']:,} asked again; the crowd took {found['crowd_cpu_seconds']:.1f} s of CPU"
        )
        if found["paying"]:
            paid = found["paid_to_confirmed_seconds"]
            lines.append(
                f"{'':<16}{found['paid_and_confirmed']} of {found['went_to_pay']} who paid were confirmed under load:"
                f" p50 {paid['p50']:.2f} s, max {paid['max']:.2f} s"
            )
        if found.get("killed"):
            lines.append(f"{'':<16}{found['killed']}")
    return "\n".join(lines)


def write(folder: Path, summaries: list[dict[str, Any]]) -> None:
    (folder / "summary.json").write_text(json.dumps(summaries, indent=2) + "\n", encoding="utf-8")


def draw(path: Path, races: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> None:
    """Above, how many had been told by when; below, each buyer's place in line and when it was told."""
    import matplotlib  # it takes half a second to load, and is needed once, after the races

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(races), figsize=(5.2 * len(races), 7.4), squeeze=False)
    for column, (race, notes) in enumerate(races):
        above, below = axes[0][column], axes[1][column]
        for told in sorted({note["told"] for note in notes}):
            of_this = [note for note in notes if note["told"] == told]
            colour = COLOURS.get(told, OTHER_COLOUR)
            times = sorted(note["told_after_seconds"] for note in of_this)
            above.step([0, *times], range(len(times) + 1), where="post", color=colour, label=f"{told} ({len(times):,})")
            placed = [note for note in of_this if note["answers"][-1]["body"].get("place")]
            xs = [note["answers"][-1]["body"]["place"] for note in placed]
            below.scatter(xs, [note["told_after_seconds"] for note in placed], s=5, color=colour, linewidths=0)
        above.set_title(race["title"], fontsize=10)
        above.set_xlabel("seconds since the release")
        above.set_ylabel("buyers told")
        above.legend(loc="lower right", fontsize=8, frameon=False)
        below.set_xlabel("place in line")
        below.set_ylabel("told after, seconds")
        for axis in (above, below):
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
