"""The demo's posters: one picture for one title, in every size, whatever the title and the kind."""

import io

import pytest
from PIL import Image

from actors import demo_posters
from actors.demo_catalogue import EVENTS
from store.posters import SIZES

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("kind", ["theatre", "no such kind"])
def test_a_poster_has_every_size_and_is_the_same_each_time(kind):
    made = demo_posters.sizes("The Salt Ledger", kind)
    assert made is not None
    opened = {name: Image.open(io.BytesIO(content)) for name, content in made.items()}
    assert {name: image.size for name, image in opened.items()} == {
        name: (width, width * 9 // 16) for name, width in SIZES.items()
    }
    assert {image.format for image in opened.values()} == {"WEBP"}
    assert demo_posters.sizes("The Salt Ledger", kind) == made


def test_each_kind_of_the_demo_has_colours_of_its_own():
    assert {event.kind for event in EVENTS} <= set(demo_posters.COLOURS)
