"""What the check looks for in who sends: an address that may be used, and answered."""

import re

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from newsletter_service import address as addresses
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import AuditEvent, DoctorReport

_NO_REPLY = re.compile(r"^(?:no|not|do-?not|donot|ej|inte)[-_.]?(?:reply|svara)", re.I)
# Mailbox providers whose DMARC policy makes others' servers unwelcome senders (R 1.2).
_FREE_MAIL = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.se", "live.com"),
        *("live.se", "msn.com", "yahoo.com", "yahoo.se", "icloud.com", "me.com", "aol.com"),
        *("telia.com", "proton.me", "protonmail.com", "spray.se"),
    }
)
_OF_DOMAINS = frozenset({"spf", "dkim", "dmarc", "alignment", "sender"})


def sender_unusable(case: Case) -> Found:
    """An address that cannot be written in a header, or on a domain that is not ours to use."""
    domain = _domain(case)
    if not domain or domain in _FREE_MAIL:
        yield "newsletter", {"address": case.issue.newsletter.sender_address}


def sender_unverified(case: Case) -> Found:
    """A domain that the last look of `doctor` found at fault, or has not looked at (R 1.2)."""
    domain = _domain(case)
    if not case.reaches_strangers or not domain or domain in _FREE_MAIL:
        return
    newest = select(DoctorReport).order_by(DoctorReport.id.desc()).limit(1)
    report = case.session.scalars(newest).one_or_none()
    mine = [
        check
        for check in (report.checks if report else [])
        if check["name"] in _OF_DOMAINS and _is_about(check["subject"], domain)
    ]
    failing = not mine or any(check["outcome"] == "failed" for check in mine)
    if failing and not _is_answered_for(case):
        yield "delivery", {"domain": domain}


def no_reply(case: Case) -> Found:
    """A newsletter that cannot be answered; readers' answers also help it arrive."""
    newsletter = case.issue.newsletter
    answered_at = newsletter.reply_to or newsletter.sender_address
    if _NO_REPLY.match(answered_at):
        yield "newsletter", {"address": answered_at}


def address_missing(case: Case) -> Found:
    """Who sends must be told: a postal address in every letter, in both its parts."""
    if not case.organisation or not case.organisation.postal_address.strip():
        yield "organisation", {}


def contact_missing(case: Case) -> Found:
    """A reader must be able to reach somebody."""
    if not case.organisation or not case.organisation.contact_email.strip():
        yield "organisation", {}


def footer_missing(case: Case) -> Found:
    """The address and the contact of the settings stand in the HTML and in the text."""
    if case.organisation is None:
        return
    told = (case.organisation.postal_address, case.organisation.contact_email)
    for locale, letter in case.letters.items():
        whole = _squeezed(case.trees[locale].text_content()), _squeezed(letter.text)
        wanted = [_squeezed(each) for each in told if each.strip()]
        if any(each not in part for each in wanted for part in whole):
            yield f"letter:{locale}", {}


def _domain(case: Case) -> str:
    """The sender's domain as A-labels; empty if the address is none."""
    try:
        return addresses.parse(case.issue.newsletter.sender_address).domain_ascii
    except addresses.InvalidAddress:
        return ""


def _is_answered_for(case: Case) -> bool:
    """Whether somebody went live although checks failed, and said why."""
    newest = (
        select(AuditEvent.detail)
        .where(AuditEvent.act == "organisation.live")
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    detail = case.session.scalar(newest) or {}
    return bool(detail.get("despite"))


def _is_about(subject: str, domain: str) -> bool:
    return subject == domain or subject.endswith(f"._domainkey.{domain}")


def _squeezed(text: str) -> str:
    return " ".join(text.split())


RULES: tuple[Rule, ...] = (
    Rule(
        "sender_unusable",
        Level.BLOCKS,
        sender_unusable,
        _l("Letters cannot be sent from “%(address)s”."),
        _l("Choose under Settings an address on a domain of your own."),
    ),
    Rule(
        "sender_unverified",
        Level.BLOCKS,
        sender_unverified,
        _l("Mailbox providers do not trust letters from %(domain)s yet."),
        _l("Let an operator look under Settings, Delivery, mend what is found, and look anew."),
    ),
    Rule(
        "address_missing",
        Level.BLOCKS,
        address_missing,
        _l("The organisation's postal address is missing."),
        _l("Write it under Settings; the law asks for it in every letter."),
    ),
    Rule(
        "contact_missing",
        Level.BLOCKS,
        contact_missing,
        _l("There is no contact address."),
        _l("Write under Settings where readers reach a person."),
    ),
    Rule(
        "footer_missing",
        Level.BLOCKS,
        footer_missing,
        _l("The letter does not say who sends it and how to reach them."),
        _l("The template must show it in the HTML and in the text; restore the original."),
    ),
    Rule(
        "no_reply",
        Level.WARNS,
        no_reply,
        _l("Readers cannot answer “%(address)s”."),
        _l("Choose under Settings an address that somebody reads."),
    ),
)
