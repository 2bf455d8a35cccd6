"""Nothing that anybody wrote becomes code: in a page, in a letter, in the template of a letter."""

import re
from datetime import UTC, datetime

import pytest

from newsletter_service.embedded.sandbox_store import Sandbox
from newsletter_service.extensions import db
from newsletter_service.issues import compose
from newsletter_service.issues.blocks import FIELDS
from newsletter_service.mail.message import Prepared
from newsletter_service.models import (
    Block,
    BlockKind,
    BounceEvent,
    BounceMessage,
    Delivery,
    Issue,
    IssueText,
    Item,
    NewsletterList,
    Organisation,
    Person,
    Relay,
    Role,
    SiteProbe,
    Source,
    Suppression,
    writing,
)
from newsletter_service.news import desk
from tests.integration.attacks.town import Town, differences, dump
from tests.integration.web.browsing import submit

MARK = "zqx"
SCRIPT = f"\"'><script>{MARK}</script><img src=x onerror={MARK}>"
TEMPLATES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ config }}{{ self }}{{ cycler.__init__.__globals__ }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ 7 * 191 }}${7 * 191}#{7 * 191}<%= 7 * 191 %>",
    "{% include 'issue/body.html' %}{% raw %}",
    "{{ slot('unsubscribe_url') }}xslot0x%(unsubscribe_url)s",
)
LINKS = (
    f"javascript:{MARK}",
    f"JaVaScRiPt:{MARK}",
    f"java\tscript:{MARK}",
    f"data:text/html,<script>{MARK}</script>",
    f"vbscript:{MARK}",
    f'https://park.test/"onmouseover={MARK}',
)


_QUOTED = re.compile('"[^"<>]*"')


def poison_links(town: Town, link: str) -> None:
    """Write the link wherever people may type one that no form refuses."""
    with writing() as session:
        issue = session.get_one(Issue, town.issue_id)
        session.get_one(IssueText, (issue.id, "sv")).introduction = f"[a]({link}) <{link}>"
        issue.blocks = [
            Block(kind=kind, position=n, data={"sv": values(kind, link)})
            for n, kind in enumerate(BlockKind)
        ]
    db.session.remove()


def poison(town: Town, text: str) -> None:
    """Write the text wherever a row has room for words."""
    rows = {
        Organisation: ("name", "postal_address", "org_nr", "logo_url", "website", "privacy_url"),
        NewsletterList: ("name", "name_en", "description", "frequency", "sender_name"),
        Item: ("title", "summary", "image_alt", "place", "url", "image_url"),
        Source: ("title", "site_url", "last_error"),
        IssueText: ("subject", "preheader", "introduction"),
        Person: ("name",),
        BounceEvent: ("evidence", "reason", "status", "domain", "source"),
        BounceMessage: ("note", "kind", "envelope_to"),
        Suppression: ("evidence", "source"),
        Relay: ("last_error", "paused_reason"),
        Delivery: ("reply",),
    }
    with writing() as session:
        for model, names in rows.items():
            for row in session.query(model):
                for name in names:
                    setattr(row, name, text[:300])
        session.get_one(SiteProbe, town.probe_id).found = {
            "name": text,
            "feeds": [{"url": text, "kind": "rss", "title": text, "site_url": text,
                       "count": 1, "headlines": [text]}],
            "logos": [text],
            "accents": [text],
            "postal_address": text,
            "email": text,
        }  # fmt: skip
        issue = session.get_one(Issue, town.issue_id)
        issue.blocks = [
            Block(kind=kind, position=n, data={"sv": values(kind, text)})
            for n, kind in enumerate(BlockKind)
        ]
    db.session.remove()


def values(kind: BlockKind, text: str) -> dict[str, object]:
    fixed = {"starts_on": "2026-12-03", "ends_on": None, "last_day": None, "lead": False}
    fixed |= {"width": None, "height": None, "image_height": None}
    return {name: fixed.get(name, text) for name in FIELDS[kind]}


def pages(town: Town) -> list[str]:
    """Every page and letter that somebody may see, as HTML."""
    clients = (town.browser(Role.ADMINISTRATOR), town.stranger())
    found = []
    for rule in town.world.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint in {"static", "health.readyz"}:
            continue
        for path in town.paths(rule):
            for client in clients:
                answer = client.get(path)
                assert answer.status_code < 500, path
                if answer.mimetype == "text/html":
                    found.append(answer.get_data(as_text=True))
    return found


