"""The form by which a company of the house sends in news: its signed link is the key, no cookie."""

from datetime import UTC, date, datetime

from flask import redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.models import NewsletterList, Source
from newsletter_service.news import desk, submissions
from newsletter_service.pictures import library
from newsletter_service.web import i18n
from newsletter_service.web.access import uploader
from newsletter_service.web.file_words import trouble
from newsletter_service.web.public.pages import alternate, both, network, page, path
from newsletter_service.web.public.pages import now as right_now
from newsletter_service.web_extensions import limiter

PER_LINK = "20 per hour"
PER_NETWORK = "40 per hour"
HONEYPOT = "reference"
_FIELDS = ("title", "summary", "url", "image_alt", "starts_on", "last_day", "place")


@both("send_in", "GET", "POST")
@uploader
@limiter.limit(PER_NETWORK, key_func=network, methods=["POST"])
@limiter.limit(PER_LINK, key_func=lambda: f"link {request.path[-60:]}", methods=["POST"])
def send_in(token: str) -> Response:
    """Show the form; keep what was sent in."""
    try:
        company, newsletter = submissions.company(token)
    except submissions.LinkEnded:
        return page("send_in_ended.html", 404)
    if request.method != "POST":
        thanked = request.args.get("tack") == "1"
        return _form(token, company, newsletter, thanked=thanked)
    if not request.form.get(HONEYPOT):
        errors = _taken(token)
        if errors:
            return _form(token, company, newsletter, errors=errors)
    return redirect(path("send_in", i18n.page_locale(), token=token) + "?tack=1", 303)


def _taken(token: str) -> dict[str, str]:
    """Keep it; faults by field."""
    form = request.form
    file = request.files.get("picture")
    picture = file.stream.read(submissions.PICTURE_BYTES + 1) if file and file.filename else b""
    if picture and not form.get("image_alt", "").strip():
        return {"image_alt": _("Say in one sentence what the picture shows.")}
    typed = desk.Typed(
        title=form.get("title", ""),
        summary=form.get("summary", ""),
        url=_with_scheme(form.get("url", "")),
        image_alt=form.get("image_alt", ""),
        starts_on=_day(form.get("starts_on", "")),
        last_day=_day(form.get("last_day", "")),
        place=form.get("place", ""),
    )
    try:
        submissions.send_in(token, typed, picture, right_now())
    except submissions.EnoughWaits:
        return {"title": _("Much of yours waits for the editors already. Send this in later.")}
    except library.NotAFile as fault:
        return {"picture": trouble(fault.code)}
    except desk.NotAWebAddress:
        return {"url": _("Write a web address, such as https://www.example.org.")}
    except ValueError:
        return {"title": _("Write a headline.")}
    return {}


def _form(
    token: str,
    company: Source,
    newsletter: NewsletterList,
    *,
    errors: dict[str, str] | None = None,
    thanked: bool = False,
) -> Response:
    return page(
        "send_in.html",
        422 if errors else 200,
        token=token,
        company=company.title,
        newsletter=newsletter,
        values={name: request.form.get(name, "")[:5000] for name in _FIELDS},
        errors=errors or {},
        thanked=thanked,
        honeypot=HONEYPOT,
        alternate=alternate("send_in", token=token),
    )


def _with_scheme(written: str) -> str:
    bare = written.strip()
    return f"https://{bare}" if bare and "://" not in bare and "." in bare else bare


def _day(written: str) -> date | None:
    try:
        return datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
