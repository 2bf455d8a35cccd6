"""Imports in words: why rows are left out, why a file is not read, what a column can be."""

import csv
import io
from collections.abc import Iterator, Sequence

from flask_babel import gettext as _

from newsletter_service.models import LegalBasis, ListField
from newsletter_service.subscribers import exports, import_runs
from newsletter_service.subscribers.columns import Columns
from newsletter_service.subscribers.import_plan import Reason
from newsletter_service.subscribers.tables import UnreadableFile
from newsletter_service.web.i18n import number, page_locale


def reasons() -> dict[str, str]:
    """Why rows are left out."""
    return {
        Reason.INVALID_ADDRESS: _("The address is not written correctly"),
        Reason.NO_READER: _("The address belongs to a machine and not to a reader"),
        Reason.LEFT_THERE: _("The file says that the person does not subscribe"),
        Reason.REPEATED: _("The address stands twice in the file"),
        Reason.SUPPRESSED: _("The address is suppressed"),
        Reason.UNSUBSCRIBED: _("The reader has left and is not brought back"),
        Reason.ALREADY: _("Subscribes already"),
        Reason.WAITING: _("Has been asked and has not answered yet"),
        Reason.ANSWER_UNFIT: _("The reader is taken in, but an answer does not fit its field"),
    }


def left_out(import_id: int) -> Iterator[str]:
    """Every row that was left out and why, as CSV written while it is being read."""
    words = reasons()
    buffer = io.StringIO("\ufeff")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow([_("Line"), _("Why"), _("The row as it stands")])
    for line, reason, cells in import_runs.left_out_cells(import_id):
        writer.writerow([line, words.get(reason, reason), *map(exports.harmless, cells)])
        if buffer.tell() > 65_536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def grounds() -> list[tuple[str, str, str]]:
    """Why the readers of a file may be written to, for a form: value, label, hint (R 5.1)."""
    return [
        (
            "ask",
            _("Ask each of them by mail"),
            _("Each gets a confirmation link and subscribes by confirming."),
        ),
        (
            LegalBasis.CONSENT,
            _("They have consented already"),
            _("They subscribe at once. Say below how and when they consented."),
        ),
        (
            LegalBasis.EXISTING_CUSTOMER,
            _("They are customers of ours"),
            _(
                "They gave the address at a purchase, could say no then, and have not done so."
                " Only for news of similar goods and services (the Marketing Act, section 19)."
            ),
        ),
        (
            LegalBasis.LEGAL_PERSON,
            _("They are addresses of companies and organisations"),
            _("Such as info@, and of nobody in person. A sole trader counts as a person."),
        ),
    ]


def unreadable(error: UnreadableFile) -> str:
    """Why a file is not read, and what to do."""
    line = number(error.line)
    known = {
        "damaged": _(
            "The Excel file is damaged. Save it again, or as CSV UTF-8, and choose it anew."
        ),
        "too_large": _("The Excel file unpacks to more than is read. Save it as CSV UTF-8."),
        "no_book": _("The file is no Excel workbook. Save it as .xlsx or as CSV UTF-8."),
        "old_excel": _("The file is of an old Excel (.xls). Save it as .xlsx or as CSV UTF-8."),
        "binary": _("The file is neither text nor an Excel workbook. Save it as CSV UTF-8."),
        "long_line": _(
            "Line %(line)s is longer than a row can be. Is this a file of addresses?", line=line
        ),
        "wide_row": _(
            "Line %(line)s has more columns than a row can have. Is this a file of addresses?",
            line=line,
        ),
        "not_csv": _(
            "Line %(line)s cannot be read as CSV; a quotation mark may be missing before it.",
            line=line,
        ),
        "no_address": _(
            "No column holds e-mail addresses. Check that it is the right file and sheet."
        ),
        "no_status": _(
            "This is an export from listmonk without its column status, so nobody can tell who"
            " has left or is blocked. Export it again with all columns."
        ),
        "nothing": _("The file holds no rows."),
    }
    return str(known.get(error.code) or _("Something went wrong here. Nothing more is taken in."))


def shape(name: str, separator: str) -> str:
    """What a file is."""
    if name == "workbook":
        return str(_("Excel workbook, its first sheet"))
    marks = {",": _("commas"), ";": _("semicolons"), "\t": _("tabs"), "|": _("bars")}
    encodings = encoding_names()
    return str(
        _(
            "Text separated by %(mark)s, in %(encoding)s",
            mark=marks.get(separator, separator),
            encoding=encodings.get(name, name),
        )
    )


def encoding_names() -> dict[str, str]:
    """The encodings that may be chosen."""
    return {
        "utf-8": "UTF-8",
        "cp1252": "Windows-1252 (Latin-1)",
        "utf-16": "UTF-16",
        "mac-roman": "Mac Roman",
    }


def meanings(asked: Sequence[ListField]) -> list[tuple[str, str]]:
    """What a column may be, for a form."""
    locale = page_locale()
    return [
        ("", _("Not used")),
        ("email", _("E-mail address")),
        ("locale", _("Language")),
        ("status", _("Says whether they subscribe")),
        ("gone", _("Has left if anything stands here")),
        *((f"field:{each.id}", _("Field: %(name)s", name=each.title(locale))) for each in asked),
    ]


def meaning(columns: Columns, column: int) -> str:
    """What a column is now, by the names of `meanings`."""
    if column == columns.address:
        return "email"
    if column == columns.locale:
        return "locale"
    if column == columns.status:
        return "status"
    if column in columns.gone:
        return "gone"
    return next((f"field:{key}" for key, n in columns.answers.items() if n == column), "")