def test_script_in_any_text_is_words_on_every_page(town: Town) -> None:
    poison(town, SCRIPT)
    seen = pages(town)
    assert any(MARK in page for page in seen)
    for page in seen:
        bare = _QUOTED.sub('""', page)
        assert not re.search(rf"<script[^>]*>[^<]*{MARK}|<img[^>]*onerror|<[^<>]*\son\w+\s*=", bare)


@pytest.mark.parametrize("link", LINKS)
def test_no_page_leads_to_a_link_that_runs(town: Town, link: str) -> None:
    poison_links(town, link)
    for page in pages(town):
        for address in re.findall(r"""(?:href|action)\s*=\s*["']([^"']*)""", page):
            plain = re.sub(r"[\x00-\x20]|&#\d+;", "", address).lower()
            assert not plain.startswith(("javascript:", "vbscript:", "data:text")), address
        assert not re.search(rf"<[^<>\"]*\sonmouseover={MARK}", page)


@pytest.mark.parametrize("link", LINKS[:-1])
@pytest.mark.parametrize("field", ["url", "image_url"])
def test_news_that_is_typed_in_takes_addresses_of_the_web_only(
    town: Town, link: str, field: str
) -> None:
    item_id = desk.type_in(town.world.list_id, desk.Typed("Nytt"), datetime.now(UTC))
    editor = town.browser(Role.EDITOR)
    before = dump()
    answer = submit(editor, f"/desk/nyheter/{item_id}", {"title": "Nytt", field: link})
    assert answer.status_code == 422
    assert "Write a web address" in answer.text
    assert differences(before, dump()) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_in_any_text_of_a_letter_is_words(town: Town, template: str) -> None:
    poison(town, template)
    issue = db.session.get_one(Issue, town.issue_id)
    issue.texts[0].subject = template
    letter = compose.letter(db.session(), issue, "sv")
    for part in (letter.subject, letter.html, letter.text):
        assert "1337" not in part
        assert "<class" not in part
        assert "&lt;class" not in part
        assert "SECRET_KEY" not in part
    prepared = Prepared.of(letter, compose.fixed_headers(db.session(), issue, "sv"))
    usual = db.session.get_one(Issue, town.sent_id)
    plain = Prepared.of(
        compose.letter(db.session(), usual, "sv"), compose.fixed_headers(db.session(), usual, "sv")
    )
    assert len(prepared.places) == len(plain.places), "a text made a slot of its own"


NASTY_MAILS = (
    b"Content-Type: text/html; charset=x-unknown\r\n\r\n<p>hej</p>",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-",
    b"Content-Type: text/plain; charset=x-unknown\r\n\r\nhej",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nbroken",
    b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    b"Content-Type: ;;;\r\nFrom: =?x?q?=\r\nTo: <<>>\r\nDate: never\r\n\r\nx",
    b"Subject: " + b"\xff" * 500 + b"\r\nFrom: \xc3\xa5 <a@b>\r\n\r\n\xff\xff",
    b"",
    b"Content-Type: text/html\r\n\r\n<html><head><meta http-equiv=refresh content='0;url=//x'>"
    b"</head><body onload=alert(1)><script>alert(1)</script><iframe src=//evil.test></body>",
)


def test_a_nasty_mail_in_the_sandbox_breaks_no_page_and_runs_nothing(town: Town) -> None:
    store = Sandbox(town.world.settings.data_dir / "sandbox")
    ids = [
        store.add("x@bounce.test", ["r@reader.test"], raw, datetime.now(UTC)) for raw in NASTY_MAILS
    ]
    client = town.browser(Role.ADMINISTRATOR)
    assert client.get("/desk/brevlada/").status_code == 200
    for mail_id in ids:
        for part in ("", "?view=text", "?view=headers", "/html", "/raw"):
            answer = client.get(f"/desk/brevlada/{mail_id}{part}")
            assert answer.status_code in {200, 404}, (mail_id, part)
            policy = answer.headers["Content-Security-Policy"]
            if part == "/html" and answer.status_code == 200:
                assert "script-src" not in policy
                assert "default-src 'none'" in policy
                assert "sandbox" in policy
                assert "allow-scripts" not in policy
        page = client.get(f"/desk/brevlada/{mail_id}").text
        for frame in re.findall(r"<iframe[^>]*>", page):
            assert "sandbox=" in frame
            assert "allow-scripts" not in frame
