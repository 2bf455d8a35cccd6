"""A picture made anew for mail: known by its first bytes, decoded, turned, cut, scaled. Pure.

Nothing of the file that came is kept but its pixels (R 8.14): no metadata, no trailing bytes, no
animation. SVG, which can hold scripts, is no picture here.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

MAX_BYTES = 10_000_000
MAX_PIXELS = 40_000_000
SMALLEST = 40
WIDTH = 1200  # twice the 600 pixels of a letter
TALLEST = 1800
THUMB = 192
FLATTEST, STEEPEST = 0.5, 0.667  # height by width of a picture above a story
_ENOUGH_BYTES = 350_000
_QUALITIES = (82, 72, 60)
_FEW_COLOURS = 100

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_SRGB = ImageCms.createProfile("sRGB")


class NotAPicture(Exception):
    """The bytes make no picture for a letter. `code`: kind, broken, too_small, too_large."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the picture cannot be used: {code}")


@dataclass(frozen=True)
class Rendition:
    """A picture as it is served; `width` and `height` in pixels."""

    body: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True)
class Rendered:
    """What is made of one picture: whole, cut for above a story, and small for the desk."""

    whole: Rendition
    story: Rendition
    thumb: Rendition


def render(body: bytes) -> Rendered:
    """Make the renditions of a picture. Raises `NotAPicture`."""
    picture = _decoded(body)
    whole = _within(picture, WIDTH, TALLEST)
    story = _within(_cut(picture, FLATTEST, STEEPEST), WIDTH, TALLEST)
    thumb = _within(_cut(picture, 1.0, 1.0), THUMB, THUMB)
    kind = _kind_for(whole)  # one for all three, so that their addresses end alike
    return Rendered(_encoded(whole, kind), _encoded(story, kind), _encoded(thumb, kind))


def kind_of(body: bytes) -> str:
    """JPEG, PNG, GIF or WEBP by the first bytes, whatever anybody said; empty for all else."""
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for magic, kind in _MAGIC if body.startswith(magic)), "")


def _decoded(body: bytes) -> Image.Image:
    kind = kind_of(body)
    if not kind:
        raise NotAPicture("kind")
    if len(body) > MAX_BYTES:
        raise NotAPicture("too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _pixels(Image.open(io.BytesIO(body), formats=(kind,)))
    except NotAPicture:
        raise
    except Image.DecompressionBombError as error:
        raise NotAPicture("too_large") from error
    except Exception as error:  # decoders fail in many ways on bytes that mean harm
        raise NotAPicture("broken") from error


def _pixels(opened: Image.Image) -> Image.Image:
    """The first frame, upright, in sRGB, without anything beside its pixels."""
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise NotAPicture("too_large")
    if min(width, height) < SMALLEST:
        raise NotAPicture("too_small")  # a counting pixel, or a line
    opened.draft("RGB", (WIDTH, WIDTH))  # a JPEG is decoded no larger than needed
    upright = ImageOps.exif_transpose(opened)
    transparent = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    plain = upright.convert("RGBA" if transparent else "RGB")
    if not transparent and upright.info.get("icc_profile") and upright.mode in ("RGB", "CMYK"):
        plain = _in_srgb(upright) or plain
    if transparent and plain.getchannel("A").getextrema() == (255, 255):
        plain = plain.convert("RGB")
    plain.info.clear()
    return plain


def _in_srgb(picture: Image.Image) -> Image.Image | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        return ImageCms.profileToProfile(picture, profile, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _cut(picture: Image.Image, flattest: float, steepest: float) -> Image.Image:
    """Cut to a height by width between the two; of a tall picture more is kept above, of faces."""
    width, height = picture.size
    if height > width * steepest:
        kept = max(1, round(width * steepest))
        top = (height - kept) // 3
        return picture.crop((0, top, width, top + kept))
    if height < width * flattest:
        kept = max(1, round(height / flattest))
        left = (width - kept) // 2
        return picture.crop((left, 0, left + kept, height))
    return picture


def _within(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Scaled down to fit, never up."""
    scale = min(width / picture.width, height / picture.height, 1.0)
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _kind_for(picture: Image.Image) -> str:
    """PNG for what is see-through and for drawings that stay small so, JPEG for photographs."""
    if picture.mode == "RGBA":
        return "PNG"
    drawn = _is_drawn(picture) and len(_saved(picture, "PNG", optimize=True)) <= _ENOUGH_BYTES
    return "PNG" if drawn else "JPEG"


def _encoded(picture: Image.Image, kind: str) -> Rendition:
    width, height = picture.size
    if kind == "PNG":
        return Rendition(_saved(picture, "PNG", optimize=True), "image/png", width, height)
    made = b""
    for quality in _QUALITIES:
        made = _saved(picture, "JPEG", quality=quality, optimize=True, progressive=True)
        if len(made) <= _ENOUGH_BYTES:
            break
    return Rendition(made, "image/jpeg", width, height)


def _is_drawn(picture: Image.Image) -> bool:
    """Whether it has so few colours that it is a drawing or a text, which JPEG would blur."""
    return picture.getcolors(_FEW_COLOURS) is not None


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
