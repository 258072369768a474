"""The storm of sales in its short form: 300 of them, as `make storm-of-sales` plays 5,000."""

import os
import re
import subprocess
import sys
from pathlib import Path

from running_product import Product

ROOT = Path(__file__).parents[2]


def test_in_a_storm_of_sales_the_provider_s_ledger_is_ours_to_the_paisa(product: Product, tmp_path: Path) -> None:
    """Webhooks repeated, out of order, forged and late, and calls that fail after success."""
    ended = subprocess.run(
        [sys.executable, "-m", "loadtest.money_storm", "--sales", "300"], cwd=ROOT,
        env={**os.environ, "RUN_DIR": str(tmp_path)}, text=True, capture_output=True, timeout=400, check=False,
    )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0 and ended.stdout.rstrip().endswith("storm: clean"), said
    for what, least in (("repeated", 60), ("out of order", 60), ("forged", 5), ("paid late", 15),
                        ("calls that fail after success", 2)):  # fmt: skip
        [count] = re.findall(rf"{what} (\d+)", ended.stdout)
        assert int(count) >= least, said
