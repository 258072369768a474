"""What becomes of an uploaded image: pixels come through, everything else is refused or left behind."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageFile

from edge.poster_images import PIXELS_MAX, drawn
from edge.problems import Problem

pytestmark = pytest.mark.pure

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(document.domain)</script></html>"


@pytest.fixture(autouse=True)
def _nothing_broke() -> None:
    """These need no running product."""


def picture(width=900, height=600, form="JPEG", mode="RGB", **more):
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width // 2, height // 2))
    image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


OTHER_FORMS = (
    SVG, HTML, b"GIF89a" + b"\0" * 40, b"%!PS-Adobe", b"\0", picture(form="GIF", mode="P"), picture(form="TIFF"),
    picture(form="BMP"), picture(form="ICO"),
)  # fmt: skip


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def refusal_of(content, media_type):
    with pytest.raises(Problem) as caught:
        drawn(content, media_type)
    assert caught.value.status == 422 and caught.value.fields["errors"][0]["detail"]
    return caught.value.detail


def png_that_says(width, height):
    """A PNG of a few bytes whose head promises so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    body = zlib.compress(b"\0" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("form", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_an_image_is_drawn_anew_in_three_sizes(form, media_type):
    sizes = drawn(picture(1600, 1200, form), media_type)
    assert {name: opened(content).size for name, content in sizes.items()} == {
        "small": (320, 240), "medium": (640, 480), "large": (1280, 960),
    }  # fmt: skip
    assert all(opened(content).format == "WEBP" for content in sizes.values())


def test_a_small_image_is_not_blown_up():
    assert {opened(content).size for content in drawn(picture(300, 200), "image/jpeg").values()} == {(300, 200)}


def test_transparency_is_kept():
    out = io.BytesIO()
    Image.new("RGBA", (400, 300), (255, 0, 0, 90)).save(out, "PNG")
    assert opened(drawn(out.getvalue(), "image/png")["small"]).mode == "RGBA"


def test_the_same_image_is_drawn_the_same():
    assert drawn(picture(), "image/jpeg") == drawn(picture(), "image/jpeg")
    assert drawn(picture(), "image/jpeg") != drawn(picture(800), "image/jpeg")


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("content", OTHER_FORMS)
def test_svg_posters_and_other_forms_are_refused(content, media_type):
    assert "not a JPEG, PNG or WebP" in refusal_of(content, media_type)


@pytest.mark.parametrize(("form", "claimed"), [("JPEG", "image/png"), ("PNG", "image/webp"), ("WEBP", "image/jpeg")])
def test_a_wrong_magic_is_refused(form, claimed):
    assert "its content is" in refusal_of(picture(form=form), claimed)


def test_a_polyglot_of_jpeg_and_html_leaves_its_html_behind():
    with_comment = picture(comment=HTML)
    assert HTML in with_comment
    for content in (with_comment, picture() + HTML, picture(form="PNG") + HTML):
        media_type = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
        assert not any(b"script" in size for size in drawn(content, media_type).values())


def test_exif_is_stripped_and_its_orientation_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Camera of a person"
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    for content in drawn(picture(900, 600, exif=exif.tobytes()), "image/jpeg").values():
        image = opened(content)
        assert image.height > image.width, "upright"
        assert not image.getexif() and b"Camera" not in content


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (65_000, 100), (4_900, 4_900), (2**31 - 1, 2**31 - 1)])
def test_a_50k_by_50k_bomb_is_refused_before_it_is_unpacked(width, height):
    assert width * height > PIXELS_MAX or width > 10_000
    assert "megapixels" in refusal_of(png_that_says(width, height), "image/png")


def test_a_damaged_image_is_refused(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)  # WeasyPrint, which the edge never loads, sets it
    whole = picture(form="PNG")
    assert "damaged" in refusal_of(whole[: len(whole) // 2], "image/png")
    assert "damaged" in refusal_of(picture()[:1_500], "image/jpeg")


@pytest.mark.parametrize(("width", "height"), [(40, 60), (400, 20), (4000, 500)])
def test_an_image_that_is_no_poster_by_its_shape_is_refused(width, height):
    assert "poster" in refusal_of(picture(width, height), "image/jpeg")
