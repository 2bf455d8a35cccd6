"""*Dataskydd* in words: legal bases, periods, proofs, and the record of processing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from newsletter_service.models import ConsentKind, LegalBasis
from newsletter_service.operations import trace_words
from newsletter_service.subscribers import data_protection
from newsletter_service.web.i18n import moment
from newsletter_service.web.public import shown
from newsletter_service.web.public.privacy_text import period


@dataclass(frozen=True)
class Activity:
    """One line of the record of processing (GDPR article 30.1)."""

    name: str
    purpose: str
    basis: str
    people: str
    data: str
    kept: str


def bases() -> dict[str, str]:
    """Legal bases by code; the empty one is none."""
    return {
        LegalBasis.CONSENT: _("Consent"),
        LegalBasis.EXISTING_CUSTOMER: _("Existing customer"),
        LegalBasis.LEGAL_PERSON: _("Legal person"),
        "": _("None: no issue is sent"),
    }


def periods() -> list[tuple[str, str, str]]:
    """What is kept for a time: name, label, hint."""
    return [
        ("unconfirmed", _("Sign-ups nobody confirmed"),
         _("Counted from the day their link expired.")),
        ("consent_origins", _("Network address and browser in proofs"),
         _("The proof itself stays.")),
        ("consent_proofs", _("Proof of consent after leaving"),
         _("Then the person is forgotten, but for the keyed fingerprint.")),
        ("deliveries", _("What was sent to whom"),
         _("After that the issue's numbers stay, about nobody.")),
        ("bounces", _("Mail that came back, as it came"), _("What was read in it stays.")),
        ("notices", _("Single mails, such as confirmations"), ""),
    ]  # fmt: skip


def kind(code: str) -> str:
    """What a consent event proves."""
    known = {
        ConsentKind.REQUESTED: _("Signed up"),
        ConsentKind.CONFIRMED: _("Confirmed"),
        ConsentKind.WITHDRAWN: _("Left"),
        ConsentKind.CHANGED: _("Changed"),
    }
    return str(known.get(ConsentKind(code), code))


def wording(said: str) -> str:
    """The version of the words that were shown, or that nobody knows it."""
    unknown = {
        shown.UNSAID: _("Not known: the form on the other site did not say which words it shows"),
        shown.DAMAGED: _("Not known: what the form said of its words is not ours"),
    }
    return str(unknown.get(said) or said[:16])


def facts_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of one event, as labels and values; what is empty is left out."""
    detail = event["detail"]
    rows = [
        (_("By"), trace_words.channel(event["channel"])),
        (_("Address as typed"), event["address_as_typed"]),
        (_("Network address"), event["ip"]),
        (_("Browser"), event["user_agent"]),
        (_("Form"), event["form"]),
        (_("Language"), {"sv": _("Swedish"), "en": _("English")}.get(event["locale"], "")),
        (_("Confirmation mail"), detail.get("mail", "")),
        (_("Reply of the mail server"), detail.get("mail_reply", "")),
        (_("Version of the words"), wording(event["wording"])),
    ]
    named = {"mail", "mail_reply", "mail_state"}
    rows += [
        (_detail_words().get(name, name), str(value))
        for name, value in detail.items()
        if name not in named
    ]
    return [(label, value) for label, value in rows if value]


def _detail_words() -> dict[str, str]:
    return {
        "issue_id": _("By issue (id)"),
        "was": _("Before"),
        "now": _("After"),
        "paused_until": _("Paused until"),
        "legal_basis": _("Legal basis"),
        "evidence": _("Evidence"),
        "by": _("On their word, noted by"),
        "moved": _("Moved to another address"),
        "undone": _("Took back leaving"),
    }


def time(text: str | None) -> str:
    """A time of the receipt as people write it."""
    return moment(datetime.fromisoformat(text)) if text else "–"


def activities() -> list[Activity]:
    """What is done with personal data here, and on what ground."""
    facts = data_protection.facts()
    said = {name: period(facts.days(name)) for name in data_protection.PERIODS}
    readers = _("Subscribers")
    return [
        Activity(
            _("Sending newsletters"),
            _("To send the newsletter that people asked for, in their language."),
            _(
                "Consent (6.1 a); for customers and at companies' addresses legitimate"
                " interest (6.1 f)"
            ),
            readers,
            _("Address, language, own fields, choices, what was sent and what became of it"),
            _("While subscribing; what was sent for %(deliveries)s", **said),
        ),
        Activity(
            _("Proof of consent"),
            _("To be able to show that people agreed, and to what."),
            _("Legal obligation (6.1 c with 7.1 and 5.2)"),
            readers,
            _("Times, words shown, channel, network address, browser, Message-ID"),
            _(
                "%(consent_proofs)s after leaving; network address and browser %(consent_origins)s",
                **said,
            ),
        ),
        Activity(
            _("Sign-ups that wait"),
            _("To ask the owner of an address whether the sign-up is theirs."),
            _("Steps at the person's request (6.1 b) and legitimate interest (6.1 f)"),
            _("People who signed up"),
            _("Address, language, time, network address, browser"),
            _("Seven days and %(unconfirmed)s after", **said),
        ),
        Activity(
            _("Mail that comes back"),
            _("To stop writing to addresses that do not work, and to hear complaints."),
            _("Legitimate interest (6.1 f)"),
            readers,
            _("Messages of mail servers, reason, address"),
            _("The message %(bounces)s; the reason %(deliveries)s", **said),
        ),
        Activity(
            _("Blocked addresses"),
            _("To honour objections, withdrawals and erasure, also against later imports."),
            _("Legal obligation (6.1 c with 21.3 and 17)"),
            _("People who objected, left or were erased"),
            _("A keyed hash of the address, reason, time"),
            _("Without end"),
        ),
        Activity(
            _("Staff accounts"),
            _("To let colleagues in and to know who did what."),
            _("Legitimate interest (6.1 f)"),
            _("Colleagues"),
            _("Address, name, roles, times of log-in, acts"),
            _("While employed here; sessions 90 days"),
        ),
    ]
