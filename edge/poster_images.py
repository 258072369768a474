"""Poster images: what was uploaded, looked at by its content and drawn anew in three sizes.

Only pixels come through: whatever else the bytes held (EXIF with its places, comments, scripts behind the image) is
left behind.  The sizes in pixels are read from the image's head before anything is unpacked."""

import asyncio
import io
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps, UnidentifiedImageError

from edge.problems import Problem, invalid, unavailable
from store.posters import SIZES, encoded

#: What may be uploaded, by its media type.
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
UPLOAD_BYTES_MAX = 5_000_000
#: 24 megapixels: a good camera's photo; unpacked they take 100 MB.
PIXELS_MAX = 24_000_000
SIDE_MAX = 10_000
SIDE_MIN = 50
#: A poster may be this many times as high as it is wide.
HEIGHT_RATIO = 4
#: One image is worked on at a time, so that uploads cannot take the machine; so many may wait.
WAITING_MAX = 8

_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="posters")
_places = threading.BoundedSemaphore(WAITING_MAX)


async def draw(content: bytes, media_type: str) -> dict[str, bytes]:
    """The sizes of an uploaded image as WebP, drawn off the event loop.  Raises Problem for what is no honest image."""
    if not _places.acquire(blocking=False):
        raise unavailable("Many posters are being drawn at the moment.")
    drawing = _worker.submit(drawn, content, media_type)
    drawing.add_done_callback(lambda _: _places.release())  # also when the client has left meanwhile
    return await asyncio.wrap_future(drawing)


def drawn(content: bytes, media_type: str) -> dict[str, bytes]:
    image = _unpacked(content, media_type)
    return {name: encoded(_narrowed(image, width)) for name, width in SIZES.items()}


def _unpacked(content: bytes, media_type: str) -> Image.Image:
    """The image upright, in plain colours, without anything beside its pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=list(FORMATS.values()))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_many_pixels() from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise invalid("", "this is not a JPEG, PNG or WebP image") from None
    if image.format != FORMATS[media_type]:
        raise invalid("", f"this says it is {media_type}, but its content is {Image.MIME[image.format or '']}")
    width, height = image.size
    if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
        raise _too_many_pixels()
    if min(width, height) < SIDE_MIN:
        raise invalid("", f"a poster is at least {SIDE_MIN} pixels wide and high")
    if max(width, height) > HEIGHT_RATIO * min(width, height):
        raise invalid("", f"a poster's longer side is at most {HEIGHT_RATIO} times the shorter")
    try:
        image.draft("RGB", (2 * SIZES["large"], 2 * SIZES["large"]))
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise invalid("", "this image is damaged") from None


def _too_many_pixels() -> Problem:
    return invalid("", f"an image may have {PIXELS_MAX // 1_000_000} megapixels, and {SIDE_MAX} pixels a side")


def _narrowed(image: Image.Image, width: int) -> Image.Image:
    """A smaller image is not blown up."""
    if image.width <= width:
        return image
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
