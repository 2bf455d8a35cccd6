"""The check before an issue leaves: what must be mended, and what is worth a look.

`check` asks no network, so that a page can call it at every look. The sentences stand beside
the rules, for the pages and the command line alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from newsletter_service.issues import date_rules, link_rules, rules
from newsletter_service.issues.case import Case
from newsletter_service.issues.rules import Found
from newsletter_service.models import Issue


@dataclass(frozen=True)
class Finding:
    """What a rule found. `place` is a part of the issue, such as subject:sv or block:12."""

    rule: str
    blocks: bool
    place: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What is the matter, a sentence in the language of the request."""
        return str(_BY_NAME[self.rule].what) % self.values

    @property
    def remedy(self) -> str:
        """What to do about it, a sentence in the language of the request."""
        return str(_BY_NAME[self.rule].remedy) % self.values

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rule": self.rule,
            "blocks": self.blocks,
            "place": self.place,
            "values": self.values,
            "what": self.what,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Rule:
    """A rule of the check: whether it blocks, how it looks, and its sentences."""

    name: str
    blocks: bool
    look: Callable[[Case], Found]
    what: Any
    remedy: Any


def check(session: Session, issue: Issue, now: datetime) -> list[Finding]:
    """Everything the rules find, what blocks first; changes nothing."""
    case = Case(session, issue, now)
    return [
        Finding(rule.name, rule.blocks, place, values)
        for rule in RULES
        for place, values in rule.look(case)
    ]


