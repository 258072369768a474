"""The cascade in its short form: 200 bookings, as `make cascade` cancels 20,000."""

import os
import re
import subprocess
import sys
from pathlib import Path

from running_product import Product

ROOT = Path(__file__).parents[2]


def test_a_sold_out_show_is_cancelled_paid_back_and_told_to_everybody_once(product: Product, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "loadtest.cascade", "--bookings", "200", "--by-razorpay", "20"], cwd=ROOT,
        env={**os.environ, "RUN_DIR": str(tmp_path)}, text=True, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0 and ended.stdout.rstrip().endswith("cascade: clean, 200 bookings"), said
    assert re.search(r"closed after .*, cancelled after .*, told after", ended.stdout), said
