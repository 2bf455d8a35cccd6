"""Makes the pictures of docs/images anew, from a service that it starts and ends itself.

`.venv/bin/python -m scripts.screenshots` in the project's directory; needs Chromium.
"""

import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import servers
from tests.journeys.whole_service import (
    A_PERSON_FILLS_IN_S,
    Up,
    link_in,
    log_in,
    person,
    running_service,
)

IMAGES = Path(__file__).parent.parent / "docs" / "images"
TALLEST = 1200
LARGEST_BYTES = 120_000
FORM = "/prenumerera/nyhetsbrev"
READER = "vera.vik@reader.test"
DESK = {
    "overview": "/desk/",
    "composer": "/desk/utskick/2",
    "review": "/desk/utskick/2/granska",
    "report": "/desk/utskick/1/rapport",
    "drift": "/desk/drift",
}
ALSO_NARROW = {"overview", "composer", "report"}
LETTER = "/desk/utskick/1/brev"


def keep(page: Page, name: str, tallest: int = TALLEST) -> None:
    """One picture: the page from its top, in as many colours as its size allows."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    shot = shot.crop((0, 0, shot.width, min(shot.height, tallest)))
    for colours in (256, 128, 64, 32):
        packed = io.BytesIO()
        few = shot.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(packed, "PNG", optimize=True)
        if packed.tell() <= LARGEST_BYTES:
            break
    (IMAGES / f"{name}.png").write_bytes(packed.getvalue())
    print(f"{name}.png  {shot.width} × {shot.height}  {packed.tell() // 1000} kB")


def at(context: BrowserContext, path: str, name: str, width: int = 1280) -> None:
    """Open an address and keep it."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 640})
    page.goto(path)
    keep(page, name)
    page.close()


def public_pages(chromium: Browser, up: Up) -> None:
    """The form, and the page that the confirmation leads to."""
    visitor = person(chromium, up.url)
    at(visitor, FORM, "form")
    at(visitor, FORM, "form-320", 320)
    page = visitor.new_page()
    page.goto(FORM)
    time.sleep(A_PERSON_FILLS_IN_S)
    page.get_by_label("E-postadress").fill(READER)
    page.get_by_role("button", name="Prenumerera").click()
    at(visitor, link_in(up.post.wait_for(READER, "Bekräfta"), "bekrafta/"), "confirm")


def desk_pages(chromium: Browser, up: Up) -> None:
    """The desk, and the letter in a window as wide as mail programs are."""
    staff = person(chromium, up.url)
    log_in(staff, up.link)
    for name, path in DESK.items():
        at(staff, path, name)
        if name in ALSO_NARROW:
            at(staff, path, f"{name}-320", 320)
    for width in (640, 320):
        at(staff, LETTER, f"letter-{width}", width)
        at(staff, f"{LETTER}?vy=morkt", f"letter-{width}-dark", width)


def first_steps(chromium: Browser, place: Path) -> None:
    """*Kom igång*, where the site's feed, logo and colours are proposed."""
    with running_service(place) as empty:
        page = log_in(person(chromium, empty.url), empty.log_in_link())
        page.get_by_label("Webbplatsens adress").fill(empty.site_url)
        page.get_by_role("button", name="Titta på webbplatsen").click()
        page.get_by_label("Postadress").fill("Frostvägen 4, 123 45 Vintergren")
        page.get_by_label("Organisationens namn").fill("Vintergren Life Science Park")
        page.get_by_label("Kontaktadress").fill("hej@vintergren.test")
        page.get_by_role("button", name="Fortsätt").click()
        page.get_by_label("Avsändarens adress").fill("nyhetsbrev@vintergren.test")
        page.get_by_role("button", name="Fortsätt").click()
        page.get_by_role("button", name="Använd det här").wait_for()
        keep(page, "start")


def main() -> None:
    """Every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        chromium = playwright.chromium.launch(
            executable_path=servers.chromium_program(), args=servers.CHROMIUM_FLAGS
        )
        with Up(Path(place) / "sample") as up:
            public_pages(chromium, up)
            desk_pages(chromium, up)
        first_steps(chromium, Path(place) / "empty")
        chromium.close()


if __name__ == "__main__":
    main()
