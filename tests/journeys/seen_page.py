"""A page as axe-core, a narrow phone and the browser's console see it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Response

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
# Letters in frames run no script, so axe cannot look into them; they are opened by themselves.
RUN_AXE = """async () => {
  const found = await axe.run(document, {iframes: false, resultTypes: ["violations"]});
  return found.violations.map((each) =>
    `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
}"""
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const wide = [...document.querySelectorAll("body *")].filter(
    (each) => each.getBoundingClientRect().right > width + 1);
  return wide.slice(0, 3).map((each) => each.outerHTML.slice(0, 120)).join(" | ") || "body";
}"""


class Watch:
    """Collects what a page complains of while it loads."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        """A page that is an answer of 4xx says so itself; anything else is a fault."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            self.faults.append(f"{response.status} for {response.url}")


def faults(page: Page) -> list[str]:
    """What is wrong with the page that is open: wide and light, then narrow and dark."""
    page.evaluate(AXE)
    found = []
    for theme, width, height in (("light", 1280, 900), ("dark", 320, 640)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        said: list[Any] = page.evaluate(RUN_AXE)
        found += [f"{theme}, {width}: {each}" for each in said]
        if too_wide := page.evaluate(OVERFLOW):
            found.append(f"{width}: wider than the window: {too_wide}")
    return found
