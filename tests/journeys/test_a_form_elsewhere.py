"""The form on another site, in a real browser: with JavaScript, without it, and in a frame."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import seen_page
from tests.journeys.whole_service import Running, log_in, person

pytestmark = pytest.mark.browser
FORMS = "/desk/installningar/formular"


class Site:
    """A site of its own: another origin, one page, a policy as strict as a site's can be."""

    def __init__(self) -> None:
        self.body = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = f'<!doctype html><html lang="sv"><meta charset="utf-8"><title>Parken</title>\
<main><h1>Parken</h1>{site.body}</main></html>'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def desk(empty: Running, chromium: Browser, site: Site) -> Page:
    """The page of the form, with the site let in."""
    empty.begin_newsletter("sv")
    page = log_in(person(chromium, empty.url), empty.log_in_link())
    page.goto(FORMS)
    page.get_by_label("Webbplatsens adress").fill(site.url)
    page.get_by_role("button", name="Släpp in").click()
    expect(page.get_by_text(site.url)).to_be_visible()
    return page


def snippet(desk: Page, way: str) -> str:
    """What the page gives to copy."""
    desk.goto(f"{FORMS}?way={way}")
    return desk.get_by_label("HTML att kopiera").input_value()


def test_a_visitor_signs_up_on_another_site_with_javascript_and_the_desk_says_that_it_works(
    empty: Running, chromium: Browser, desk: Page, site: Site
) -> None:
    site.body = snippet(desk, "script") * 2  # it may stand twice on a page
    expect(desk.get_by_text("Väntar på en första anmälan")).to_be_visible()
    page = person(chromium, site.url).new_page()
    watch = seen_page.Watch(page)
    page.goto("/")
    page.locator("form[data-ready]").nth(1).wait_for()
    form = page.locator("form").nth(1)
    form.get_by_label("E-postadress").fill("vera at reader.test")
    form.get_by_role("button", name="Prenumerera").click()
    expect(form.get_by_role("alert")).to_contain_text("@")
    expect(form.get_by_label("E-postadress")).to_be_focused()
    form.get_by_label("E-postadress").fill("vera@reader.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Kolla din inkorg")
    assert page.url == f"{site.url}/"
    assert page.locator("form").count() == 1  # the other one stands as it was
    assert [*watch.faults, *seen_page.faults(page)] == []
    empty.post.wait_for("vera@reader.test", "Bekräfta")
    expect(desk.get_by_text("Formuläret fungerar")).to_be_visible()


def test_a_visitor_signs_up_on_another_site_without_javascript(
    empty: Running, chromium: Browser, desk: Page, site: Site
) -> None:
    site.body = snippet(desk, "script")
    page = person(chromium, site.url, 320, javascript=False).new_page()
    page.goto("/")
    page.get_by_label("E-postadress").fill("ulla@reader.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kolla din inkorg")
    empty.post.wait_for("ulla@reader.test", "Bekräfta")


def test_a_visitor_signs_up_in_a_frame(
    empty: Running, chromium: Browser, desk: Page, site: Site
) -> None:
    site.body = snippet(desk, "frame")
    page = person(chromium, site.url, 320).new_page()
    page.goto("/")
    frame = page.frame_locator("iframe")
    frame.locator("form[data-ready]").wait_for()  # nobody is as quick as a test
    frame.get_by_label("E-postadress").fill("frida@reader.test")
    frame.get_by_role("button", name="Prenumerera").click()
    expect(frame.get_by_role("heading")).to_contain_text("Kolla din inkorg")
    assert page.context.cookies() == []
    empty.post.wait_for("frida@reader.test", "Bekräfta")
