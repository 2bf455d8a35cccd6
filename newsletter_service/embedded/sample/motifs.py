"""The motifs of the sample site's pictures: each takes a canvas, a palette and its own chance."""

import math
import random

from PIL import ImageDraw

from newsletter_service.embedded.sample.canvas import Canvas, disc, gradient, layer, rgba

Palette = tuple[str, ...]


def hexagons(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Honeycomb, glowing towards the right."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        side = 110
        for row in range(-1, 10):
            for column in range(-1, 15):
                x = column * side * 1.75 + (row % 2) * side * 0.875
                y = row * side * 1.52
                corners = [
                    (
                        x + side * 0.95 * math.sin(k * math.pi / 3),
                        y + side * 0.95 * math.cos(k * math.pi / 3),
                    )
                    for k in range(6)
                ]
                glow = (
                    chance.choice((12, 20, 34, 60, 90, 150))
                    if x > 900
                    else chance.choice((8, 14, 30))
                )
                pen.polygon(corners, fill=rgba(chance.choice(palette[2:4]), glow))
        x, y = 11 * side * 1.75, 4 * side * 1.52
        disc(pen, x, y, 46, palette[4], 255)

    return layer(canvas, paint)


def cells(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Soft cells with sharp kernels."""

    def soft(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(16):
            disc(
                pen,
                chance.random() * 2400,
                chance.random() * 1350,
                chance.randint(120, 300),
                palette[2],
                70,
            )

    def sharp(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(20):
            x, y, radius = chance.random() * 2400, chance.random() * 1350, chance.randint(60, 190)
            disc(pen, x, y, radius, palette[3], 60)
            disc(pen, x, y, radius * 0.86, palette[2], 150)
            disc(pen, x + radius * 0.2, y - radius * 0.15, radius * 0.3, palette[4], 230)

    return layer(layer(canvas, soft, 30), sharp)


def network(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Points of light and the lines between neighbours."""
    points = [(chance.random() * 2400, chance.random() * 1350) for _ in range(70)]

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for number, (x, y) in enumerate(points):
            for other in points[number + 1 :]:
                if math.dist((x, y), other) < 330:
                    pen.line([x, y, *other], fill=rgba(palette[2], 110), width=4)
        for number, (x, y) in enumerate(points):
            colour = palette[4] if number % 9 == 0 else palette[3]
            disc(pen, x, y, chance.choice((10, 14, 20, 32)), colour, 240)

    return layer(canvas, paint)


def layers_of_hills(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Waves or hills behind each other."""
    canvas = gradient(palette[3], palette[2])
    canvas = layer(canvas, lambda pen: disc(pen, 1750, 430, 150, palette[4], 255))
    for depth in range(5):
        base, phase = 560 + depth * 165, chance.random() * 6

        def paint(
            pen: ImageDraw.ImageDraw, base: int = base, phase: float = phase, depth: int = depth
        ) -> None:
            ridge: list[tuple[float, float]] = [(0, 1350)]
            for x in range(0, 2401, 12):
                y = base - 110 * math.sin(x / 430 + phase) - 50 * math.sin(x / 170 + phase * 2)
                ridge.append((x, y))
            pen.polygon(
                [*ridge, (2400, 1350)], fill=rgba(palette[1 if depth < 3 else 0], 75 + 40 * depth)
            )

        canvas = layer(canvas, paint)
    return canvas


def aurora(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Northern lights over a forest."""
    for band in range(4):
        phase = chance.random() * 6

        def paint(pen: ImageDraw.ImageDraw, phase: float = phase, band: int = band) -> None:
            for x in range(0, 2400, 6):
                y = (
                    420
                    + 130 * math.sin(x / 380 + phase)
                    + 60 * math.sin(x / 150 + phase)
                    + band * 50
                )
                length = 260 + 120 * math.sin(x / 90 + phase * 3)
                pen.line([x, y - length, x, y], fill=rgba(palette[2 + band % 2], 95), width=6)

        canvas = layer(canvas, paint, 9)

    def trees(pen: ImageDraw.ImageDraw) -> None:
        for x in range(-40, 2440, 46):
            height = chance.randint(120, 330)
            pen.polygon(
                [(x - 52, 1350), (x, 1330 - height), (x + 52, 1350)], fill=rgba("#07121d", 255)
            )

    return layer(canvas, trees)


def dna(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """A double helix under stars."""

    def stars(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(120):
            disc(
                pen,
                chance.random() * 2400,
                chance.random() * 1350,
                chance.choice((3, 4, 6)),
                palette[4],
                120,
            )

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for x in range(-60, 2460, 54):
            high = 675 + 300 * math.sin(x / 300)
            low = 675 - 300 * math.sin(x / 300)
            pen.line([x, high, x, low], fill=rgba(palette[2], 130), width=8)
        for x in range(-60, 2460, 10):
            wave = 300 * math.sin(x / 300)
            disc(pen, x, 675 + wave, 20, palette[3], 255)
            disc(pen, x, 675 - wave, 20, palette[2], 255)

    return layer(layer(canvas, stars), paint)


def rings(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Rings around one point."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for x, y in ((760, 760), (1720, 480)):
            for step in range(11, 0, -1):
                radius = step * 78
                box = [x - radius, y - radius * 0.62, x + radius, y + radius * 0.62]
                pen.ellipse(box, outline=rgba(palette[3], 220 - step * 17), width=14 - step)
            disc(pen, x, y, 24, palette[4], 255)

    return layer(canvas, paint)


def building(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Houses with some windows lit."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle([0, 1130, 2400, 1350], fill=rgba(palette[0], 255))
        for left, top, width in ((330, 520, 620), (950, 260, 760), (1710, 640, 420)):
            pen.rectangle([left, top, left + width, 1140], fill=rgba(palette[0], 190))
            for x in range(left + 24, left + width - 60, 84):
                for y in range(top + 28, 1080, 96):
                    lit = chance.random() < 0.45
                    colour = palette[4] if lit else palette[2]
                    pen.rectangle([x, y, x + 60, y + 66], fill=rgba(colour, 235 if lit else 90))

    return layer(canvas, paint)


def petri(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Petri dishes with colonies."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for column in range(4):
            for row in range(2):
                x, y = 330 + column * 580, 360 + row * 630
                disc(pen, x, y, 250, palette[3], 235)
                disc(pen, x, y, 228, palette[2], 255)
                for _ in range(chance.randint(5, 16)):
                    angle, away = chance.random() * 6.3, chance.random() * 175
                    spot = (x + away * math.cos(angle), y + away * math.sin(angle))
                    disc(
                        pen,
                        *spot,
                        chance.randint(12, 40),
                        chance.choice((palette[4], palette[1])),
                        215,
                    )

    return layer(canvas, paint)


def leaves(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Fallen leaves and two berries."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(46):
            x, y, turn = chance.random() * 2400, chance.random() * 1350, chance.random() * 6.3
            length = chance.randint(130, 300)
            edge = []
            for step in range(-20, 21):
                along = step / 20
                edge.append((along * length, length * 0.3 * (1 - along**2)))
            outline = edge + [(a, -b) for a, b in reversed(edge)]
            rotated = [
                (
                    x + a * math.cos(turn) - b * math.sin(turn),
                    y + a * math.sin(turn) + b * math.cos(turn),
                )
                for a, b in outline
            ]
            pen.polygon(rotated, fill=rgba(chance.choice(palette[1:4]), 150))
        disc(pen, 1820, 760, 120, "#d1495b", 255)
        disc(pen, 1600, 860, 92, "#e76f51", 255)

    return layer(canvas, paint)


def molecule(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Atoms and their bonds."""
    ring = [
        (1000 + 260 * math.cos(k * math.pi / 3), 690 + 260 * math.sin(k * math.pi / 3))
        for k in range(6)
    ]
    arms: list[tuple[float, float]] = [
        (1560, 690),
        (1800, 470),
        (1800, 910),
        (2080, 470),
        (620, 250),
        (600, 1130),
    ]
    bonds = [*zip(ring, ring[1:] + ring[:1], strict=True), (ring[0], arms[0]), (arms[0], arms[1])]
    bonds += [(arms[0], arms[2]), (arms[1], arms[3]), (ring[4], arms[4]), (ring[2], arms[5])]

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for start, end in bonds:
            pen.line([*start, *end], fill=rgba(palette[3], 200), width=26)
        for number, (x, y) in enumerate(ring + arms):
            disc(pen, x, y, 88 if number < 6 else 70, palette[2 + number % 3], 255)
            disc(pen, x - 22, y - 26, 22, "#ffffff", 110)

    return layer(canvas, paint)


def tissue(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Cells packed side by side, some of them framed."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for row in range(-1, 9):
            for column in range(-1, 14):
                x = column * 190 + chance.randint(-30, 30) + (row % 2) * 95
                y = row * 170 + chance.randint(-26, 26)
                corners = []
                for k in range(9):
                    radius = chance.randint(74, 104)
                    corners.append(
                        (x + radius * math.cos(k * 0.698), y + radius * math.sin(k * 0.698))
                    )
                pen.polygon(corners, fill=rgba(chance.choice(palette[1:4]), 190))
                disc(pen, x, y, chance.randint(16, 30), palette[0], 200)
        pen.rounded_rectangle([1440, 380, 2020, 900], 40, outline=rgba(palette[4], 255), width=16)

    return layer(canvas, paint)


def drops(canvas: Canvas, palette: Palette, chance: random.Random) -> Canvas:
    """Drops with light in them."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for column in range(9):
            for row in range(5):
                x, y, radius = 150 + column * 262, 160 + row * 260, chance.randint(46, 96)
                disc(pen, x, y, radius, chance.choice(palette[2:5]), chance.randint(140, 255))
                disc(pen, x - radius * 0.3, y - radius * 0.35, radius * 0.22, "#ffffff", 130)

    return layer(canvas, paint)
