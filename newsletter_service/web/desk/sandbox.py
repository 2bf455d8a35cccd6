"""*Brevlåda*: what the mail sandbox took in trial mode, to be read as its reader would.

Letters to colleagues may hold their log-in links, so that only an administrator sees those.
"""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from flask import Blueprint, Response, abort, render_template, request
from flask_login import current_user

from newsletter_service import address
from newsletter_service.accounts import people
from newsletter_service.address import as_stored
from newsletter_service.embedded.sandbox_store import Sandbox, StoredMail
from newsletter_service.models import Role
from newsletter_service.settings import current
from newsletter_service.web.access import staff
from newsletter_service.web.security import as_attachment, as_letter

blueprint = Blueprint("sandbox", __name__, url_prefix="/desk/brevlada")

PAGE = 50
FOLDER = "sandbox"
VIEWS = ("html", "text", "headers")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


@blueprint.get("/")
@staff
def inbox() -> str:
    """The latest letters."""
    before = request.args.get("before", type=int)
    found = list(_store().list(PAGE + 1, before))
    return _list(found, older=found[PAGE - 1].id if len(found) > PAGE else None)


@blueprint.post("/")
@staff
def search() -> str:
    """Letters to one address; sent as a form, since addresses stand in no URL (P10)."""
    to = request.form.get("to", "").strip()
    found = list(_store().search(to=as_stored(to), limit=PAGE))
    return _list(found, to=to)


@blueprint.get("/<int:mail_id>")
@staff
def letter(mail_id: int) -> str:
    """One letter: as HTML, as text, or its headers."""
    mail = _known(mail_id)
    message = _parsed(mail)
    view = request.args.get("view", "html")
    return render_template(
        "desk/sandbox/letter.html",
        mail=mail,
        sender=_shown(message.get("from", mail.sender)),
        view=view if view in VIEWS else "html",
        has_html=message.get_body(("html",)) is not None,
        text=_text(message),
        headers=[(_shown(name), _shown(value)) for name, value in message.raw_items()],
    )


@blueprint.get("/<int:mail_id>/html")
@staff
def html(mail_id: int) -> Response:
    """The HTML part for the frame; its links open beside the desk."""
    body = _parsed(_known(mail_id)).get_body(("html",))
    if body is None:
        abort(404)
    return as_letter(_HEAD.sub(r'\g<0><base target="_blank">', _content(body), count=1))


@blueprint.get("/<int:mail_id>/raw")
@staff
def raw(mail_id: int) -> Response:
    """The letter as it came, byte for byte."""
    return as_attachment(_known(mail_id).raw, f"{mail_id}.eml", "message/rfc822")


def _list(found: list[StoredMail], *, to: str = "", older: int | None = None) -> str:
    shown = [mail for mail in found[:PAGE] if _may_read(mail)]
    return render_template(
        "desk/sandbox/inbox.html", mails=shown, to=to, older=older, count=_store().count()
    )


def _known(mail_id: int) -> StoredMail:
    mail = _store().get(mail_id)
    if mail is None or not _may_read(mail):
        abort(404)
    return mail


def _may_read(mail: StoredMail) -> bool:
    if current_user.has_role(Role.ADMINISTRATOR):
        return True
    others = {_same(person.email) for person in people.everybody()} - {_same(current_user.email)}
    return not others & {_same(address) for address in mail.recipients}


def _same(text: str) -> str:
    """An address as all its spellings: an envelope has A-labels where a person wrote letters."""
    try:
        return address.parse(text).normalised
    except address.InvalidAddress:
        return text.strip().lower()


def _store() -> Sandbox:
    return Sandbox(current().data_dir / FOLDER)


def _parsed(mail: StoredMail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return _content(body) if body is not None else ""


def _shown(value: object) -> str:
    """A header as a page can show it, whatever bytes it was made of."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _content(part: MIMEPart) -> str:
    """The text of a part; as near as one gets where its charset or encoding is none."""
    try:
        return _shown(part.get_content())
    except (LookupError, ValueError, AttributeError):
        raw = part.get_payload(decode=True)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
