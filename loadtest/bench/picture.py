"""The picture of how a decision's cost grows: with the seats of a show, and with the shows of a lane."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PANELS = (("us_per_decision_by_seats", "seats in the show"), ("us_per_decision_by_shows", "shows on the lane"))


def draw(path: Path, growth: Mapping[str, Any]) -> bool:
    """Draw it, if there is something to draw."""
    if not all(growth.get(name) for name, _ in PANELS):
        return False
    import matplotlib  # it takes half a second to load, and is needed once

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(10, 4), sharey=True)
    for axis, (name, what) in zip(axes, PANELS, strict=True):
        for of, colour, label in ((name, "#2a6f97", "time"), (f"cpu_{name}", "#c17f24", "CPU, lane and PostgreSQL")):
            points = sorted((int(at), us) for at, us in growth.get(of, {}).items())
            axis.plot([at for at, _ in points], [us for _, us in points], "o-", color=colour, label=label)
        axis.set_xscale("log")
        axis.set_xlabel(what)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_ylim(bottom=0)  # the axes share it; set once all has been drawn
    axes[0].set_ylabel("microseconds per decision")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True
