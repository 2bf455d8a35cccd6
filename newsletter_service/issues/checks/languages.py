"""What the check looks for where a letter is written in several languages: holes, and copies."""

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule


def language_missing(case: Case) -> Found:
    """A language of the list that nobody has written; its readers get the first one."""
    for locale in case.issue.newsletter.locales[1:]:
        if locale not in case.locales:
            yield f"subject:{locale}", {}


RULES: tuple[Rule, ...] = (
    Rule(
        "language_missing",
        Level.WARNS,
        language_missing,
        _l("The letter is not written in all the newsletter's languages."),
        _l("Write it, or let those readers have the first language."),
    ),
)
