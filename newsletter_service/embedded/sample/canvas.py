"""A canvas of the pictures' size, colours of the north, and the strokes all motifs share."""

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter, ImageOps

SIZE = (1200, 675)
Canvas = Image.Image

FJORD = ("#0b3c49", "#16697a", "#82c0cc", "#ede7e3", "#ffa62b")
FOREST = ("#12372a", "#436850", "#adbc9f", "#fbfada", "#e4a853")
DAWN = ("#2d3047", "#93657e", "#e0a899", "#fbe7d3", "#ffd27a")
NIGHT = ("#0d1b2a", "#1b3a5b", "#4f8a8b", "#a8e6cf", "#f6f7eb")


def gradient(top: str, bottom: str) -> Canvas:
    """A canvas that goes from one colour to another, downwards."""
    ramp = Image.linear_gradient("L").resize(SIZE)
    return ImageOps.colorize(ramp, top, bottom).convert("RGBA")


def layer(canvas: Canvas, paint: Callable[[ImageDraw.ImageDraw], None], blur: float = 0) -> Canvas:
    """Paint on a sheet of twice the size and lay it, softened, over the canvas."""
    sheet = Image.new("RGBA", (SIZE[0] * 2, SIZE[1] * 2))
    paint(ImageDraw.Draw(sheet))
    sheet = sheet.resize(SIZE, Image.Resampling.LANCZOS)
    if blur:
        sheet = sheet.filter(ImageFilter.GaussianBlur(blur))
    return Image.alpha_composite(canvas, sheet)


def rgba(colour: str, alpha: int) -> tuple[int, int, int, int]:
    """A colour as `#rrggbb`, with its opacity from 0 to 255."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue, alpha


def disc(  # noqa: PLR0913, PLR0917 - a disc is what it is
    pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: str, alpha: int
) -> None:
    """Paint a filled circle around a point, in the sheet's pixels."""
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=rgba(colour, alpha))
