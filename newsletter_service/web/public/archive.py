"""The open archive of a newsletter: its issues, each issue's letter, and a feed of them."""

from datetime import UTC
from email.utils import format_datetime
from xml.etree import ElementTree

from flask import Response, abort, request
from flask_babel import gettext as _
from markupsafe import Markup

from newsletter_service.issues import archive
from newsletter_service.issues.archive import Archived, NotInArchive
from newsletter_service.models import NewsletterList
from newsletter_service.settings import current
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import OTHER, both, page, path
from newsletter_service.web.security import as_open_letter

_REGION = {"sv": "sv_SE", "en": "en_GB"}
FRESH = "public, max-age=300"
_HEAD_END = "</head>"


@both("archive", "GET")
@public
def issues(slug: str) -> Response:
    """Every released issue, and a search among them."""
    listed = _open(slug)
    locale = i18n.page_locale()
    wanted = request.args.get("q", "")[:100]
    return page(
        "archive.html",
        newsletter=listed,
        issues=archive.issues(listed, locale, wanted),
        wanted=wanted,
        # files on a disk have nobody to search them
        searchable=not request.environ.get("newsletter.static"),
        about=_about(listed, locale),
        base_url=current().base_url,
        alternate=_in_other_language(listed, "archive", slug=slug),
    )


@both("archived_issue", "GET")
@public
def issue(slug: str, number: int) -> Response:
    """The letter of an issue as everybody may read it."""
    listed = _open(slug)
    locale = i18n.page_locale()
    try:
        about, html = archive.letter(archive.find(listed, number), locale)
    except NotInArchive:
        abort(404)
    return _for_a_while(as_open_letter(with_head(html, listed, about, locale)))


@both("archive_feed", "GET")
@public
def feed(slug: str) -> Response:
    """The same issues for feed readers (RSS 2.0)."""
    listed = _open(slug)
    locale = i18n.page_locale()
    body = rss(listed, archive.issues(listed, locale), locale)
    return _for_a_while(Response(body, mimetype="application/rss+xml"))


def rss(listed: NewsletterList, found: list[Archived], locale: str) -> bytes:
    """A feed of the issues."""
    root = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(root, "channel")
    about = _about(listed, locale)
    _say(channel, "title", listed.title(locale))
    _say(channel, "link", _absolute("archive", locale, slug=listed.slug))
    _say(channel, "description", about or listed.title(locale))
    _say(channel, "language", locale)
    for each in found:
        item = ElementTree.SubElement(channel, "item")
        url = _absolute("archived_issue", locale, slug=listed.slug, number=str(each.number))
        _say(item, "title", each.subject)
        _say(item, "link", url)
        _say(item, "guid", url)
        _say(item, "pubDate", format_datetime(each.released_at.astimezone(UTC), usegmt=True))
        _say(item, "description", each.preheader)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def with_head(html: str, listed: NewsletterList, about: Archived, locale: str) -> str:
    """The letter with what search engines, social previews and feed readers ask of a page."""
    slug, number = listed.slug, str(about.number)
    place = {"slug": slug, "number": number}
    url = _absolute("archived_issue", locale, **place)
    described = {
        "og:type": "article",
        "og:site_name": listed.title(locale),
        "og:title": about.subject,
        "og:description": about.preheader,
        "og:url": url,
        "og:image": about.picture_url,
        "og:locale": _REGION[locale],
        "article:published_time": about.released_at.isoformat(),
    }
    card = "summary_large_image" if about.picture_url else "summary"
    meta = [Markup('<meta name="description" content="{}">').format(about.preheader)]
    meta += [
        Markup('<meta property="{}" content="{}">').format(name, value)
        for name, value in described.items()
        if value
    ]
    meta.append(Markup('<meta name="twitter:card" content="{}">').format(card))
    meta.append(Markup('<link rel="canonical" href="{}">').format(url))
    meta += [
        Markup('<link rel="alternate" hreflang="{}" href="{}">').format(
            other, _absolute("archived_issue", other, **place)
        )
        for other in about.locales
    ]
    feed_url = _absolute("archive_feed", locale, slug=slug)
    meta.append(
        Markup('<link rel="alternate" type="application/rss+xml" title="{}" href="{}">').format(
            listed.title(locale), feed_url
        )
    )
    return html.replace(_HEAD_END, "\n".join(map(str, meta)) + "\n" + _HEAD_END, 1).replace(
        "</body>", _way_back(listed, locale) + "</body>", 1
    )


def _way_back(listed: NewsletterList, locale: str) -> str:
    url = _absolute("archive", locale, slug=listed.slug)
    link = Markup(
        '<p style="margin: 0; padding: 16px 24px 40px; text-align: center;'
        ' font: 16px/1.5 Arial, Helvetica, sans-serif;"><a href="{}" style="color: inherit;">{}</a>'
        "</p>"
    ).format(url, _("All issues of %(list)s", list=listed.title(locale)))
    return str(link)


def _about(listed: NewsletterList, locale: str) -> str:
    """What the newsletter is about, in a language, if somebody has said it."""
    return str(listed.description_en if locale == "en" else listed.description)


def _open(slug: str) -> NewsletterList:
    try:
        return archive.newsletter(slug)
    except NotInArchive:
        abort(404)


def _absolute(name: str, locale: str, **values: str) -> str:
    return current().base_url + path(name, locale, **values)


def _in_other_language(listed: NewsletterList, name: str, **values: str) -> dict[str, str] | None:
    other = OTHER[i18n.page_locale()]
    if other not in listed.locales:
        return None
    label = {"sv": "Svenska", "en": "English"}[other]
    return {"url": path(name, other, **values), "label": label, "locale": other}


def _for_a_while(response: Response) -> Response:
    response.headers["Cache-Control"] = FRESH
    return response


def _say(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
