"""Every page that a person can open: axe-core, a phone of 320 pixels, both themes, the console."""

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter_service.app import create_app
from newsletter_service.settings import Settings
from tests.journeys import seen_page
from tests.journeys.whole_service import A_PERSON_FILLS_IN_S, Up, link_in, log_in, person

pytestmark = pytest.mark.browser

# What is no page, and the letters: they run no script, so axe cannot look at them.
NO_PAGES = {
    *("static", "brand.stylesheet", "health.healthz", "health.readyz", "health.version"),
    *("metrics.scrape", "sandbox.raw", "letter.file", "letter.page", "sandbox.html"),
    *("public.task", "public.theme", "forms.seen"),
    *("letter.on_paper", "public.document", "public.picture", "public.follow"),
    "subscribers_files.report",
    *("start.here", "sources.findings", "public.archived_issue", "public.archive_feed"),
}
BY_TOKEN = {
    "public.send_in",
    "public.confirm",
    "public.block",
    "public.unsubscribe",
    "public.preferences",
}
PUBLIC = """
    / /prenumerera/nyhetsbrev /subscribe/nyhetsbrev /prenumerera/nyhetsbrev/tack
    /formular/nyhetsbrev /form/nyhetsbrev
    /arkiv/nyhetsbrev /archive/nyhetsbrev?q=finns-inte
    /nytta/1/yes /mina-val /my-choices /integritet /privacy /tillganglighet /accessibility
    /finns-inte /bekrafta/finns-inte
    /desk/logga-in /desk/logga-in/lank /desk/logga-in/finns-inte
""".split()  # noqa: SIM905 - addresses read better in lines
DESK = """
    /desk/ /desk/nyheter /desk/nyheter?flik=kommande /desk/nyheter/1
    /desk/utskick /desk/utskick/2 /desk/utskick/2?open=3 /desk/utskick/2/granska
    /desk/utskick/2/godkannande /desk/bilder /desk/utskick/1/granska /desk/utskick/1/rapport
    /desk/prenumeranter /desk/prenumeranter/alla /desk/prenumeranter/1
    /desk/prenumeranter/importera /desk/prenumeranter/importera/1
    /desk/prenumeranter/urval /desk/prenumeranter/urval/nytt/1
    /desk/prenumeranter/urval/1
    /desk/installningar/ /desk/installningar/formular /desk/installningar/kallor
    /desk/installningar/mejl /desk/installningar/falt /desk/installningar/falt/1
    /desk/installningar/personer /desk/installningar/personer/1 /desk/installningar/dataskydd
    /desk/installningar/dataskydd/kvitto/1 /desk/installningar/dataskydd/behandlingar
    /desk/installningar/dataskydd/uppgifter
    /desk/installningar/leverans /desk/konto /desk/drift /desk/drift/studsar
    /desk/drift/studsar/labb /desk/drift/studsar/labb/1 /desk/brevlada/ /desk/brevlada/1
    /desk/components /desk/kom-igang/webbplats /desk/kom-igang/organisation
    /desk/kom-igang/nyhetsbrev /desk/kom-igang/forslag /desk/kom-igang/forsta-utskicket
""".split()  # noqa: SIM905
READER = "vera.vik@reader.test"
# Behind a fresh mail, and what is no page of its own: files, and the letter in a frame.
OWN_PAGE = {
    *("public.choices", "public.new_address", "public.privacy_version"),
    *("privacy.receipt_file", "first_mails.welcome"),
}


def look(page: Page, faults: list[str], path: str) -> None:
    """Open a page and note what is wrong with it."""
    watch = seen_page.Watch(page)
    page.goto(path)
    note(page, watch, faults, path)


def note(page: Page, watch: seen_page.Watch, faults: list[str], name: str) -> None:
    faults += [f"{name}: {each}" for each in [*watch.faults, *seen_page.faults(page)]]
    watch.faults.clear()


def test_every_public_page_is_accessible_and_fits_a_phone(sample: Up, chromium: Browser) -> None:
    faults: list[str] = []
    page = person(chromium, sample.url).new_page()
    for path in PUBLIC:
        look(page, faults, path)
    assert faults == []


