"""Posters for the demo: its title on a picture of few shapes that tell what kind of an evening it is.

The same title and kind give the same picture."""

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageColor import getrgb

from store.posters import SIZES, encoded

WIDTH, HEIGHT = 1280, 720
#: Drawn so much larger, for smooth edges.
SCALE = 1.5
INK = (255, 250, 240)
#: Ground from top to bottom, and two bright colours, by kind.
COLOURS = {
    "concert": ("#2b0f3a", "#7a1f5c", "#ff7a59", "#ffd166"),
    "film": ("#0d1b2a", "#1f4e5f", "#f4d58d", "#8fd0d8"),
    "theatre": ("#2a0810", "#7d1128", "#d9394f", "#f3c677"),
    "match": ("#07301f", "#1c6b45", "#f2f5ea", "#ffb238"),
    "conference": ("#141a3c", "#35478c", "#8fb8ff", "#f7c59f"),
    "comedy": ("#3a2206", "#b0581a", "#ffd23f", "#fff1c1"),
    "other": ("#0b1033", "#43337a", "#f7e08c", "#c9b6ff"),
}

Draw = ImageDraw.ImageDraw
Bright = tuple[tuple[int, ...], tuple[int, ...]]


def sizes(title: str, kind: str) -> dict[str, bytes] | None:
    """The poster as WebP in each size, or None where there is no font to write its title with."""
    try:
        poster = draw(title, kind)
    except OSError:
        return None
    narrowed = {
        name: poster.resize((width, width * HEIGHT // WIDTH), Image.Resampling.LANCZOS) for name, width in SIZES.items()
    }
    return {name: encoded(image) for name, image in narrowed.items()}


def draw(title: str, kind: str) -> Image.Image:
    top, bottom, *bright = (getrgb(colour) for colour in COLOURS.get(kind, COLOURS["other"]))
    chance = random.Random(title)
    ground = Image.linear_gradient("L").resize((round(WIDTH * SCALE), round(HEIGHT * SCALE)))
    poster = Image.composite(Image.new("RGB", ground.size, bottom), Image.new("RGB", ground.size, top), ground)
    shapes = Image.new("RGBA", poster.size, (0, 0, 0, 0))
    _SHAPES.get(kind, _sky)(ImageDraw.Draw(shapes), (bright[0], bright[1]), chance)
    poster.paste(shapes, (0, 0), shapes)
    shade = Image.linear_gradient("L").resize(ground.size).point(lambda value: max(0, value - 90))
    poster.paste(Image.new("RGB", ground.size, (0, 0, 0)), (0, 0), shade)
    _write(ImageDraw.Draw(poster), title, kind, bright[1])
    return poster


def _write(pen: Draw, title: str, kind: str, colour: tuple[int, ...]) -> None:
    """The title at the lower left, as large as three lines allow, and its kind above it."""
    left, low, widest = 72 * SCALE, (HEIGHT - 64) * SCALE, (WIDTH - 300) * SCALE
    for size in (92, 76, 64, 52):
        font = ImageFont.truetype("DejaVuSerif-Bold.ttf", size * SCALE)
        lines = _lines(title, font.getlength, widest)
        if len(lines) <= 2:
            break
    high = low - len(lines) * size * SCALE * 1.16
    for number, line in enumerate(lines):
        pen.text((left, high + number * size * SCALE * 1.16), line, INK, font)
    label = ImageFont.truetype("DejaVuSans-Bold.ttf", 26 * SCALE)
    at = float(left)
    for letter in kind.upper() if kind in _SHAPES else "":
        pen.text((at, high - 50 * SCALE), letter, colour, label)
        at += label.getlength(letter) + 7 * SCALE


def _lines(title: str, length: Callable[[str], float], widest: float) -> list[str]:
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if length(longer) <= widest or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _at(pen: Draw, x: float, y: float, radius: float, **how: object) -> None:
    """A circle, in units of the poster's own size."""
    box = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
    pen.ellipse(box, **how)  # type: ignore[arg-type]


def _sound(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """Waves that go out from a stage."""
    x, y = chance.randint(860, 1040), chance.randint(180, 300)
    for ring in range(9, 0, -1):
        colour = (*bright[ring % 2], 36 + 14 * (10 - ring))
        _at(pen, x, y, 36 + ring * 62, outline=colour, width=round((9 + ring) * SCALE))
    _at(pen, x, y, 46, fill=(*bright[1], 255))


def _light(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """A beam out of the projector, with dust in it."""
    y = chance.randint(120, 220)
    for spread, strength in ((250, 40), (180, 60), (110, 80)):
        beam = [(90, y), (WIDTH, y + 80 - spread), (WIDTH, y + 160 + spread)]
        pen.polygon([(at * SCALE, down * SCALE) for at, down in beam], fill=(*bright[0], strength))
    for _ in range(90):
        at = chance.uniform(320, WIDTH)
        down = y + (at - 90) / WIDTH * (120 + chance.uniform(-230, 230))
        _at(pen, at, down, chance.uniform(1.5, 6), fill=(*bright[0], chance.randint(70, 200)))
    _at(pen, 90, y, 40, fill=(*bright[1], 255))
    _at(pen, 90, y, 17, fill=(*bright[0], 255))


def _curtain(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """Folds that are drawn aside."""
    folds, middle = 26, chance.uniform(0.62, 0.72) * WIDTH
    for fold in range(folds):
        at = WIDTH * fold / folds
        lift = 520 * math.exp(-(((at - middle) / 190) ** 2))
        strength = 70 + 120 * (fold % 2)
        box = [at, -40, at + WIDTH / folds + 2, HEIGHT - lift]
        pen.rectangle([side * SCALE for side in box], fill=(*bright[0], strength))
        _at(pen, at + WIDTH / folds / 2, HEIGHT - lift, WIDTH / folds / 2, fill=(*bright[0], strength))
    _at(pen, middle, 560, 150, fill=(*bright[1], 60))
    _at(pen, middle, 560, 90, fill=(*bright[1], 90))


def _field(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """Lines on a court, and somewhere the ball."""
    line = {"outline": (*bright[0], 150), "width": round(7 * SCALE)}
    pen.rectangle([side * SCALE for side in (120, 70, WIDTH + 80, 640)], **line)  # type: ignore[arg-type]
    pen.line([side * SCALE for side in (700, 70, 700, 640)], fill=(*bright[0], 150), width=round(7 * SCALE))
    _at(pen, 700, 355, 120, **line)
    pen.rectangle([side * SCALE for side in (1060, 210, WIDTH + 80, 500)], **line)  # type: ignore[arg-type]
    x, y = chance.randint(820, 1020), chance.randint(130, 260)
    for step in range(8):
        _at(pen, x - step * 34, y + step * step * 5, 34 - step * 3, fill=(*bright[1], 200 - step * 25))
    _at(pen, x, y, 36, fill=(*bright[1], 255))


def _talk(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """Points that hang together."""
    points = [(chance.uniform(420, WIDTH - 20), chance.uniform(20, 460)) for _ in range(34)]
    for x, y in points:
        for to_x, to_y in points:
            if 0 < math.hypot(x - to_x, y - to_y) < 170:
                pen.line([side * SCALE for side in (x, y, to_x, to_y)], fill=(*bright[0], 60), width=round(3 * SCALE))
    for number, (x, y) in enumerate(points):
        _at(pen, x, y, chance.uniform(7, 19), fill=(*bright[number % 7 == 0], 235))


def _smile(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """A spot on the stage, with a smile in it."""
    x, y, tilt = chance.randint(880, 1000), 270, chance.randint(-14, 14)
    for radius, strength in ((330, 40), (270, 70), (215, 255)):
        _at(pen, x, y, radius, fill=(*bright[0], strength))
    dark = (58, 34, 6, 255)
    box = [(x - 120) * SCALE, (y - 130) * SCALE, (x + 120) * SCALE, (y + 110) * SCALE]
    pen.chord(box, 8 + tilt, 172 + tilt, fill=dark)
    for side in (-1, 1):
        _at(pen, x + side * 76, y - 70 + side * tilt * 1.3, 20, fill=dark)


def _sky(pen: Draw, bright: Bright, chance: random.Random) -> None:
    """A moon, and stars."""
    for _ in range(140):
        x, y = chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT * 0.8)
        _at(pen, x, y, chance.uniform(1, 4.5), fill=(*bright[1], chance.randint(80, 240)))
    x, y = chance.randint(900, 1080), chance.randint(170, 250)
    for radius, strength in ((210, 30), (165, 45), (120, 255)):
        _at(pen, x, y, radius, fill=(*bright[0], strength))
    for away, radius in ((-40, 22), (35, 34), (10, 14)):
        _at(pen, x + away, y + away * 0.7, radius, fill=(*bright[1], 90))


_SHAPES: dict[str, Callable[[Draw, Bright, random.Random], None]] = {
    "concert": _sound, "film": _light, "theatre": _curtain, "match": _field, "conference": _talk, "comedy": _smile,
}  # fmt: skip
