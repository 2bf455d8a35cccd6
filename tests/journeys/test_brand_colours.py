"""Whatever colour an organisation chooses, its pages can be read."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

TOKENS = Path(__file__).parents[2] / "newsletter_service/web/static/css/tokens.css"
BRANDS = [
    *("#000000", "#888888", "#c0c0c0", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#ffff00"),
    *("#00ffff", "#ff00ff", "#0b6e6e", "#e4572e", "#ffd400", "#7a3cff", "#777733", "#ff69b4"),
]
PAIRS = [
    ("accent-on", "accent-fill", 4.5),
    ("accent-on", "accent-hover", 4.5),
    ("accent", "paper", 4.5),
    ("accent", "sunk", 4.5),
    ("accent", "raised", 4.5),
    ("accent", "accent-tint", 4.5),
    ("ink-soft", "accent-tint", 4.5),
]
# WCAG 2.2, definition of contrast ratio; the canvas turns any colour into sRGB.
CONTRAST = """(pairs) => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const probe = document.getElementById("probe");
  const luminance = (token) => {
    probe.style.color = `var(--${token})`;
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return pairs.map(([one, other]) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
}"""


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_any_brand_colour_gives_legible_buttons_and_links(chromium: Browser, theme: str) -> None:
    page = chromium.new_page()
    for brand in BRANDS:
        styles = f"{TOKENS.read_text()} :root {{ --brand: {brand} }}"
        page.set_content(
            f'<html data-theme="{theme}"><style>{styles}</style><p id="probe">probe</p>'
        )
        measured = page.evaluate(CONTRAST, [[one, other] for one, other, _ in PAIRS])
        for (one, other, least), ratio in zip(PAIRS, measured, strict=True):
            assert ratio >= least, (brand, one, other, round(ratio, 2))
    page.close()
