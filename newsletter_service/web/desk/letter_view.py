"""The letter itself as the desk shows it: in a frame, in several lights, and as a file."""

import re
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from markupsafe import escape

from newsletter_service.extensions import db
from newsletter_service.issues import compose, merging, seen_by
from newsletter_service.issues.blocks import EDITABLE
from newsletter_service.issues.compose import letter_values
from newsletter_service.mail import headers, merge_fields, pdf
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.letter import LetterError
from newsletter_service.mail.message import Letter, Prepared, Reader
from newsletter_service.models import Edition, Issue, Role
from newsletter_service.pictures import library
from newsletter_service.settings import current
from newsletter_service.web.access import allow
from newsletter_service.web.desk import answer_fields, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.i18n import local
from newsletter_service.web.security import as_attachment, as_letter

blueprint = Blueprint("letter", __name__, url_prefix="/desk/utskick/<int:issue_id>")

_DARK = "(prefers-color-scheme: dark)"
_SCHEME = 'content="light dark"'
_PICTURE = re.compile(r"/bild/(?P<key>[\w-]+)\.(?P<ending>jpg|png)")
_EXAMPLE = "namn@example.org"


@blueprint.get("/brev")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def page(issue_id: int) -> Response:
    """The letter in one language and one view; drafts as they are now, sent ones as sent."""
    issue = words.the_issue(issue_id)
    try:
        letter, _fixed = letter_of(issue, words.chosen_locale(issue))
    except LetterError as error:
        return as_letter(f"<pre>{escape(str(error))}</pre>")
    return as_letter(_shown(_as_read(issue, letter), request.args.get("vy", "dator")))


def _as_read(issue: Issue, letter: Letter) -> Letter:
    """The letter as the reader has it who was asked for, or as somebody without answers."""
    reader = answer_fields.chosen_reader()
    answers = seen_by.answers(db.session(), issue, letter.locale, reader) if reader else {}
    return merging.answered(letter, answers)


@blueprint.get("/brev.eml")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def file(issue_id: int) -> Response:
    """The letter as one reader would get it, as a file that mail programs open."""
    issue = words.the_issue(issue_id)
    try:
        letter, fixed = letter_of(issue, words.chosen_locale(issue))
    except LetterError as error:
        return as_letter(f"<pre>{escape(str(error))}</pre>")
    letter = merging.answered(letter, {})
    links = {name: current().base_url for name in letter.slots}
    body = Prepared.of(letter, fixed).message(
        Reader(
            to=_EXAMPLE,
            date=issue.released_at or datetime.now(UTC),
            message_id=headers.message_id("example", current().bounce_domain),
            values=links | {"unsubscribe_url": current().base_url, "address": _EXAMPLE},
        )
    )
    return as_attachment(body, f"nr-{issue.number}.eml", "message/rfc822")


@blueprint.get("/brev.pdf")
@allow(Role.EDITOR, Role.APPROVER, Role.OPERATOR)
def on_paper(issue_id: int) -> Response:
    """The letter as a PDF, to keep or to print."""
    issue = words.the_issue(issue_id)
    locale = words.chosen_locale(issue)
    day = local(issue.released_at or issue.send_at or now()).date()
    values = letter_values(db.session(), issue, locale, day, current())
    made = pdf.document(values, locale, _our_picture)
    return as_attachment(made, f"nr-{issue.number}.pdf", "application/pdf")


def _our_picture(url: str) -> bytes | None:
    """A picture that is kept here; no page asks the network (P7)."""
    found = _PICTURE.fullmatch(url.removeprefix(current().base_url))
    kept = library.bytes_of(found["key"], found["ending"]) if found else None
    return kept.body if kept else None


def letter_of(issue: Issue, locale: str) -> tuple[Letter, FixedHeaders]:
    """The frozen letter and its headers, or what they would be now. Raises `LetterError`."""
    frozen = db.session.get(Edition, (issue.id, locale))
    if frozen is not None and issue.state not in EDITABLE:
        kept = Letter(frozen.subject, frozen.html, frozen.text, locale, dict(frozen.slots))
        return kept, FixedHeaders(**frozen.headers)
    day = local(issue.send_at or now()).date()
    session = db.session()
    return (
        compose.letter(session, issue, locale, day=day),
        compose.fixed_headers(session, issue, locale),
    )


def _shown(letter: Letter, view: str) -> str:
    if view == "text":
        text = escape(_filled(letter, letter.text, is_html=False))
        return (
            '<!doctype html><meta name="color-scheme" content="light">'
            '<pre style="margin: 24px; font: 14px/1.5 monospace; white-space: pre-wrap;'
            f' overflow-wrap: anywhere;">{text}</pre>'
        )
    html = _filled(letter, letter.html, is_html=True)
    dark = view == "morkt"
    html = html.replace(_DARK, "all" if dark else "not all")
    html = html.replace(_SCHEME, f'content="{"dark" if dark else "light"}"')
    if view == "utan-bilder":
        html = html.replace("<img ", "<img loading='lazy' ").replace(' src="', ' data-src="')
    return html.replace("<head>", '<head><base target="_blank">', 1)


def _filled(letter: Letter, part: str, *, is_html: bool) -> str:
    """A reader's own values are stood in for; the links of an example lead nowhere."""
    given = dict.fromkeys(letter.slots, "#") | {"address": _EXAMPLE}
    return merge_fields.filled(part, letter.slots, given, is_html=is_html)
