"""The pages of a letter: masthead, introduction, each block, and who says it."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PIL import Image as Picture
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
)

from newsletter_service.mail import dates, prose
from newsletter_service.mail.environment import translations
from newsletter_service.mail.pdf.prose import linked, paragraphs, plain
from newsletter_service.mail.pdf.styles import FAMILY, HAIR, SOFT, Styles, printable, styles

Values = Mapping[str, Any]
Pictures = Callable[[str], bytes | None]

MARGIN = 22 * mm
WIDTH = A4[0] - 2 * MARGIN - 12
TALLEST = 90 * mm
INSET = 6  # what the library leaves around its frames, in points


def no_pictures(_url: str) -> bytes | None:
    """Where none are at hand: descriptions stand for them."""
    return None


def document(values: Values, locale: str, pictures: Pictures = no_pictures) -> bytes:
    """The letter as a PDF; `values` are those of the mail's template, links lead where they do."""
    look = styles(values["list"].get("accent"))
    story = [*_head(values, locale, look)]
    for block in values["blocks"]:
        story += _BLOCKS[block["kind"]](block, locale, look, pictures)
    story += _foot(values, locale, look)
    out = io.BytesIO()
    made = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=printable(values["subject"]),
        author=printable(values["organisation"]),
        lang=locale,
        invariant=1,
    )
    numbered = partial(_numbered, name=printable(values["list"]["name"]))
    made.build(story, onFirstPage=numbered, onLaterPages=numbered)
    return out.getvalue()


def _numbered(canvas: Canvas, page: SimpleDocTemplate, *, name: str) -> None:
    canvas.setFont(FAMILY, 8)
    canvas.setFillColor(SOFT)
    canvas.drawString(MARGIN + INSET, 12 * mm, name)
    canvas.drawRightString(A4[0] - MARGIN - INSET, 12 * mm, str(page.page))


def _head(values: Values, locale: str, look: Styles) -> list[Flowable]:
    _ = translations(locale).gettext
    about = [values["list"]["name"]]
    if values["list"].get("number"):
        about.append(_("No. %(number)s") % {"number": values["list"]["number"]})
    if values.get("date"):
        about.append(dates.long_date(values["date"], locale))
    made = [
        Paragraph(plain(" · ".join(about)), look.soft),
        HRFlowable(width="100%", thickness=2, color=look.accent, spaceAfter=8),
        Paragraph(plain(values["subject"]), look.title),
    ]
    introduction = values.get("introduction") or {}
    return made + paragraphs(introduction.get("html", ""), look)


def _foot(values: Values, locale: str, look: Styles) -> list[Flowable]:
    footer = values["footer"]
    who = [footer.get(name) for name in ("organisation", "postal_address", "org_nr")]
    made: list[Flowable] = [
        HRFlowable(width="100%", color=HAIR, spaceBefore=12, spaceAfter=6),
        Paragraph(plain(", ".join(one for one in who if one)), look.soft),
    ]
    if contact := footer.get("contact_email"):
        made.append(Paragraph(linked(contact, f"mailto:{contact}", look), look.soft))
    return made


def _heading(block: Values, _locale: str, look: Styles, _p: Pictures) -> list[Flowable]:
    return [Spacer(1, 6), Paragraph(plain(block.get("text") or ""), look.heading)]


def _text(block: Values, _locale: str, look: Styles, _p: Pictures) -> list[Flowable]:
    return paragraphs(prose.to_html(block.get("markdown") or ""), look)


def _item(block: Values, locale: str, look: Styles, pictures: Pictures) -> list[Flowable]:
    _ = translations(locale).gettext
    url = block.get("url") or ""
    made: list[Flowable] = []
    if block.get("image_url"):
        made += _picture(block["image_url"], block.get("image_alt") or "", look, pictures)
    style = look.lead if block.get("lead") else look.item
    made.append(Paragraph(linked(block.get("title") or "", url, look), style))
    made += [Paragraph(plain(line), look.body) for line in _lines(block.get("summary"))]
    if block.get("last_day"):
        last = _("Last day %(date)s") % {"date": dates.weekday_date(block["last_day"], locale)}
        made.append(Paragraph(plain(last), look.soft))
    if url:
        words = block.get("link_text") or _("Read more")
        made.append(Paragraph(linked(words, url, look), look.body))
    return [Spacer(1, 6), KeepTogether(made)]


def _event(block: Values, locale: str, look: Styles, pictures: Pictures) -> list[Flowable]:
    when = ""
    if block.get("starts_on"):
        when = dates.period(block["starts_on"], block.get("ends_on"), locale=locale)
    said = ", ".join(one for one in (when, block.get("place")) if one)
    return [Spacer(1, 6), Paragraph(plain(said), look.soft), *_item(block, locale, look, pictures)]


def _image(block: Values, _locale: str, look: Styles, pictures: Pictures) -> list[Flowable]:
    return _picture(block.get("url") or "", block.get("alt") or "", look, pictures)


def _film(block: Values, locale: str, look: Styles, pictures: Pictures) -> list[Flowable]:
    _ = translations(locale).gettext
    shown = dict(block) | {"link_text": _("Watch the film"), "image_alt": block.get("alt")}
    return _item(shown, locale, look, pictures)


def _button(block: Values, _locale: str, look: Styles, _p: Pictures) -> list[Flowable]:
    return [Paragraph(linked(block.get("text") or "", block.get("url") or "", look), look.item)]


def _quote(block: Values, _locale: str, look: Styles, _p: Pictures) -> list[Flowable]:
    made = [Paragraph(plain(line), look.quote) for line in _lines(block.get("text"))]
    by = block.get("by")
    return made + ([Paragraph(plain(f"– {by}"), look.soft)] if by else [])


def _divider(_block: Values, _locale: str, _look: Styles, _p: Pictures) -> list[Flowable]:
    return [HRFlowable(width="100%", color=HAIR, spaceBefore=8, spaceAfter=8)]


def _picture(url: str, alt: str, look: Styles, pictures: Pictures) -> list[Flowable]:
    """The picture as wide as the page at most; its description where it is not at hand."""
    data = pictures(url)
    if data is None:
        return [Paragraph(f"<i>{plain(alt)}</i>", look.soft)] if alt else []
    with Picture.open(io.BytesIO(data)) as opened:
        wide, tall = opened.size
    scale = min(WIDTH / wide, TALLEST / tall, 1)
    return [Image(io.BytesIO(data), wide * scale, tall * scale, hAlign="LEFT"), Spacer(1, 4)]


def _lines(text: Any) -> list[str]:
    return [line for line in str(text or "").splitlines() if line.strip()]


_BLOCKS: dict[str, Callable[[Values, str, Styles, Pictures], list[Flowable]]] = {
    "heading": _heading,
    "text": _text,
    "item": _item,
    "event": _event,
    "image": _image,
    "film": _film,
    "button": _button,
    "quote": _quote,
    "divider": _divider,
}
