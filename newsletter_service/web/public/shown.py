"""The words that a visitor had before the eyes when agreeing, to be kept as proof (R 5.12)."""

from flask_babel import gettext as _

from newsletter_service.subscribers import links
from newsletter_service.subscribers.wordings import Words
from newsletter_service.web import i18n
from newsletter_service.web.public import privacy_text


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
