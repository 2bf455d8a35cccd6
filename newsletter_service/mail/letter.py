"""A mail's templates and plain values become a letter: subject, HTML and text, with slots.

Personal values are not rendered. A template asks for ``slot('unsubscribe_url')`` and gets a
mark of letters and digits, which neither Jinja nor premailer touches; `message` puts each
reader's value in its place.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from jinja2 import TemplateError
from premailer import Premailer

from newsletter_service.mail import clean
from newsletter_service.mail.environment import PARTS, environment
from newsletter_service.mail.message import Letter

# The page, its frame and its check look at the same letter a moment apart; premailer is slow.
LETTERS_KEPT = 8

_BLANK_LINES = re.compile(r"\n{4,}")
_LINE_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)
_INDENTS = re.compile(r"\n\s*\n|\n[ \t]+")
_COMMENTS = re.compile(r"(<!--.*?-->|<style.*?</style>)", re.DOTALL)


_kept: dict[tuple[str, str, str], "Letter"] = {}


class LetterError(Exception):
    """A letter could not be rendered; the message names the mail and the part, and says why."""


def render(
    name: str, values: Mapping[str, object], locale: str, given: Mapping[str, str] | None = None
) -> Letter:
    """Render the mail ``name`` (a folder of templates/email) in a language.

    Values are plain: text, numbers, dates, None, and lists and mappings of these; TypeError
    for anything else. ``given`` are slots whose marks stand in the values already; then all of
    these come from `unmarked`. Raises LetterError when a value is missing or a template fails.
    """
    plain = _plain if given else unmarked
    context = {str(key): plain(value) for key, value in values.items()}
    key = name, locale, repr(given) + repr(context)  # plain values say all about themselves
    if key in _kept:
        return _kept[key]
    slots: dict[str, str] = dict(given or {})
    context["slot"] = _marker(slots)
    subject, html, text = (_render(name, part, context, locale) for part in PARTS)
    while len(_kept) >= LETTERS_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[key] = Letter(
        subject=clean.line(subject),
        html=_inlined(html),
        text=_tidy(text),
        locale=locale,
        slots=MappingProxyType(slots),
    )
    return _kept[key]


def _marker(slots: dict[str, str]) -> Callable[[str], str]:
    def slot(name: str) -> str:
        mark = f"xslot{len(slots)}{re.sub('[^a-z]', '', name.lower())}x"
        return slots.setdefault(name, mark)

    return slot


def _render(name: str, part: str, context: Mapping[str, object], locale: str) -> str:
    try:
        return environment(part, locale).get_template(f"{name}/{part}").render(context)
    except (TemplateError, ValueError) as error:
        raise LetterError(f"The mail {name!r} could not be rendered in {part}: {error}") from error


def unmarked(value: Any) -> Any:
    """Plain values cleaned for mail, in which nothing looks like a slot's mark."""
    return _plain(value, lambda text: text.replace("xslot", "x-slot"))


def _plain(value: Any, change: Callable[[str], str] = str) -> Any:
    """Return the value cleaned for mail (R 7.12); refuse models and other live objects."""
    if isinstance(value, str):
        return change(clean.text(str(value)))
    if value is None or isinstance(value, bool | int | float | date | datetime):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, change) for inner in value]
    raise TypeError(f"A letter takes plain values, not {type(value).__name__}.")


def _inlined(html: str) -> str:
    """Move the CSS into the tags; rules marked as premailer's to ignore stay in the head."""
    inliner = Premailer(
        html,
        preserve_internal_links=True,
        keep_style_tags=False,
        remove_classes=False,
        strip_important=False,
        allow_network=False,
        allow_loading_external_files=False,
        disable_leftover_css=True,
        disable_validation=True,
        disable_basic_attributes=["width", "height", "bgcolor", "align", "valign"],
        cssutils_logging_level=logging.CRITICAL,
    )
    return _lean(str(inliner.transform()))


def _lean(html: str) -> str:
    """Drop the indentation of templates between tags: a letter must stay below 100 kB."""
    runs = _COMMENTS.split(html)
    return "".join(
        run if index % 2 else _INDENTS.sub("\n", run) for index, run in enumerate(runs)
    ).strip()


def _tidy(text: str) -> str:
    text = _LINE_ENDS.sub("", text.replace("\N{NO-BREAK SPACE}", " "))
    return _BLANK_LINES.sub("\n\n\n", text).strip("\n") + "\n"
