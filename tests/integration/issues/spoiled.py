"""For each rule of the check: a newsletter that it finds fault with, and one it just lets pass."""

import hashlib
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import current_app

from newsletter_service import settings
from newsletter_service.extensions import db
from newsletter_service.issues.checks.case import link_key
from newsletter_service.issues.translating import TRANSLATED
from newsletter_service.models import (
    BlockKind,
    DoctorReport,
    FieldValue,
    Issue,
    IssueState,
    Item,
    LinkCheck,
    LinkOutcome,
    ListField,
    RemotePicture,
    Source,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from newsletter_service.settings import current
from tests.integration.issues.newsletters import (
    NOW,
    SITE,
    WORDS,
    Paper,
    Spoil,
    both,
    html,
    made,
    more,
    newsletter,
    organisation,
    part,
    plain,
    text,
)

_K = BlockKind
LONG = "Allt om vårens seminarier, labb, tävlingar och möten i hela parken"
FITS = "Allt om vårens seminarier, labb, tävlingar och möten i hus 3"
HEAVY = " ".join(
    f"Verksamhetsutvecklingsprocesserna {n} förutsätter förvaltningsövergripande "
    "samverkansstrukturer mellan högskoleorganisationernas innovationsavdelningar och "
    "näringslivsrepresentanterna"
    for n in range(6)
)


def as_it_is(_paper: Paper) -> None:
    """The newsletter as it stands."""


def _without_blocks(paper: Paper) -> None:
    paper.issue.blocks = []


def _only(*kinds: BlockKind) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.issue.blocks = [block for block in paper.issue.blocks if block.kind in kinds][:1]
        paper.issue.text("sv").introduction = ""

    return spoil


def _twice(paper: Paper) -> None:
    paper.issue.blocks.append(made(99, _K.ITEM, paper.block(_K.ITEM).data["sv"]))


def _parts(number: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        while len(paper.issue.blocks) < number:
            paper.issue.blocks.append(made(99, _K.QUOTE, {"text": "Så sade någon."}))

    return spoil


def _sites(number: int) -> Spoil:
    links = " ".join(f"[bolag {n}](https://bolag{n}.se/om)" for n in range(number))
    return more(_K.TEXT, markdown=links)


def _used_in(state: IssueState) -> Spoil:
    def spoil(paper: Paper) -> None:
        earlier = _earlier(paper, state)
        earlier.blocks.append(made(1, _K.ITEM, {"title": "Kryo"}))
        item = _item()
        for issue in (earlier, paper.issue):
            next(block for block in issue.blocks if block.kind == _K.ITEM).item_id = item

    return spoil


def _kept_back(until: int, leaves: int) -> Spoil:
    """News under embargo for so many hours, in an issue that leaves after so many."""

    def spoil(paper: Paper) -> None:
        block = next(block for block in paper.issue.blocks if block.kind == _K.ITEM)
        block.item_id = _item()
        item = db.session.get_one(Item, block.item_id)
        item.embargo_until = NOW + timedelta(hours=until)
        paper.issue.send_at = NOW + timedelta(hours=leaves)

    return spoil


def _item() -> int:
    source = Source(url=f"{SITE}/feed", kind="rss", created_at=NOW, due_at=NOW)
    db.session.add(source)
    db.session.flush()
    times = {"fetched_at": NOW, "changed_at": NOW, "published_at": NOW}
    item = Item(source_id=source.id, guid="kryo", title="Kryo", **times)
    db.session.add(item)
    db.session.flush()
    return item.id


def _earlier(paper: Paper, state: IssueState, audience: int = 0, hours: int = 300) -> Issue:
    issue = Issue(
        list_id=paper.issue.list_id,
        number=paper.issue.number + 100,
        state=state,
        created_at=NOW,
        changed_at=NOW,
        audience=audience,
        sent_at=NOW - timedelta(hours=hours),
        released_at=NOW - timedelta(hours=hours),
    )
    db.session.add(issue)
    db.session.flush()
    return issue


def _last_went_to(audience: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        _earlier(paper, IssueState.SENT, audience)

    return spoil


def _tested(version: int | None) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.issue.tested_version = version

    return spoil


def _reached(number: int) -> Spoil:
    def spoil(_paper: Paper) -> None:
        readers = db.session.query(Subscriber).order_by(Subscriber.id).offset(number)
        for reader in readers:
            db.session.add(
                Suppression(
                    address_key=reader.address_key,
                    reason=SuppressionReason.HARD_BOUNCE,
                    source="test",
                    first_at=NOW,
                    last_at=NOW,
                )
            )

    return spoil


def _examined(outcome: str) -> Spoil:
    def spoil(_paper: Paper) -> None:
        found = {"name": "dkim", "subject": "m1._domainkey.fjallangen.se", "outcome": outcome}
        db.session.add(DoctorReport(at=NOW, passed=True, checks=[found]))

    return spoil


def _answers(name: str, outcome: LinkOutcome = LinkOutcome.OK, **values: Any) -> Spoil:
    """What came of opening one of the newsletter's addresses."""

    def spoil(_paper: Paper) -> None:
        url = f"{SITE}/{name}"
        known = {"url_key": link_key(url), "url": url, "tried_at": NOW, "outcome": outcome}
        db.session.add(LinkCheck(**(known | values)))

    return spoil


def _fields(*answers: str, number: int = 30) -> Spoil:
    """A field *Organisation* and one to tick; what the readers answered to the first."""

    def spoil(paper: Paper) -> None:
        session, mine = db.session(), paper.issue.list_id
        for key, label, kind in (
            ("organisation", "Organisation", "text"),
            ("lunch", "Går", "checkbox"),
        ):
            session.add(ListField(list_id=mine, key=key, label=label, kind=kind, created_at=NOW))
        session.flush()
        field = session.query(ListField).filter_by(list_id=mine, key="organisation").one()
        given = answers or ["Ljus AB"] * number
        readers = session.query(Subscription).filter_by(list_id=mine).order_by(Subscription.id)
        session.add_all(
            FieldValue(subscription_id=one.id, field_id=field.id, value=said, folded=said)
            for one, said in zip(readers, given, strict=False)
        )

    return spoil


def _asks(*, longest: int = 30) -> Spoil:
    """A subject that asks for it, where the answers have so many characters."""
    words = text(subject="Tre nya bolag flyttar in i hus 3, {organisation|kära läsare}")
    return both(_fields(*["a" * longest] * 30), words)


def _fetched(error: str, tries: int = 4) -> Spoil:
    """What came of fetching one of its pictures; without an error it is tried again."""

    def spoil(_paper: Paper) -> None:
        url = f"{SITE}/bilder/hus3.png"
        row = RemotePicture(url_key=hashlib.sha256(url.encode()).digest(), url=url, asked_at=NOW)
        row.error, row.tries, row.due_at = error, tries, None if error else NOW
        db.session.add(row)

    return spoil


def _changed(minutes: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.issue.changed_at = NOW - timedelta(minutes=minutes)

    return spoil


def _reached_at(scheme: str) -> Spoil:
    def spoil(paper: Paper) -> None:
        usual = current()
        ours = replace(usual, base_url=f"{scheme}://brev.fjallangen.se")
        current_app.extensions[settings.KEY] = ours
        paper.undo = lambda: current_app.extensions.update({settings.KEY: usual})

    return spoil


def _signed_by(pem: str) -> Spoil:
    def spoil(paper: Paper) -> None:
        folder = current().dkim_dir / "fjallangen.se"
        folder.mkdir(parents=True)
        (folder / "nl1.pem").write_text(pem)
        (folder / "nl1.pem").chmod(0o600)
        (folder / "selectors.json").write_text('{"signing": ["nl1"]}')
        paper.undo = lambda: shutil.rmtree(folder)

    return spoil


def _server_takes(octets: int) -> Spoil:
    def spoil(_paper: Paper) -> None:
        values = {"limit": str(octets)}
        size = {"name": "size", "subject": "relay", "outcome": "ok", "values": values}
        known = {"name": "dkim", "subject": "m1._domainkey.fjallangen.se", "outcome": "ok"}
        db.session.add(DoctorReport(at=NOW, passed=True, checks=[size, known]))

    return spoil


def _sent(hours: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        _earlier(paper, IssueState.SENT, hours=hours).text("sv").subject = WORDS["subject"].upper()

    return spoil


def _planned(hours: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.issue.state = IssueState.SCHEDULED
        paper.issue.send_at = NOW - timedelta(hours=hours)
        paper.issue.expires_at = paper.issue.send_at + timedelta(hours=48)

    return spoil


def _planned_for(number: int) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.issue.state, paper.issue.planned_reach = IssueState.SCHEDULED, number

    return spoil


def in_english(paper: Paper) -> None:
    """The whole newsletter in English too."""
    paper.issue.newsletter.locales = ["sv", "en"]
    english = paper.issue.text("en")
    english.subject, english.preheader = "A microscope for all", "And breakfast, on 3 December"
    english.introduction = "Hello! Here is our autumn news."
    for block in paper.issue.blocks:
        names = [name for name in TRANSLATED[block.kind] if block.data["sv"].get(name)]
        said = {name: f"In English: {name}" for name in names}
        block.data = block.data | {"en": block.data["sv"] | said}


def _all_in(locale: str) -> Spoil:
    def spoil(paper: Paper) -> None:
        in_english(paper)
        for block in paper.issue.blocks:
            block.only_locale = locale

    return spoil


def _hole(only: str = "") -> Spoil:
    def spoil(paper: Paper) -> None:
        in_english(paper)
        block = paper.block(_K.TEXT)
        block.data = {"sv": block.data["sv"]}
        block.only_locale = only

    return spoil


def _untranslated(name: str) -> Spoil:
    def spoil(paper: Paper) -> None:
        in_english(paper)
        block = paper.block(_K.QUOTE)
        swedish = block.data["sv"] | {"text": "Det allra bästa här är den långa lunchkön."}
        english = swedish if name == "text" else swedish | {"text": "The best is the queue."}
        block.data = {"sv": swedish, "en": english}

    return spoil


# Each rule: what it finds, and what it just lets pass.
CASES: dict[str, tuple[Spoil, Spoil]] = {
    "field_unknown": (
        both(_fields(), text(introduction="Hej {Organisation|ni}.")),
        both(_fields(), text(introduction="Hej {organisation|ni}, {a b|c} och {inget|alls annat")),
    ),
    "field_misplaced": (
        both(_fields(), text(introduction=f"[Läs allt]({SITE}/{{organisation|alla}})")),
        both(_fields(), text(introduction=f"[Allt för {{organisation|alla}}]({SITE}/alla)")),
    ),
    "fallback_missing": (
        both(_fields(), part(_K.HEADING, text="För {organisation|}")),
        both(_fields(), part(_K.HEADING, text="För {organisation|er} i {kortform}")),
    ),
    "field_unanswered": (
        both(_fields(number=29), part(_K.QUOTE, text="Hej {organisation|ni}!")),
        both(_fields(number=30), part(_K.QUOTE, text="Hej {organisation|ni}!")),
    ),
    "field_subject_long": (_asks(longest=27), _asks(longest=26)),
    "subject_missing": (text(subject=" "), text(subject="Nytt")),
    "placeholder": (
        text(introduction="Hej {{ namn }}"),
        text(introduction="Hej alla på {Fjällängen}"),
    ),
    "subject_long": (text(subject=LONG), text(subject=FITS)),
    "subject_shouts": (text(subject="NYTT LABB"), text(subject="NYTT labb på KTH!")),
    "preheader_missing": (text(preheader=""), as_it_is),
    "preheader_repeats": (
        text(subject="Nytt labb i parken", preheader="nytt labb i parken"),
        text(subject="Nytt labb i parken", preheader="Nytt labb i parken, och tre bolag till"),
    ),
    "vague_link": (
        text(introduction=f"Om labbet [klicka här]({SITE}/labb)."),
        text(introduction=f"Läs mer om [labbet]({SITE}/labb)."),
    ),
    "no_content": (_without_blocks, _only(_K.QUOTE)),
    "empty_block": (more(_K.QUOTE, by="Anna"), more(_K.DIVIDER)),
    "duplicate": (_twice, more(_K.ITEM, title="Kryo igen", url=f"{SITE}/nyheter/kryo-2")),
    "used_before": (_used_in(IssueState.SENT), _used_in(IssueState.CANCELLED)),
    "not_rendered": (more(_K.EVENT, title="Fel dag", starts_on="i morgon"), as_it_is),
    "text_empty": (plain(None, " \n"), as_it_is),
    "unsubscribe_missing": (html("xslot1unsubscribeurlx", "#"), as_it_is),
    "unsubscribe_late": (
        html('<div class="article"', "x" * 90_000 + '<div class="article"'),
        html("</body>", "x" * 60_000 + "</body>"),
    ),
    "too_large": (
        html("</body>", "x" * 90_000 + "</body>"),
        html("</body>", "x" * 50_000 + "</body>"),
    ),
    "alt_missing": (html(' alt="Hus 3 i snö"', ""), html(' alt="Hus 3 i snö"', ' alt=""')),
    "lang_missing": (html(' lang="sv"', ""), as_it_is),
    "large": (more(_K.TEXT, markdown="ord " * 17_500), more(_K.TEXT, markdown="ord " * 9_000)),
    "style_large": (
        html("</head>", f"<style>{'a' * 17_000}</style></head>"),
        html("</head>", f"<style>{'a' * 3_000}</style></head>"),
    ),
    "heading_order": (
        text(introduction="### Under rubriken\n\nHej."),
        text(introduction="## Under rubriken\n\nHej."),
    ),
    "text_leftovers": (
        more(_K.TEXT, markdown="Sök hos `Berg&amp;Dal`."),
        more(_K.TEXT, markdown="Sök hos Berg & Dal <3."),
    ),
    "link_empty": (more(_K.BUTTON, text="Anmäl dig"), more(_K.HEADING, text="Anmäl dig")),
    "link_broken": (
        part(_K.ITEM, url=f"{SITE}/nytt labb"),
        part(_K.ITEM, url=f"{SITE}/nytt%20labb?å=1"),
    ),
    "link_private": (
        part(_K.ITEM, url="http://10.0.0.4/kryo"),
        part(_K.ITEM, url="https://intra.fjallangen.se/kryo"),
    ),
    "link_reserved": (
        part(_K.ITEM, url="https://staging.fjallangen.se/kryo"),
        part(_K.ITEM, url="https://exempel.se/kryo"),
    ),
    "picture_insecure": (
        part(_K.ITEM, image_url="http://fjallangen.se/labb.jpg"),
        part(_K.ITEM, url="http://fjallangen.se/labb"),
    ),
    "link_shortened": (part(_K.ITEM, url="https://bit.ly/abc"), part(_K.ITEM, url=f"{SITE}/bit")),
    "headers_failing": (_reached_at("http"), _reached_at("https")),
    "dkim_failing": (_signed_by("no key"), as_it_is),
    "message_large": (_server_takes(9_000), _server_takes(90_000)),
    "merge_failing": (
        html("xslot0addressx", "xslot7firstnamex"),
        as_it_is,
    ),
    "contrast_low": (
        html("color:#3c4047", "color:#c4c7cc"),
        html("color:#3c4047", "color:#6a6d73"),
    ),
    "contrast_inverted": (
        html("background-color:#0b6e6e", "background-color:#7f7f80"),
        organisation(accent="#f2c230"),
    ),
    "unsupported": (
        html('style="', 'style="display:flex; gap:1rem; '),
        html('style="', 'style="border-radius:4px; '),
    ),
    "link_gone": (
        _answers("nyheter/kryo", LinkOutcome.GONE, status=404),
        _answers("nyheter/annat", LinkOutcome.GONE, status=404),
    ),
    "link_failing": (
        _answers("kalender", LinkOutcome.FAILING, status=500),
        _answers("kalender", LinkOutcome.OK, status=200),
    ),
    "link_silent": (_answers("plats", LinkOutcome.SILENT), _answers("plats", LinkOutcome.UNKNOWN)),
    "link_denied": (
        _answers("kalender/frukost", LinkOutcome.DENIED, status=403),
        _answers("kalender/frukost", LinkOutcome.OK, status=200),
    ),
    "link_untried": (_changed(5), _changed(1)),
    "link_moved": (
        _answers("plats", final_url=f"{SITE}/lokaler"),
        _answers("plats", final_url="https://www.fjallangen.se/plats/?fran=brev"),
    ),
    "picture_heavy": (_answers("bilder/kryo.jpg", size=301_000), _answers("plats", size=900_000)),
    "pictures_heavy": (
        both(_answers("bilder/kryo.jpg", size=900_000), _answers("bilder/hus3.png", size=200_000)),
        both(_answers("bilder/kryo.jpg", size=290_000), _answers("plats", size=900_000)),
    ),
    "picture_no_picture": (
        _answers("bilder/hus3.png", kind="text/html"),
        _answers("bilder/hus3.png", kind="image/png"),
    ),
    "picture_small": (
        _answers("bilder/hus3.png", width=320, height=200),
        _answers("bilder/hus3.png", width=1200, height=800),
    ),
    "picture_unsized": (part(_K.IMAGE, width=None), part(_K.ITEM, image_height=400, lead=True)),
    "many_domains": (_sites(16), _sites(12)),
    "picture_undescribed": (part(_K.IMAGE, alt=""), part(_K.ITEM, image_alt="")),
    "picture_kind": (
        part(_K.IMAGE, url=f"{SITE}/hus.webp"),
        part(_K.IMAGE, url=f"{SITE}/webp/hus.jpg?format=svg"),
    ),
    "picture_refused": (_fetched("kind"), _fetched("", tries=1)),
    "picture_elsewhere": (
        part(_K.IMAGE, url="https://bilder.annanstans.se/hus3.png"),
        part(_K.IMAGE, url="https://media.fjallangen.se/hus3.png"),
    ),
    "image_only": (_only(_K.IMAGE), _only(_K.ITEM)),
    "kept_back": (_kept_back(25, 24), _kept_back(24, 24)),
    "day_passed": (
        part(_K.EVENT, starts_on="2026-11-20", last_day=None),
        part(_K.EVENT, starts_on="2026-11-23", last_day=None),
    ),
    "day_passed_in_text": (
        text(introduction="Anmäl dig senast den 20 november."),
        text(introduction="Labbet invigdes den 20 november. Nu har det öppet."),
    ),
    "weekday_wrong": (
        text(introduction="Välkommen måndagen den 3 december!"),
        text(introduction="Välkommen torsdagen den 3 december!"),
    ),
    "language_missing": (newsletter(locales=["sv", "en"]), newsletter(locales=["sv"])),
    "sender_unusable": (newsletter(sender_address="parken@gmail.com"), as_it_is),
    "sender_unverified": (_examined("failed"), _examined("warning")),
    "address_missing": (organisation(postal_address=""), as_it_is),
    "contact_missing": (organisation(contact_email=""), as_it_is),
    "footer_missing": (plain("Provrörsvägen 1", ""), as_it_is),
    "no_reply": (
        newsletter(reply_to="no-reply@fjallangen.se"),
        newsletter(reply_to="svar@fjallangen.se"),
    ),
    "no_recipients": (_reached(0), _reached(1)),
    "many_more": (_last_went_to(19), _last_went_to(20)),
    "grown": (_planned_for(19), _planned_for(20)),
    "schedule_expired": (_planned(49), _planned(47)),
    "sent_recently": (_sent(23), _sent(25)),
    "language_empty": (_all_in("sv"), _all_in("")),
    "translation_missing": (_hole(), _hole(only="sv")),
    "translation_same": (_untranslated("text"), _untranslated("by")),
    "untested": (_tested(2), _tested(3)),
    "hard_to_read": (text(introduction=HEAVY), as_it_is),
    "spam_words": (
        text(introduction="Missa inte chansen att prova labbet."),
        text(introduction="Labbet är gratis den första gången."),
    ),
    "long_paragraph": (
        text(introduction="ord " * 95),
        text(introduction="ord " * 60 + "\n\n" + "ord " * 60),
    ),
    "preheader_length": (
        text(preheader="Tre bolag flyttar in"),
        text(preheader="Tre bolag flyttar in i hus 3, och en tävling"),
    ),
    "many_parts": (_parts(21), _parts(20)),
    "address_as_words": (
        text(introduction=f"Se [{SITE}/labb]({SITE}/labb)."),
        text(introduction=f"Se [labbets sida]({SITE}/labb)."),
    ),
    "subject_emoji": (text(subject="🎉 Nytt labb 🔬"), text(subject="🔬 Nytt labb")),
}
