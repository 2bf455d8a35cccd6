"""Reads the first form of a page, as a browser would send it back."""

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.forms = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms += 1
        named = tag in {"input", "button"} and values.get("name")
        if self.forms == 1 and named and values.get("type") not in {"checkbox", "radio"}:
            self.fields.setdefault(values["name"], values.get("value", ""))


def form_of(html: str) -> dict[str, str]:
    """Names and values of the page's first form, its first button pressed."""
    reader = _Reader()
    reader.feed(html)
    return reader.fields
