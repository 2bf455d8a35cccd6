"""What a list says to newcomers: whether it reminds them once, and its own words of welcome.

Kept in the list's settings. The words are the editors'; everything around them is the letter's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter_service import audit
from newsletter_service.models import NewsletterList, writing

LONGEST_SUBJECT, LONGEST_TEXT = 100, 2000
KEY = "first_mails"


class TooLong(ValueError):
    """Texts that are longer than they may be; `fields` names them, such as `text_sv`."""

    def __init__(self, fields: list[str]) -> None:
        self.fields = fields
        super().__init__(f"Too long: {', '.join(fields)}.")


@dataclass(frozen=True)
class FirstMails:
    """`welcome`: whether one is sent; `subjects` and `texts` (Markdown) by language, may be empty.

    `reminder`: whether who has not confirmed after two days is reminded, once.
    """

    reminder: bool = False
    welcome: bool = True
    subjects: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def values(self, locale: str) -> dict[str, Any]:
        """The editors' words for the mail in a language; empty ones leave the letter's own."""
        return {
            "own_subject": self.subjects.get(locale, ""),
            "own_text": self.texts.get(locale, ""),
        }


def of_list(newsletter: NewsletterList) -> FirstMails:
    """What a list has chosen."""
    kept = newsletter.settings.get(KEY)
    if not isinstance(kept, dict):
        return FirstMails()
    return FirstMails(
        reminder=kept.get("reminder") is True,
        welcome=kept.get("welcome") is not False,
        subjects=_texts(kept.get("subjects")),
        texts=_texts(kept.get("texts")),
    )


def change(list_id: int, wanted: FirstMails, *, actor: str) -> None:
    """Keep the choice. Raises `TooLong`."""
    subjects = {locale: " ".join(text.split()) for locale, text in wanted.subjects.items()}
    texts = {locale: _tidy(text) for locale, text in wanted.texts.items()}
    long = [f"subject_{each}" for each, text in subjects.items() if len(text) > LONGEST_SUBJECT]
    long += [f"text_{each}" for each, text in texts.items() if len(text) > LONGEST_TEXT]
    if long:
        raise TooLong(long)
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id, with_for_update=True)
        newsletter.settings = newsletter.settings | {
            KEY: {
                "reminder": wanted.reminder,
                "welcome": wanted.welcome,
                "subjects": {each: _harmless(text) for each, text in subjects.items()},
                "texts": texts,
            }
        }
        audit.record(session, actor, "list.first_mails_changed", f"list:{list_id}")


def _texts(kept: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in kept.items()} if isinstance(kept, dict) else {}


def _tidy(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_harmless(line).rstrip() for line in lines).strip()


def _harmless(line: str) -> str:
    return "".join(char for char in line if char.isprintable())
