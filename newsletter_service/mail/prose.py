"""Running text that editors write in Markdown, as safe HTML and as plain text worth reading."""

import textwrap
from collections.abc import Iterator, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

WIDTH = 74

_TAGS = {"p", "br", "strong", "em", "a", "ul", "ol", "li", "blockquote", "h2", "h3", "hr"}
_SCHEMES = {"http", "https", "mailto", "tel"}


def to_html(markdown: str) -> Markup:
    """Return HTML of paragraphs, lists, links and emphasis; HTML in the source is shown as text."""
    return sanitised(_parser().render(markdown))


def sanitised(html: str) -> Markup:
    """Return the HTML with only the tags and addresses that a letter may hold."""
    cleaned = nh3.clean(
        html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES, link_rel=None
    )
    return Markup(cleaned)  # noqa: S704  (just sanitised)


def to_text(markdown: str) -> str:
    """Return the same as text: wrapped, lists with dashes, each link's address after its words."""
    return "\n\n".join(_paragraphs(_parser().parse(markdown)))


def wrapped(text: str, width: int = WIDTH, indent: str = "") -> str:
    """Wrap each line by itself; addresses of the web are never broken."""
    return "\n".join(_wrap(line, width, indent, indent) for line in str(text).split("\n"))


def underlined(text: str, mark: str = "-") -> str:
    """Return a heading with a line below it as long as its longest line."""
    heading = wrapped(" ".join(str(text).split()))
    return f"{heading}\n{mark * max(map(len, heading.splitlines() or ['']))}"


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).disable("image")


def _wrap(line: str, width: int, first: str, rest: str) -> str:
    return textwrap.fill(
        line,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _paragraphs(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield one paragraph, heading or whole list after another."""
    lists: list[int | None] = []
    rows: list[str] = []
    mark = ""
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append(0 if token.type.startswith("ordered") else None)
        elif token.type == "list_item_open":
            mark = _next_mark(lists)
        elif token.type == "inline":
            if lists:
                indent = "  " * (len(lists) - 1)
                rows.append(_item(_words(token), indent, mark))
                mark = " " * len(mark)
            else:
                yield wrapped(_words(token))
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
            if not lists:
                yield "\n".join(rows)
                rows.clear()
        elif token.type == "hr":
            yield "* * *"


def _next_mark(lists: list[int | None]) -> str:
    count = lists[-1]
    if count is None:
        return "- "
    lists[-1] = count + 1
    return f"{count + 1}. "


def _item(words: str, indent: str, mark: str) -> str:
    return _wrap(words, WIDTH, indent + mark, indent + " " * len(mark))


def _words(inline: Token) -> str:
    """Return the words of a paragraph, each link's address after its own."""
    parts: list[str] = []
    address = ""
    start = 0
    children = inline.children or []
    for token in children:
        if token.type in {"text", "code_inline"}:
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak":
            parts.append("\n")
        elif token.type == "link_open":
            address, start = str(token.attrs.get("href", "")).removeprefix("mailto:"), len(parts)
        elif token.type == "link_close" and "".join(parts[start:]).strip() != address:
            parts.append(f": {address}" if token is children[-1] else f" <{address}>")
    return "".join(parts)
