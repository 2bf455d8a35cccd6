"""*Så behandlar vi dina personuppgifter*: the text of GDPR article 13, made from the settings.

One text for the page, for the proof of what was shown, and for its versions.
"""

from dataclasses import dataclass

from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from newsletter_service.accounts import sending
from newsletter_service.extensions import db
from newsletter_service.models import Organisation
from newsletter_service.subscribers import data_protection
from newsletter_service.subscribers.data_protection import Facts
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.subscribers.wordings import Words
from newsletter_service.web import i18n

DAYS_A_MONTH = 365.25 / 12
MONTHS_FROM_DAYS = 90


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs and a list below them; `mail` is an address to write to."""

    heading: str
    paragraphs: tuple[str, ...]
    points: tuple[str, ...] = ()
    mail: str = ""


def sections() -> list[Section]:
    """The text in the language of the page."""
    owner, facts = _owner(), data_protection.facts()
    return [
        _who(owner, facts),
        _what(),
        _how_long(facts),
        _who_gets(facts),
        _rights(owner),
        *([Section(_("More"), tuple(facts.more.splitlines()))] if facts.more else []),
    ]


def words() -> Words:
    """The same as plain text, which names its version; or where the organisation's own stands."""
    locale, owner = i18n.page_locale(), _owner()
    if owner.privacy_url:
        return Words("privacy", locale, owner.privacy_url)
    parts = []
    for section in sections():
        points = [f"- {point}" for point in section.points]
        mail = [section.mail] if section.mail else []
        parts.append("\n".join([section.heading, *section.paragraphs, *points, *mail]))
    return Words("privacy", locale, "\n\n".join(parts))


def in_every_language() -> tuple[Words, ...]:
    """The text in both languages."""
    made = []
    for locale in i18n.LOCALES:
        with force_locale(locale):
            made.append(words())
    return tuple(made)


def period(days: int) -> str:
    """A number of days as people say it: days, months or years."""
    if days < MONTHS_FROM_DAYS:
        return str(ngettext("%(num)s day", "%(num)s days", days))
    months = round(days / DAYS_A_MONTH)
    if months % 12:
        return str(ngettext("%(num)s month", "%(num)s months", months))
    return str(ngettext("%(num)s year", "%(num)s years", months // 12))


def _owner() -> Organisation:
    return db.session.get(Organisation, 1) or Organisation(
        name="", postal_address="", org_nr="", contact_email="", privacy_url=""
    )


def _who(owner: Organisation, facts: Facts) -> Section:
    number = _("org. no. %(number)s", number=owner.org_nr) if owner.org_nr else ""
    told = [", ".join(part for part in (owner.name, number, owner.postal_address) if part) + "."]
    if facts.dpo_name or facts.dpo_email:
        who = ", ".join(part for part in (facts.dpo_name, facts.dpo_email) if part)
        told.append(_("Our data protection officer: %(who)s.", who=who))
    return Section(_("Who is responsible"), tuple(told), mail=owner.contact_email)


def _what() -> Section:
    return Section(
        _("What we keep, and why"),
        (),
        (
            _(
                "Your e-mail address, your language and what else you fill in, to send the"
                " newsletter. The ground is your consent, which you can take back at any"
                " time (GDPR article 6.1 a). For customers, and for people we write to at a"
                " company's address, it is our legitimate interest in telling about what we"
                " do (6.1 f), to which you can object at any time."
            ),
            _(
                "When and how you subscribed, confirmed and left, with the words you saw,"
                " the network address and the browser, to be able to show that you"
                " consented (6.1 c, 7.1)."
            ),
            _(
                "Whether a letter was accepted by your mail server or came back, so that we"
                " stop writing to addresses that do not work (6.1 f)."
            ),
            _(
                "There are no hidden pictures in the letters, and no link tells who pressed"
                " it. Nothing is decided about you by a machine."
            ),
            *([_counted()] if _is_counting() else []),
        ),
    )


def _counted() -> str:
    return str(
        _(
            "How many press a link is counted, by links that are the same for everybody."
            " Who pressed is not known and not kept."
        )
    )


def _is_counting() -> bool:
    return any(sending.of_list(each).clicks for each in open_lists(db.session()))


def _how_long(facts: Facts) -> Section:
    said = {name: period(facts.days(name)) for name in data_protection.PERIODS}
    return Section(
        _("For how long"),
        (),
        (
            _(
                "Your address and your choices as long as you subscribe, and with the proof"
                " of your consent %(consent_proofs)s after you left.",
                **said,
            ),
            _(
                "A sign-up that is never confirmed: %(unconfirmed)s after its link has expired.",
                **said,
            ),
            _("Network address and browser: %(consent_origins)s.", **said),
            _(
                "What was sent to you and what became of it: %(deliveries)s. After that"
                " only numbers are left.",
                **said,
            ),
            _("Mail that came back: %(bounces)s.", **said),
            _(
                "If you object, leave or are erased, a scrambled trace of the address that"
                " nobody can read, without end: it keeps others from signing you up again"
                " against your will."
            ),
        ),
    )


def _who_gets(facts: Facts) -> Section:
    return Section(
        _("Who receives them"),
        (
            _(
                "Those who run our servers and deliver our mail, on our behalf and by our"
                " instructions. We sell and give away nothing."
            ),
            *(
                [facts.transfers]
                if facts.transfers
                else [_("Nothing is taken out of the EU and the EEA.")]
                if facts.processors
                else []
            ),
        ),
        tuple(facts.processors.splitlines()),
    )


def _rights(owner: Organisation) -> Section:
    return Section(
        _("Your rights"),
        (
            _(
                "You can see, correct, move or have erased what we keep about you, limit"
                " what we do with it, and object to it. Leaving is the link in every"
                " letter; the rest you do yourself on your own page, or write to us and"
                " have it within a month."
            ),
            _(
                "If you think we do wrong, you can complain to the Swedish Authority for"
                " Privacy Protection (IMY), imy.se."
            ),
        ),
    )
