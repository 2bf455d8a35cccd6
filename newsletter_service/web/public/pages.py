"""What the public pages share: their addresses in both languages, their frame, their visitor."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Blueprint, Response, g, make_response, render_template, request

from newsletter_service.extensions import db
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.subscribers.wordings import Words
from newsletter_service.web import i18n
from newsletter_service.web.brand import brand

blueprint = Blueprint("public", __name__)

View = TypeVar("View", bound=Callable[..., Any])

# name -> the address in Swedish and in English
PATHS = {
    "home": {"sv": "/", "en": "/?lang=en"},
    "subscribe": {"sv": "/prenumerera/<slug>", "en": "/subscribe/<slug>"},
    "asked": {"sv": "/prenumerera/<slug>/tack", "en": "/subscribe/<slug>/thanks"},
    "frame": {"sv": "/formular/<slug>", "en": "/form/<slug>"},
    "theme": {"sv": "/formular/<slug>/tema.css", "en": "/form/<slug>/theme.css"},
    "task": {"sv": "/prenumerera/<slug>/task", "en": "/subscribe/<slug>/task"},
    "confirm": {"sv": "/bekrafta/<token>", "en": "/confirm/<token>"},
    "block": {"sv": "/sparra/<token>", "en": "/block/<token>"},
    "unsubscribe": {"sv": "/avprenumerera/<token>", "en": "/unsubscribe/<token>"},
    "undo": {"sv": "/avprenumerera/<token>/angra", "en": "/unsubscribe/<token>/undo"},
    "preferences": {"sv": "/installningar/<token>", "en": "/preferences/<token>"},
    "choices_ask": {"sv": "/mina-val", "en": "/my-choices"},
    "choices": {"sv": "/mina-val/<token>", "en": "/my-choices/<token>"},
    "new_address": {"sv": "/ny-adress/<token>", "en": "/new-address/<token>"},
    "answer": {"sv": "/nytta/<int:issue_id>/<reply>", "en": "/useful/<int:issue_id>/<reply>"},
    "archive": {"sv": "/arkiv/<slug>", "en": "/archive/<slug>"},
    "archived_issue": {"sv": "/arkiv/<slug>/<int:number>", "en": "/archive/<slug>/<int:number>"},
    "archive_feed": {"sv": "/arkiv/<slug>/rss.xml", "en": "/archive/<slug>/rss.xml"},
    "accessibility": {"sv": "/tillganglighet", "en": "/accessibility"},
    "send_in": {"sv": "/skicka-in/<token>", "en": "/send-in/<token>"},
    "privacy": {"sv": "/integritet", "en": "/privacy"},
    "privacy_version": {"sv": "/integritet/<digest>", "en": "/privacy/<digest>"},
}
# every letter names the English address of these, whatever its reader's language
_OF_EVERY_LANGUAGE = {"unsubscribe", "undo"}
LABELS = {"sv": "Svenska", "en": "English"}
OTHER = {"sv": "en", "en": "sv"}


def both(name: str, *methods: str) -> Callable[[View], View]:
    """Serve a view at its Swedish and at its English address."""

    def bind(view: View) -> View:
        for path in PATHS[name].values():
            blueprint.add_url_rule(path, name, view, methods=list(methods))
        return view

    return bind


@blueprint.before_request
def speak_as_the_address() -> None:
    """An English address speaks English, unless `?lang=` says otherwise."""
    names = PATHS.keys() - _OF_EVERY_LANGUAGE
    english = {PATHS[name]["en"] for name in names}
    if request.url_rule and request.url_rule.rule in english and "lang" not in request.args:
        i18n.use("en")


def path(name: str, locale: str, **values: str) -> str:
    """The address of a page in a language."""
    found = PATHS[name][locale].replace("<int:", "<")
    for key, value in values.items():
        found = found.replace(f"<{key}>", quote(value, safe=""))
    return found


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page in the frame of its owner, with the way to our privacy text."""
    locale = i18n.page_locale()
    owner = brand()
    frame = {
        "brand": replace(
            owner,
            privacy_url=owner.privacy_url or path("privacy", locale),
            accessibility_url=owner.accessibility_url or path("accessibility", locale),
        ),
        "path": path,
        "other": OTHER[locale],
        "several_languages": several_languages(),
    }
    return make_response(render_template(f"public/{template}", **frame, **values), status)


def several_languages() -> bool:
    """Whether any newsletter comes in more than one language; else there is nothing to choose."""
    return any(len(each.locales) > 1 for each in open_lists(db.session()))


def alternate(name: str, **values: str) -> dict[str, str] | None:
    """The same page in the other language, for the frame."""
    if not several_languages():
        return None
    other = OTHER[i18n.page_locale()]
    return {"url": path(name, other, **values), "label": LABELS[other], "locale": other}


def now() -> datetime:
    """The time of this request."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    moment: datetime = g.now
    return moment


def visitor(
    form: str = "",
    wording: str = "",
    channel: str = "page",
    words: tuple[Words, ...] = (),
) -> RequestContext:
    """What is kept of a request as proof; `words` are the texts that the visitor saw."""
    return RequestContext(
        ip=request.remote_addr or "",
        user_agent=_plain(request.user_agent.string),
        form=_plain(form or request.path.split("/")[1]),
        wording=wording,
        channel=channel,
        words=words,
    )


def network() -> str:
    """Whose requests are counted together: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def unlisted(response: Response) -> Response:
    """Pages behind a personal link belong in no search engine."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())
