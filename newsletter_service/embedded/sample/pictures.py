"""The sample site's pictures and logo: abstract, Nordic, the same every time."""

import io
import math
import random
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw

from newsletter_service.embedded.sample import motifs
from newsletter_service.embedded.sample.canvas import DAWN, FJORD, FOREST, NIGHT, Canvas, gradient
from newsletter_service.embedded.sample.motifs import Palette

MAX_BYTES = 60_000

PICTURES: dict[str, tuple[Callable[[Canvas, Palette, random.Random], Canvas], Palette]] = {
    "hexagons": (motifs.hexagons, FJORD),
    "network": (motifs.network, NIGHT),
    "cells": (motifs.cells, DAWN),
    "waves": (motifs.layers_of_hills, DAWN),
    "rings": (motifs.rings, FJORD),
    "building": (motifs.building, DAWN),
    "dna": (motifs.dna, NIGHT),
    "hills": (motifs.layers_of_hills, FJORD),
    "petri": (motifs.petri, FJORD),
    "aurora": (motifs.aurora, NIGHT),
    "leaves": (motifs.leaves, FOREST),
    "molecule": (motifs.molecule, FOREST),
    "tissue": (motifs.tissue, DAWN),
    "drops": (motifs.drops, FOREST),
}


@cache
def jpeg(name: str) -> bytes:
    """The picture of that name, 1200 × 675; raises KeyError for one that is not drawn."""
    draw, palette = PICTURES[name]
    chance = random.Random(name)  # noqa: S311 - decoration
    canvas = gradient(palette[0], palette[1])
    canvas = draw(canvas, palette, chance).convert("RGB")
    for quality in (78, 66, 54, 42):
        out = io.BytesIO()
        canvas.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() < MAX_BYTES:
            break
    return out.getvalue()


@cache
def logo_png() -> bytes:
    """The logo, 560 × 144 with a transparent ground: twin of logo.svg."""
    scale = 4
    mark = Image.new("RGBA", (144 * scale, 144 * scale))
    pen = ImageDraw.Draw(mark)
    for turn, colour in ((0, "#16697a"), (60, "#82c0cc"), (120, "#ffa62b")):
        angle = math.radians(turn - 90)
        for side in (1, -1):
            x = 72 + side * 38 * math.cos(angle)
            y = 72 + side * 38 * math.sin(angle)
            box = [(x - 20) * scale, (y - 20) * scale, (x + 20) * scale, (y + 20) * scale]
            pen.ellipse(box, fill=colour)
            pen.line([72 * scale, 72 * scale, x * scale, y * scale], fill=colour, width=9 * scale)
    logo = Image.new("RGBA", (144, 144))
    logo.alpha_composite(mark.resize((144, 144), Image.Resampling.LANCZOS))
    out = io.BytesIO()
    logo.save(out, "PNG", optimize=True)
    return out.getvalue()
