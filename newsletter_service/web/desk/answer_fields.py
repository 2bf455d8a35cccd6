"""Readers' own answers in a letter: the form that puts one in, and whose answers are shown."""

from typing import Any

from flask import request
from flask_babel import gettext as _

from newsletter_service.extensions import db
from newsletter_service.issues import merging, put_in, seen_by
from newsletter_service.issues.blocks import Edit
from newsletter_service.mail import merge_fields
from newsletter_service.mail.merge_fields import Field
from newsletter_service.models import Issue
from newsletter_service.web.desk import now

_TITLE = 40


def form_of(issue: Issue, locale: str, parts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What the form offers; None while the newsletter has no field that is answered in words."""
    asked = merging.usable(db.session(), issue.list_id)
    if not asked:
        return None
    places = [
        ("subject", _("Subject")),
        ("preheader", _("Preview text")),
        ("introduction", _("Introduction")),
    ]
    return {
        "fields": [
            (key, field.title("sv" if locale == "sv" else "en")) for key, field in asked.items()
        ],
        "places": places + [one for part in parts for one in _places(part)],
        "key": request.form.get("answer.key", ""),
        "fallback": request.form.get("answer.fallback", ""),
        "place": request.form.get("answer.place", "introduction"),
    }


def _places(part: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a part that an answer may stand in, as the form names them."""
    names = [
        (field["name"], field["label"])
        for field in part["fields"]
        if field["name"].partition(".")[2] in merging.PLACES.get(part["kind"], ())
    ]
    about = f"{part['name']}: {part['title'][:_TITLE]}" if part["title"] else part["name"]
    return [(name, about if len(names) == 1 else f"{about} ({label})") for name, label in names]


def put(issue_id: int, locale: str, edit: Edit) -> int:
    """Put in what the form says; returns the block to open. Raises `Unfit`."""
    place = request.form.get("answer.place", "")
    wanted = Field(request.form.get("answer.key", ""), request.form.get("answer.fallback", ""))
    put_in.field(issue_id, locale, place.removeprefix("b"), wanted, edit)
    number = place.removeprefix("b").partition(".")[0]
    return int(number) if number.isdigit() else 0


def said(faults: dict[str, str]) -> dict[str, str]:
    """Why nothing was put in, by the form's fields."""
    sentences = {
        "missing": _("Fill this in."),
        "too_long": _("At most 80 characters."),
        "braces": _("Leave out braces and bars."),
        "address": _("Leave out addresses: links are the same for everybody."),
    }
    return {f"answer.{name}": sentences[code] for name, code in faults.items()}


def chosen_reader() -> int:
    """Whose answers the letter is to be seen with: a subscription, or 0 for nobody's."""
    return request.values.get("som", 0, type=int)


def seen(issue: Issue, locale: str) -> dict[str, Any] | None:
    """The readers to look as, and the inbox row as the chosen one has it; None without fields."""
    session, asked = db.session(), seen_by.wanted(db.session(), issue, locale)
    if not asked:
        return None
    some = seen_by.readers(session, issue, locale, now())
    chosen = chosen_reader() if chosen_reader() in some else 0
    answers = seen_by.answers(session, issue, locale, chosen)
    text = next((one for one in issue.texts if one.locale == locale), None)
    row = (text.subject, text.preheader) if text else ("", "")
    return {
        "options": [
            (0, _("Somebody without answers")),
            *((one, ", ".join(said)) for one, said in some.items()),
        ],
        "chosen": chosen,
        "in_the_inbox": any(merge_fields.written(" ".join(row))),
        "subject": merging.as_read(row[0], asked, answers),
        "preheader": merging.as_read(row[1], asked, answers),
    }
