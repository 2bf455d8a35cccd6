"""Foreign text made fit to show: plain, folded and cut, or HTML by an allow-list (R 7.12, 7.14)."""

import html
import re
import unicodedata
from urllib.parse import urljoin, urlsplit

import nh3

MAX_HTML = 200_000
MAX_DEPTH = 150
MAX_URL = 2_000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
    # what joins two pictures to one, a woman and a microscope to a scientist, is kept
    "|(?<![\u2640-\u27bf\ufe0f\U0001f3fb-\U0001faff])\u200d|\u200d(?![\u2640-\u27bf\U0001f300-\U0001faff])"
)
_BLOCK = re.compile(
    r"<(?=/?(?:p|br|div|li|ul|ol|h[1-6]|tr|td|th|blockquote|figure|figcaption|section|article|pre)"
    r"\b)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_IMG = re.compile(r'<img\b[^<>]{0,6000}?\bsrc="([^"]{1,2000})"[^<>]{0,6000}>')
_ALT = re.compile(r'\balt="([^"]{0,2000})"')
_SENTENCE_END = re.compile(r"[.!?…][\"”’)]?(?=\s|$)")
# What has a dot and goes on; with a number behind it also what may end a sentence.
_GOES_ON = re.compile(
    r"(?:^|[\s(])(?:kl|ca|nr|t\.ex|bl\.a|dvs|s\.k|f\.d|fr\.o\.m|t\.o\.m|inkl|exkl|resp|jfr|tel"
    r"|dr|prof|doc|mr|mrs|ms|st|e\.g|i\.e|vs|approx)$",
    re.I,
)
_GOES_ON_TO_A_NUMBER = re.compile(r"(?:^|\s)(?:no|p|s|sid|kap|ch|fig|vol)$", re.I)

_VOID = frozenset({"br", "img", "hr", "input", "meta", "link", "source", "wbr", "area", "col"})
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "cite", "code", "em", "figcaption", "figure"),
    *("h2", "h3", "h4", "hr", "i", "img", "li", "ol", "p", "pre", "q", "s", "small", "strong"),
    *("sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "title", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_DROPPED_WITH_CONTENT = {"script", "style", "iframe", "noscript", "template", "textarea", "title"}


def scrubbed(text: str) -> str:
    """NFC, without control characters, bidi overrides, zero-width and half characters."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def one_line(text: str, limit: int = 0) -> str:
    """Plain text on one line; `limit` cuts it nicely."""
    folded = " ".join(scrubbed(text).split())
    return excerpt(folded, limit) if limit else folded


def plain_text(markup: str, limit: int = 0) -> str:
    """HTML (or text with entities) as one line of plain text, never with markup left in it.

    >>> plain_text("<p>Nya labb &amp; lokaler</p><p>till v&aring;ren</p>")
    'Nya labb & lokaler till våren'
    """
    spaced = _BLOCK.sub(" <", scrubbed(markup[:MAX_HTML]))
    if _depth_within(spaced, MAX_DEPTH):
        stripped = nh3.clean(spaced, tags=set(), clean_content_tags=_DROPPED_WITH_CONTENT)
    else:
        stripped = re.sub(r"<[^<>]*>", " ", spaced).replace("<", " ")
    return one_line(html.unescape(stripped), limit)


def excerpt(text: str, limit: int) -> str:
    """At most `limit` characters, cut after a sentence where one ends late enough, else a word."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    ends = [end for end in sentence_ends(text) if end <= limit - 1]
    if ends and ends[-1] >= limit * 0.5:
        return text[: ends[-1]].rstrip()
    word = head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head
    return word.rstrip(" ,;:–-") + "…"


def sentence_ends(text: str) -> list[int]:
    """Where sentences end, behind their sign; "kl. 8" and "t.ex. så" end none.

    >>> sentence_ends("Kom kl. 8. Kaffe finns, t.ex. bryggkaffe.")
    [10, 41]
    """
    return [match.end() for match in _SENTENCE_END.finditer(text) if not _goes_on(text, match)]


def _goes_on(text: str, match: re.Match[str]) -> bool:
    before, after = text[max(0, match.start() - 12) : match.start()], text[match.end() :].lstrip()
    if match.group() != "." or not after:
        return False
    goes_on = after[0].islower() or _GOES_ON.search(before)
    return bool(goes_on or (after[0].isdigit() and _GOES_ON_TO_A_NUMBER.search(before)))


def safe_html(markup: str, base_url: str) -> str:
    """HTML by an allow-list, with absolute addresses; text only where it nests absurdly."""
    text = scrubbed(markup[:MAX_HTML])
    if not _depth_within(text, MAX_DEPTH):
        return html.escape(plain_text(text))

    def absolute(tag: str, attribute: str, value: str) -> str | None:
        if attribute not in ("href", "src"):
            return value
        if tag == "a" and value.lower().startswith("mailto:"):
            return value[:MAX_URL]
        return web_url(value, base_url)

    return nh3.clean(
        text,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=absolute,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    ).strip()


def first_image(safe: str) -> tuple[str, str] | None:
    """Address and alternative text of the first picture in what `safe_html` gave."""
    for match in _IMG.finditer(safe):
        width = re.search(r'\b(?:width|height)="1"', match.group(0))
        if width:
            continue  # a counting pixel, not a picture
        alt = _ALT.search(match.group(0))
        address = web_url(html.unescape(match.group(1)), "")
        if address:
            return address, one_line(html.unescape(alt.group(1)), 300) if alt else ""
    return None


def web_url(value: str | None, base_url: str) -> str | None:
    """An absolute http or https address without credentials, or None for anything else."""
    if not value or len(value) > MAX_URL:
        return None
    joined = re.sub(r"[\x00-\x20\x7f]+", "", scrubbed(value.strip()).replace(" ", "%20"))
    try:
        joined = urljoin(base_url, joined) if base_url else joined
        parts = urlsplit(joined)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return joined.replace('"', "%22").replace("<", "%3C").replace(">", "%3E")


def _depth_within(markup: str, limit: int) -> bool:
    """Whether the tags nest less deep than `limit`; the cleaner is quadratic in depth."""
    depth = 0
    for match in _TAG.finditer(markup):
        if match.group(2).lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match.group(1) else depth + 1
        if depth > limit:
            return False
    return True
