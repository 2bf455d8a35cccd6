"""The words that a visitor had before the eyes when agreeing, to be kept as proof (R 5.12).

A form carries its words sealed in a hidden field. One that was copied to another site shows the
same words for years, whatever has been changed here since: what comes back with it says which.
"""

from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeSerializer

from newsletter_service.settings import current
from newsletter_service.subscribers import links
from newsletter_service.subscribers.wordings import Words
from newsletter_service.web import i18n
from newsletter_service.web.public import privacy_text

WORDS = "words"
UNSAID = "form on another site"
DAMAGED = "words not known"


def sealed(slug: str, promise: str) -> str:
    """The hidden field of a form that shows these words beside its button."""
    return str(_signer().dumps([slug, i18n.page_locale(), promise]))


def unsealed(slug: str, field: str) -> str | None:
    """The words that a form of a list says it showed; None where it says nothing we wrote."""
    try:
        whose, locale, promise = _signer().loads(field)
    except (BadData, ValueError, TypeError):
        return None
    return str(promise) if (whose, locale) == (slug, i18n.page_locale()) else None


def on_form(promise: str) -> tuple[Words, ...]:
    """The text beside the button, and the text on personal data that it leads to."""
    privacy = privacy_text.words()
    lines = (
        promise,
        f"{_('How we treat your personal data')} (sha256 {privacy.digest})",
        f"[{_('Subscribe')}]",
    )
    return Words("form", i18n.page_locale(), "\n".join(lines)), privacy


def on_confirming(about: links.Outcome) -> Words:
    """The page with the button, without the reader's own address."""
    locale = i18n.page_locale()
    title = about.title(locale) if isinstance(about, links.Link) else ""
    lead = _(
        "One press is left, and %(newsletter)s will come to %(address)s.",
        newsletter=title,
        address="…",
    )
    lines = (_("Confirm your subscription"), lead, f"[{_('Confirm the subscription')}]")
    return Words("confirm", locale, "\n".join(lines))


def _signer() -> URLSafeSerializer:
    """By the keys that are never thrown away: a copied form stands for years."""
    ring = current().link_keys
    return URLSafeSerializer([ring[number] for number in sorted(ring)], salt="words of a form")
