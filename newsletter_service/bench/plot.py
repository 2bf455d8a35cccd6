"""The measured lines as a table for a terminal and as a plot in SVG (pure)."""

from collections.abc import Sequence
from html import escape

from newsletter_service.bench.measure import Line

_BAR_WIDTH = 340
_ROW = 26
_LEFT = 380


def table(lines: Sequence[Line]) -> str:
    """The lines as text in columns."""
    rows = [("bench", "what", "median", "", "ratio", "to", "promised", "")]
    rows += [
        (
            line.bench,
            line.what,
            number(line.value),
            line.unit,
            "" if line.ratio is None else f"{line.ratio:.2f}",
            line.against,
            _promise(line),
            {None: "", True: "holds", False: "MISSED"}[line.holds],
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    text = [_row(row, widths) for row in rows]
    details = [
        f"  {line.bench}, {line.what}: "
        + ", ".join(f"{name} {_shown(value)}" for name, value in line.detail.items())
        for line in lines
        if line.detail
    ]
    return "\n".join([*text, "", *details])


def number(value: float) -> str:
    """A figure in three significant digits, or whole when it is large."""
    return f"{value:,.0f}".replace(",", " ") if value >= 1000 else f"{value:.3g}"


def svg(lines: Sequence[Line], title: str) -> str:
    """Horizontal bars; those of one bench and unit share a scale."""
    largest: dict[tuple[str, str], float] = {}
    for line in lines:
        key = line.bench, line.unit
        largest[key] = max(largest.get(key, 0.0), line.value)
    height = _ROW * (len(lines) + 2)
    width = _LEFT + _BAR_WIDTH + 220
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="20" font-weight="bold" fill="#1b1b1b">{escape(title)}</text>',
    ]
    for index, line in enumerate(lines):
        drawn.append(_bar(line, _ROW * (index + 1.5), largest[line.bench, line.unit]))
    return "\n".join([*drawn, "</svg>\n"])


def _bar(line: Line, top: float, largest: float) -> str:
    length = _BAR_WIDTH * line.value / largest if largest else 0
    colour = {None: "#4a6fa5", True: "#2f7d4f", False: "#b3261e"}[line.holds]
    beside = f"{number(line.value)} {line.unit}"
    if line.ratio is not None:
        beside += f" ({line.ratio:.2f} of {line.against})"
    text = top + 15
    return (
        f'<text x="{_LEFT - 8}" y="{text:g}" text-anchor="end" fill="#1b1b1b">'
        f"{escape(line.bench + ': ' + line.what)}</text>"
        f'<rect x="{_LEFT}" y="{top + 3:g}" width="{length:.1f}" height="17" fill="{colour}"/>'
        f'<text x="{_LEFT + length + 6:.1f}" y="{text:g}" fill="#1b1b1b">{escape(beside)}</text>'
    )


def _promise(line: Line) -> str:
    if line.bar is not None:
        return f">= {line.bar:g}"
    return "" if line.most is None else f"<= {line.most:g} {line.unit}"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    right = {2, 4}
    cells = [
        text.rjust(width) if column in right else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
