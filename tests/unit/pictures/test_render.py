"""Pictures made anew: what is kept of them, and what is refused."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.ExifTags import Base as Tag

from newsletter_service.pictures.render import NotAPicture, Rendition, kind_of, render

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="90"/></svg>'


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture with so many colours that it is a photograph."""
    size = (max(2, width // 8), max(2, height // 8))
    small = Image.merge("RGB", [Image.effect_noise(size, 80) for _channel in range(3)])
    return small.resize((width, height)).convert(mode)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(one: Rendition) -> Image.Image:
    return Image.open(io.BytesIO(one.body))


def test_a_photograph_is_scaled_for_mail_and_its_camera_says_nothing_any_more() -> None:
    exif = Image.Exif()
    exif[Tag.Make], exif[Tag.Artist] = "Kamera", "Anna Ek"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    body = saved(noise(2400, 1500), "JPEG", exif=exif, icc_profile=profile, comment=b"hemligt")
    made = render(body)
    assert (made.whole.mime, made.whole.width, made.whole.height) == ("image/jpeg", 1200, 750)
    assert made.thumb.width == made.thumb.height == 192
    for one in (made.whole, made.story, made.thumb):
        assert not dict(opened(one).getexif())
        assert b"Anna" not in one.body
        assert b"hemligt" not in one.body
        assert len(one.body) <= 350_000


def test_a_picture_on_its_side_is_turned_up() -> None:
    exif = Image.Exif()
    exif[Tag.Orientation] = 6
    made = render(saved(noise(600, 400), "JPEG", exif=exif))
    assert (made.whole.width, made.whole.height) == (400, 600)


@pytest.mark.parametrize(
    ("size", "story"),
    [((900, 1600), (900, 600)), ((2000, 400), (800, 400)), ((600, 360), (600, 360))],
)
def test_above_a_story_a_picture_is_neither_tall_nor_flat(
    size: tuple[int, int], story: tuple[int, int]
) -> None:
    made = render(saved(noise(*size), "JPEG"))
    assert (made.story.width, made.story.height) == story


def test_what_is_see_through_stays_so_and_drawings_stay_sharp() -> None:
    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    assert render(saved(clear, "PNG")).whole.mime == "image/png"
    assert opened(render(saved(clear, "PNG")).whole).mode in ("RGBA", "LA", "P")
    drawn = Image.new("RGB", (300, 200), "white")
    assert render(saved(drawn, "GIF")).whole.mime == "image/png"
    assert render(saved(noise(300, 200), "WEBP")).whole.mime == "image/jpeg"
    opaque = noise(300, 200, "RGBA")
    assert render(saved(opaque, "PNG")).whole.mime == "image/jpeg"


def test_an_animation_is_its_first_picture_and_what_follows_the_pixels_is_gone() -> None:
    frames = [noise(100, 100), noise(100, 100)]
    body = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    made = render(body + b"<script>alert(1)</script>")
    assert getattr(opened(made.whole), "n_frames", 1) == 1
    assert b"script" not in made.whole.body


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is enormous."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (SVG, "kind"),
        (b"<html><img src=x></html>", "kind"),
        (b"", "kind"),
        (b"BM" + b"\0" * 100, "kind"),
        (b"II*\0" + b"\0" * 100, "kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "kind"),
        (b"\xff\xd8\xff" + SVG, "broken"),
        (b"GIF89a" + b"<script>alert(1)</script>" * 9, "broken"),
        (saved(noise(200, 200), "JPEG")[:900], "broken"),
        (saved(Image.new("RGB", (1, 1)), "GIF"), "too_small"),
        (saved(Image.new("RGB", (600, 2)), "PNG"), "too_small"),
        (bomb(30_000, 30_000), "too_large"),
        (bomb(6_000, 7_000), "too_large"),
        (b"\xff\xd8\xff" + b"\0" * 10_000_001, "too_large"),
    ],
)
def test_what_is_no_picture_for_a_letter_is_refused_with_a_reason(body: bytes, code: str) -> None:
    with pytest.raises(NotAPicture) as refused:
        render(body)
    assert refused.value.code == code


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP"]),
    st.binary(max_size=300),
)
def test_any_bytes_are_a_picture_or_refused(magic: bytes, rest: bytes) -> None:
    assert kind_of(magic + rest)
    with pytest.raises(NotAPicture):
        render(magic + rest)
