"""The strict Jinja environments that letters are rendered in, one per part and language."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from babel.support import NullTranslations, Translations
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from newsletter_service.mail import colour, dates, prose

PARTS = ("subject.txt", "body.html", "body.txt")

_FIELDS = (
    *("title", "summary", "text", "markdown", "by", "source", "link_text", "lead"),
    *("url", "link", "image_url", "image_alt", "image_height", "alt", "width", "height"),
    *("starts_on", "ends_on", "place", "last_day"),
)

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "templates" / "email", _PACKAGE.parent / "templates" / "email")


def folder() -> Path:
    """Return where the mails are: inside an installed wheel, or at the top of a checkout."""
    for found in _FOLDERS:
        if found.is_dir():
            return found
    raise FileNotFoundError(f"No mail templates at {' or '.join(map(str, _FOLDERS))}; reinstall.")


@lru_cache(maxsize=32)
def environment(part: str, locale: str) -> SandboxedEnvironment:
    """Return the environment for a part (of PARTS) in a language; escaping is for HTML only."""
    is_html = part.endswith(".html")
    env = SandboxedEnvironment(
        loader=FileSystemLoader(folder()),
        undefined=StrictUndefined,
        autoescape=is_html,
        trim_blocks=True,
        keep_trailing_newline=not is_html,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]
    env.globals |= {"locale": locale, "palette": colour.palette}
    env.filters |= _filters(locale, is_html=is_html)
    return env


def translations(locale: str) -> NullTranslations:
    """Return the catalogue of a language; English is the language of the source."""
    return Translations.load(str(_PACKAGE / "translations"), [locale])


def _filters(locale: str, *, is_html: bool) -> dict[str, Callable[..., object]]:
    return {
        "day": partial(dates.day, locale=locale),
        "day_number": dates.day_number,
        "month": partial(dates.month, locale=locale),
        "weekday_date": partial(dates.weekday_date, locale=locale),
        "long_date": partial(dates.long_date, locale=locale),
        "period": partial(dates.period, locale=locale),
        "complete": _complete,
        "markdown": prose.to_html if is_html else prose.to_text,
        "safe_html": prose.sanitised,
        "wrapped": prose.wrapped,
        "underlined": prose.underlined,
    }


def _complete(block: Mapping[str, object]) -> dict[str, object]:
    """Give a block every field: a draft is shown however little of it is filled in."""
    given = {name: value for name, value in block.items() if value is not None}
    return dict.fromkeys(_FIELDS, "") | given