def test_every_page_behind_a_readers_links_is_accessible_and_fits_a_phone(
    sample: Up, chromium: Browser
) -> None:
    faults: list[str] = []
    page = person(chromium, sample.url).new_page()
    watch = seen_page.Watch(page)
    page.goto("/prenumerera/nyhetsbrev")
    page.get_by_role("button", name="Prenumerera").click()
    page.get_by_role("alert").wait_for()
    note(page, watch, faults, "the form with an error")
    time.sleep(A_PERSON_FILLS_IN_S)
    page.get_by_label("E-postadress").fill(READER)
    page.get_by_role("button", name="Prenumerera").click()
    link = link_in(sample.post.wait_for(READER, "Bekräfta"), "bekrafta/")
    look(page, faults, link.replace("/bekrafta/", "/sparra/"))
    look(page, faults, link)
    page.get_by_role("button", name="Bekräfta prenumerationen").click()
    note(page, watch, faults, "confirmed")
    welcome = sample.post.wait_for(READER, "Nu prenumererar du")
    look(page, faults, link_in(welcome, "(?:installningar|preferences)/"))
    page.get_by_role("button", name="Mejla mig en länk").click()
    note(page, watch, faults, "asked for one's own page")
    look(page, faults, link_in(sample.post.wait_for(READER, "Din egen sida"), "mina-val/"))
    page.get_by_label("Ny e-postadress").fill("vera.ny@reader.test")
    page.get_by_role("button", name="Byt adress").click()
    note(page, watch, faults, "asked for a new address")
    moving = sample.post.wait_for("vera.ny@reader.test", "Bekräfta din nya adress")
    look(page, faults, link_in(moving, "ny-adress/"))
    look(page, faults, link_in(welcome, "unsubscribe/"))
    page.get_by_role("button", name="Avprenumerera", exact=True).click()
    note(page, watch, faults, "left")
    look(page, faults, link_in(welcome, "unsubscribe/"))
    assert faults == []


def test_every_page_of_the_desk_is_accessible_and_fits_a_phone(
    sample: Up, chromium: Browser
) -> None:
    faults: list[str] = []
    page = log_in(person(chromium, sample.url), sample.new_link())
    for path in DESK:
        look(page, faults, path)
    page.goto("/desk/installningar/kallor")
    page.get_by_label("Bolagets namn").fill("Bolaget")
    page.get_by_role("button", name="Skapa en länk").click()
    link = page.locator("#companies code").first.inner_text()
    look(page, faults, urlsplit(link).path)
    assert faults == []


def test_a_readers_answer_goes_where_the_cursor_was_and_the_letter_follows(
    sample: Up, chromium: Browser
) -> None:
    page = log_in(person(chromium, sample.url), sample.new_link())
    page.goto("/desk/utskick/2")
    page.get_by_label("Inledning").first.click()
    page.keyboard.press("Control+Home")
    page.get_by_text("Sätt in en läsares svar").click()
    page.get_by_label("Ord för dem som inte har svarat").fill("Kära läsare")
    page.get_by_role("button", name="Sätt in", exact=True).click()
    page.keyboard.type(". ")
    put = "{organisation|Kära läsare}. Hej! Här är"
    expect(page.get_by_label("Inledning").first).to_have_value(re.compile(re.escape(put)))
    letter = page.frame_locator("[data-mail-frame] iframe")
    expect(letter.get_by_text("Kära läsare")).to_be_visible()
    page.get_by_label("Läs som").select_option("Vattenbolaget")
    page.get_by_role("button", name="Visa", exact=True).click()
    expect(letter.get_by_text("Vattenbolaget. Hej! Här är")).to_be_visible()


def test_no_page_is_forgotten_here(sample: Up) -> None:
    app = create_app(Settings.from_env(sample.env))
    router = app.url_map.bind("127.0.0.1")
    paths = [urlsplit(path).path for path in [*PUBLIC, *DESK]]
    seen = {router.match(path)[0] for path in paths if not path.endswith("/finns-inte")}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and rule.endpoint != "auth.open_link"
    }
    assert pages - seen - NO_PAGES - BY_TOKEN - OWN_PAGE == set()
