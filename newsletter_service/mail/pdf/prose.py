"""Running text of a letter (the HTML that `mail.prose` makes) as paragraphs for paper."""

from collections.abc import Iterator
from html import escape

from lxml import html  # type: ignore[import-untyped]
from reportlab.platypus import Flowable, ListFlowable, ListItem, Paragraph

from newsletter_service.mail.pdf.styles import Styles, printable

_INLINE = {"strong": "b", "em": "i"}


def paragraphs(source: str, look: Styles) -> list[Flowable]:
    """Every block of the text, in order."""
    if not source.strip():
        return []
    root = html.fragment_fromstring(source, create_parent="div")
    return [made for child in root for made in _block(child, look)]


def linked(words: str, url: str, look: Styles) -> str:
    """Words that lead to an address, in the library's markup."""
    shown = escape(printable(words))
    return f'<a href="{escape(url)}" color="{look.link}">{shown}</a>' if url else shown


def plain(text: str) -> str:
    """Text for the library's markup."""
    return escape(printable(text))


def _block(element: html.HtmlElement, look: Styles) -> Iterator[Flowable]:
    if element.tag in ("ul", "ol"):
        kind = "bullet" if element.tag == "ul" else "1"
        items = [ListItem(Paragraph(_inside(li, look), look.body), leftIndent=14) for li in element]
        yield ListFlowable(items, bulletType=kind, bulletFontSize=7, leftIndent=14)
    elif element.tag == "blockquote":
        for child in element:
            yield Paragraph(_inside(child, look), look.quote)
    elif element.tag in ("h2", "h3"):
        yield Paragraph(_inside(element, look), look.item)
    elif element.tag == "p":
        yield Paragraph(_inside(element, look), look.body)


def _inside(element: html.HtmlElement, look: Styles) -> str:
    """What stands in an element: words, emphasis and links, and nothing else."""
    parts = [plain(element.text or "")]
    for child in element:
        inner = _inside(child, look)
        if child.tag == "a":
            url = escape(child.get("href", ""))
            inner = f'<a href="{url}" color="{look.link}">{inner}</a>'
        elif child.tag == "br":
            inner = "<br/>"
        elif child.tag in _INLINE:
            inner = f"<{_INLINE[child.tag]}>{inner}</{_INLINE[child.tag]}>"
        parts += [inner, plain(child.tail or "")]
    return "".join(parts)
