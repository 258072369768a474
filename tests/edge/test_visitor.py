"""What a User-Agent says of the device, in words that a person knows."""

import pytest
from newcomers import LAPTOP, PHONE

from edge.visitor import device

pytestmark = pytest.mark.pure

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (LAPTOP, "Firefox on Linux"), (PHONE, "Safari on iPhone"), (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/143.0.0.0", "Edge on Windows"), ("curl/8.5.0", "curl"), ("python-httpx/0.28.1", "python-httpx"),
        ("", "Unknown device"), ("<script>alert(1)</script>", "Unknown device"), ("x" * 500, "Unknown device"),
    ],
)  # fmt: skip
def test_a_device_is_named_as_people_name_it(agent, named):
    assert device(agent) == named
    assert len(device(agent)) <= 100