RULES: tuple[Rule, ...] = (
    Rule(
        "subject_missing",
        True,
        rules.subject_missing,
        _l("There is no subject."),
        _l("Write what the letter is about, in at most sixty characters."),
    ),
    Rule(
        "no_content",
        True,
        rules.no_content,
        _l("There is nothing in the letter yet."),
        _l("Add some news or write a text of your own."),
    ),
    Rule(
        "placeholder",
        True,
        rules.placeholder,
        _l("“%(text)s” looks like something that was to be replaced."),
        _l("Write the real words."),
    ),
    Rule(
        "empty_block",
        True,
        rules.empty_block,
        _l("A part of the letter is empty."),
        _l("Fill it in or remove it."),
    ),
    Rule(
        "not_rendered",
        True,
        rules.not_rendered,
        _l("The letter could not be made: %(error)s"),
        _l("Undo your last change, or show this to whoever runs the service."),
    ),
    Rule(
        "text_empty",
        True,
        rules.text_empty,
        _l("The letter has no plain text."),
        _l("Add some words; pictures alone say nothing to those who cannot see them."),
    ),
    Rule(
        "unsubscribe_missing",
        True,
        rules.unsubscribe_missing,
        _l("The letter has no way to unsubscribe."),
        _l("The template must show it in the HTML and in the text; restore the original."),
    ),
    Rule(
        "address_missing",
        True,
        rules.address_missing,
        _l("The organisation's postal address is missing."),
        _l("Write it under Settings; the law asks for it in every letter."),
    ),
    Rule(
        "contact_missing",
        True,
        rules.contact_missing,
        _l("There is no contact address."),
        _l("Write under Settings where readers reach a person."),
    ),
    Rule(
        "sender_unusable",
        True,
        rules.sender_unusable,
        _l("Letters cannot be sent from “%(address)s”."),
        _l("Choose under Settings an address on a domain of your own."),
    ),
    Rule(
        "no_recipients",
        True,
        rules.no_recipients,
        _l("Nobody would get the letter."),
        _l("Import subscribers, or spread the address of your sign-up page."),
    ),
    Rule(
        "link_empty",
        True,
        link_rules.link_empty,
        _l("A link leads nowhere."),
        _l("Paste the address of the page it should open."),
    ),
    Rule(
        "link_broken",
        True,
        link_rules.link_broken,
        _l("The address “%(url)s” cannot be opened."),
        _l("Copy it once more from the browser; it begins with https:// and has no blanks."),
    ),
    Rule(
        "link_private",
        True,
        link_rules.link_private,
        _l("The address “%(url)s” can only be opened from your own network."),
        _l("Use the address that visitors see."),
    ),
    Rule(
        "link_reserved",
        True,
        link_rules.link_reserved,
        _l("The address “%(url)s” is an example or a test site."),
        _l("Use the address that visitors see."),
    ),
    Rule(
        "too_large",
        True,
        rules.too_large,
        _l("The letter is %(size)s kB; Gmail would cut off its end."),
        _l("Take some parts out, until it is below 100 kB."),
    ),
    Rule(
        "alt_missing",
        True,
        rules.alt_missing,
        _l("A picture lacks its text alternative."),
        _l("The template must give every picture one; restore the original."),
    ),
    Rule(
        "large",
        False,
        rules.large,
        _l("The letter is %(size)s kB; at 100 kB Gmail would cut off its end."),
        _l("Take a part out, or shorten the longest one."),
    ),
    Rule(
        "subject_long",
        False,
        rules.subject_long,
        _l("The subject has %(length)s characters; most inboxes show %(most)s."),
        _l("Put what matters first, or shorten it."),
    ),
    Rule(
        "subject_shouts",
        False,
        rules.subject_shouts,
        _l("The subject shouts."),
        _l("Write it in small letters and without exclamation marks."),
    ),
    Rule(
        "preheader_missing",
        False,
        rules.preheader_missing,
        _l("There is no preview text."),
        _l("Write the sentence that should follow the subject in the inbox."),
    ),
    Rule(
        "preheader_repeats",
        False,
        rules.preheader_repeats,
        _l("The preview text repeats the subject."),
        _l("Let it say the next thing instead."),
    ),
    Rule(
        "no_reply",
        False,
        rules.no_reply,
        _l("Readers cannot answer “%(address)s”."),
        _l("Choose under Settings an address that somebody reads."),
    ),
    Rule(
        "picture_undescribed",
        False,
        rules.picture_undescribed,
        _l("A picture has no description."),
        _l("Say what it shows, for those who do not see it."),
    ),
    Rule(
        "picture_insecure",
        False,
        link_rules.picture_insecure,
        _l("The picture “%(url)s” is not fetched safely."),
        _l("Use its address with https://, if there is one."),
    ),
    Rule(
        "link_shortened",
        False,
        link_rules.link_shortened,
        _l("The address “%(url)s” hides where it leads."),
        _l("Use the page's own address; filters distrust shortened ones."),
    ),
    Rule(
        "vague_link",
        False,
        rules.vague_link,
        _l("The link “%(text)s” does not say where it leads."),
        _l("Name the page in the link."),
    ),
    Rule(
        "duplicate",
        False,
        rules.duplicate,
        _l("“%(title)s” stands twice in the letter."),
        _l("Remove one of them."),
    ),
    Rule(
        "used_before",
        False,
        rules.used_before,
        _l("“%(title)s” was in no. %(number)s."),
        _l("Keep it if you mean to remind; else remove it."),
    ),
    Rule(
        "day_passed",
        False,
        date_rules.day_passed,
        _l("“%(title)s” is over by then: its day is %(day)s."),
        _l("Remove it, or correct the date."),
    ),
    Rule(
        "weekday_wrong",
        False,
        date_rules.weekday_wrong,
        _l("“%(text)s” is a %(weekday)s."),
        _l("Correct the date or the weekday."),
    ),
    Rule(
        "language_missing",
        False,
        rules.language_missing,
        _l("The letter is not written in all the newsletter's languages."),
        _l("Write it, or let those readers have the first language."),
    ),
    Rule(
        "untested",
        False,
        rules.untested,
        _l("No test has been sent since the last change."),
        _l("Send one to yourself and read it on your phone."),
    ),
)
_BY_NAME = {rule.name: rule for rule in RULES}
