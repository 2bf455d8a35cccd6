"""The first person of an installation: from an empty desk to letters that have arrived."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.whole_service import log_in, person, running_service, text_of

pytestmark = pytest.mark.browser
READERS = ["anna.ek@reader.test", "björn.åström@reader.test", "maria.öst@xn--vrd-qla.test"]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def part_titles(page: Page) -> list[str]:
    return page.locator("#blocks .block__title").all_inner_texts()


def get_started(page: Page, site_url: str) -> None:
    """*Kom igång*, from the site's address to the composer."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Kom igång")
    page.get_by_label("Webbplatsens adress").fill(site_url)
    press(page, "Titta på webbplatsen")
    page.get_by_label("Organisationens namn").fill("Vintergren Life Science Park")
    page.get_by_label("Postadress").fill("Frostvägen 4, 123 45 Vintergren")
    page.get_by_label("Kontaktadress").fill("hej@vintergren.test")
    press(page, "Fortsätt")
    page.get_by_label("Avsändarens adress").fill("nyhetsbrev@vintergren.test")
    press(page, "Fortsätt")
    wait_for_button(page, "Använd det här")
    press(page, "Använd det här")
    wait_for_button(page, "Visa mitt första utskick")
    press(page, "Visa mitt första utskick")
    expect(page.get_by_label("Ämne")).not_to_have_value("")


def wait_for_button(page: Page, name: str) -> None:
    """The worker answers in its time; the page asks by itself, or a person asks again."""
    wanted = page.get_by_role("button", name=name, exact=True)
    for _again in range(40):
        if wanted.count():
            return
        page.wait_for_timeout(500)
        look_again = page.get_by_role("link", name="Se om det är klart")
        if look_again.count() and look_again.first.is_visible():
            look_again.first.click()
    expect(wanted).to_be_visible()


def write(page: Page, subject: str) -> None:
    """Another subject, preview text and introduction; parts moved, removed and added."""
    page.get_by_label("Ämne").fill(subject)
    page.get_by_label("Förhandstext").fill("Ett labb, en fest och ett stipendium")
    page.get_by_label("Inledning").fill("Hej! **Det här** har hänt sedan sist.")
    before = part_titles(page)
    page.get_by_role("button", name="Flytta ner").first.click()
    expect(page.locator("#blocks .block__title").nth(0)).to_have_text(before[1])
    assert part_titles(page)[:2] == before[1::-1]
    page.get_by_role("button", name="Ta bort").nth(2).click()
    expect(page.locator("#blocks .block__title").nth(2)).to_have_text(before[3])
    page.get_by_role("group", name="Lägg till en del sist").get_by_role(
        "button", name="Knapp"
    ).click()
    added = page.locator("#blocks .block").last
    added.get_by_label("Text").fill("Anmäl dig till festen")
    added.get_by_label("Länk").fill("https://vintergren.example.org/fest")
    added.get_by_role("button", name="Spara").click()
    expect(page.get_by_label("Ämne")).to_have_value(subject)
    assert len(part_titles(page)) == len(before)


def go_on_at_once(page: Page) -> None:
    """Whoever presses a link right after typing loses nothing of it."""
    said = "Ett labb, en fest och två stipendier"
    page.get_by_label("Förhandstext").fill(said)
    composer = page.url
    page.get_by_role("link", name="Nyheter", exact=True).first.click()
    page.wait_for_url("**/desk/nyheter**")
    page.goto(composer)
    expect(page.get_by_label("Förhandstext")).to_have_value(said)


def review_and_test(page: Page, address: str) -> None:
    page.get_by_role("button", name="Granska", exact=True).click()
    page.get_by_label("Skicka ett test till").fill(address)
    press(page, "Skicka test")
    expect(page.get_by_text(f"Ett test är på väg till {address}.")).to_be_visible()


def release_and_undo(page: Page) -> None:
    press(page, f"Skicka till {len(READERS)}")
    why = page.get_by_label("Varför skickas det som det är?")
    if why.is_visible():  # a link that answered too slowly was found in the meantime
        why.fill("Sidan är långsam, men den finns.")
        press(page, f"Skicka till {len(READERS)}")
    expect(page.get_by_text(re.compile("^Skickas"))).to_be_visible()
    press(page, "Ångra")
    expect(page.get_by_text("Utskicket är ett utkast igen")).to_be_visible()


def report(page: Page) -> None:
    """Open the report and watch it balance, live or by asking again."""
    expect(page.get_by_text("Skickas")).to_be_visible()
    page.get_by_role("link", name="Rapport").click()
    begins = page.get_by_text("Rapporten börjar när utskicket går.")
    done = page.get_by_text(f"Alla {len(READERS)} är redovisade: 3 skickade.")
    for _again in range(50):
        if done.count():
            break
        page.wait_for_timeout(500)
        again = page.get_by_role("link", name="Ladda om siffrorna")
        if begins.count() or (again.count() and again.first.is_visible()):
            page.reload()
    expect(done).to_be_visible()


def import_readers(page: Page) -> None:
    """Readers who have consented come in by a file."""
    page.goto("/desk/prenumeranter/importera")
    rows = "\n".join(["email", *READERS])
    page.get_by_label("Fil").set_input_files(
        {"name": "läsare.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    press(page, "Granska filen")
    page.get_by_label("De har redan samtyckt").check()
    page.get_by_label("Vad stöder ni er på?").fill("Kryssade i rutan på höstmötet.")
    press(page, "Importera 3 prenumeranter")
    done = page.get_by_role("heading", level=1, name="3 importerade")
    for _again in range(20):  # a worker takes them in
        if done.count():
            break
        page.wait_for_timeout(500)
        if page.get_by_role("link", name="Ladda om siffrorna").count():
            page.reload()
    expect(done).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with_javascript", "without"])
def test_from_an_empty_desk_to_letters_that_arrived(
    tmp_path: Path, chromium: Browser, javascript: bool
) -> None:
    """With JavaScript on a desk, without it on a phone."""
    with running_service(tmp_path, undo_seconds="6") as running:
        width = 1280 if javascript else 320
        anna = person(chromium, running.url, width, javascript=javascript)
        page = log_in(anna, running.log_in_link())
        get_started(page, running.site_url)
        composer = page.url
        import_readers(page)
        page.goto(composer)
        subject = "Labbet öppnar på Åkerö"
        write(page, subject)
        if javascript:  # it keeps what stands in the fields by itself
            go_on_at_once(page)
        review_and_test(page, "chef@vintergren.test")
        test = running.post.wait_for("chef@vintergren.test", subject)
        assert "Det här har hänt sedan sist" in text_of(test)
        release_and_undo(page)
        assert running.post.recipients(subject) == ["chef@vintergren.test"]
        press(page, f"Skicka till {len(READERS)}")
        report(page)
        arrived = running.post.recipients(subject)
        assert sorted(arrived) == sorted([*READERS, "chef@vintergren.test"])
        letter = running.post.wait_for(READERS[0], subject)
        assert "https://vintergren.example.org/fest" in text_of(letter)
        anna.close()
