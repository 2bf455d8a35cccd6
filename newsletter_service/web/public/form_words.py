"""The words of a sign-up form: what a reader consents to, and what is wrong with what was typed."""

from flask import request
from flask_babel import gettext as _

from newsletter_service.models import NewsletterList
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.web import i18n
from newsletter_service.web.brand import brand
from newsletter_service.web.public import evidence, shown
from newsletter_service.web.public.pages import visitor


def promise(newsletter: NewsletterList) -> str:
    """The text beside the button, which is what a reader consents to (R 5.7)."""
    english = i18n.page_locale() == "en"
    often = newsletter.frequency_en or "" if english else newsletter.frequency
    names = {"newsletter": newsletter.title(i18n.page_locale()), "organisation": brand().name}
    first = (
        _("When you subscribe we send %(newsletter)s from %(organisation)s to your address, "
          "%(often)s.", often=often, **names)
        if often
        else _("When you subscribe we send %(newsletter)s from %(organisation)s to your address.",
               **names)
    )  # fmt: skip
    then = _("You can unsubscribe at any time by the link in every letter.")
    return f"{first} {then}"


def words_shown(newsletter: NewsletterList) -> RequestContext:
    """Which words the visitor had before the eyes, and where; unknown ones are called that."""
    ours, field = evidence.stamped(), request.form.get(shown.WORDS, "")
    elsewhere = request.headers.get("Referer") or request.headers.get("Origin") or ""
    where = (ours.site if ours else elsewhere) or request.path
    said = shown.unsealed(newsletter.slug, field)
    if said is None and ours is not None and not field:
        said = promise(newsletter)  # shown before forms carried their words
    if said is None:
        return visitor(where, shown.DAMAGED if field else shown.UNSAID, "form")
    return visitor(where, channel="form", words=shown.on_form(said))


def field_fault(code: str) -> str:
    """What is wrong with the answer to a field of the list's own."""
    words: dict[str, str] = {
        "missing": _("Fill this in."),
        "characters": _("This holds a character that cannot be kept. Write it again."),
        "too_long": _("This is too long. Shorten it."),
        "not_a_choice": _("Choose one of the answers in the list."),
    }
    return words.get(code, words["missing"])


def what_is_wrong(code: str) -> str:
    """What is wrong with an address, and what to do."""
    words: dict[str, str] = {
        "empty": _("Enter an e-mail address, for example namn@example.org."),
        "no_at_sign": _("An e-mail address has an @ in it, for example namn@example.org."),
        "several_at_signs": _("Enter one address only, with a single @."),
        "forbidden_character": _("The address holds a character that no address can have."),
        "too_long": _("The address is too long. Check that there is only one."),
        "local": _("Check what stands before the @ in the address."),
        "domain": _("Check what stands after the @, for example example.org."),
        "throwaway": _("That address lives for a day only. Enter one that you keep."),
        "role": _("Nobody reads that address as a person. Enter one of your own."),
    }
    return words[code]
