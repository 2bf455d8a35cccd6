"""Readers from a file and into one: a preview that changes nothing, the import, its report."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    render_template,
    request,
    stream_with_context,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Role
from newsletter_service.subscribers import desk, imports, preview, uploads
from newsletter_service.subscribers.csv_rows import UnreadableFile
from newsletter_service.subscribers.imports import Plan, Reason
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.i18n import number

blueprint = Blueprint("subscribers_files", __name__, url_prefix="/desk/prenumeranter")

# More rows than this take longer than a page may; the command has no such limit.
ROWS_AT_MOST = 50_000
NOT_TAKEN_SHOWN = 100
FILE_BYTES = 16 * 1024 * 1024


@blueprint.url_value_preprocessor
def _take_files(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A file may be larger than a form; this runs before anything reads the body."""
    request.max_content_length = FILE_BYTES


@blueprint.get("/importera")
@allow(Role.EDITOR, Role.OPERATOR)
def ask() -> str:
    """The form for a file."""
    return _form({})


@blueprint.post("/importera")
@allow(Role.EDITOR, Role.OPERATOR)
def look() -> AnyResponse | str | tuple[str, int]:
    """Keep the file and show what would happen."""
    newsletter = _list(request.form.get("list_id", type=int))
    file = request.files.get("file")
    if file is None or not file.filename:
        return _form({"file": _("Choose a file.")}), 422
    name = uploads.keep(file.stream)  # type: ignore[arg-type]
    try:
        with uploads.open_kept(name) as kept:
            found = preview.preview(kept, newsletter.id)
    except UnreadableFile:
        uploads.forget(name)
        return _form({"file": _unreadable()}), 422
    fault = _fault(found)
    if fault:
        uploads.forget(name)
        return _form({"file": fault}), 422
    return _previewed(newsletter, name, file.filename, found, {})


@blueprint.post("/importera/ta-in")
@allow(Role.EDITOR, Role.OPERATOR)
def take() -> AnyResponse | str | tuple[str, int]:
    """Import the file that was looked at, and report."""
    newsletter = _list(request.form.get("list_id", type=int))
    kept_name, file_name = request.form.get("kept", ""), request.form.get("file_name", "")
    confirmed = request.form.get("how") != "ask"
    evidence = request.form.get("evidence", "").strip()
    try:
        with uploads.open_kept(kept_name) as kept:
            if confirmed and not evidence:
                found = preview.preview(kept, newsletter.id)
                wrong = {"evidence": _("Say how and when they consented; the law asks for it.")}
                return _previewed(newsletter, kept_name, file_name, found, wrong), 422
            plan = Plan(newsletter.slug, confirmed, evidence, actor(), file_name[:200])
            report = imports.import_rows(kept, plan, now())
    except uploads.Gone:
        return _form(
            {"file": _("The file has been used or waited too long. Choose it again.")}
        ), 422
    uploads.forget(kept_name)
    return render_template(
        "desk/subscribers/imported.html",
        newsletter=newsletter,
        report=report,
        confirmed=confirmed,
        not_taken=[(reasons()[reason], count) for reason, count in report.reasons.most_common()],
        rows=[(row.line, reasons()[row.reason]) for row in report.rows[:NOT_TAKEN_SHOWN]],
    )


@blueprint.post("/exportera")
@allow(Role.EDITOR, Role.OPERATOR)
def export() -> AnyResponse:
    """All subscriptions of a list as CSV, written while it is being read."""
    newsletter = _list(request.form.get("list_id", type=int))
    desk.note_export(newsletter.id, actor())
    answer = Response(
        stream_with_context(_lines(newsletter.id)), content_type="text/csv; charset=utf-8"
    )
    answer.headers.set(
        "Content-Disposition", "attachment", filename=f"{newsletter.slug}-{now():%Y-%m-%d}.csv"
    )
    return answer


def reasons() -> dict[Reason, str]:
    """Why rows are left out, in words."""
    return {
        Reason.INVALID_ADDRESS: _("The address is not written correctly"),
        Reason.NO_READER: _("The address belongs to a machine and not to a reader"),
        Reason.REPEATED: _("The address stands twice in the file"),
        Reason.SUPPRESSED: _("The address is suppressed"),
        Reason.UNSUBSCRIBED: _("The reader has left and is not brought back"),
        Reason.ALREADY: _("Subscribes already"),
        Reason.WAITING: _("Has been asked and has not answered yet"),
    }


def _lines(list_id: int) -> Iterator[str]:
    """CSV by RFC 4180; the mark first makes spreadsheets read it as UTF-8."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in desk.export(list_id):
        writer.writerow(row)
        if buffer.tell() > 65_536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _form(errors: dict[str, str]) -> str:
    return render_template(
        "desk/subscribers/import.html", errors=errors, lists=open_lists(db.session())
    )


def _previewed(
    newsletter: NewsletterList,
    kept: str,
    file_name: str,
    found: preview.Preview,
    errors: dict[str, str],
) -> str:
    return render_template(
        "desk/subscribers/preview.html",
        newsletter=newsletter,
        kept=kept,
        file_name=file_name,
        found=found,
        errors=errors,
        reasons=reasons(),
        form=request.form,
        take_label=ngettext(
            "Import %(n)s reader",
            "Import %(n)s readers",
            found.would_take,
            n=number(found.would_take),
        ),
    )


def _fault(found: preview.Preview) -> str:
    if found.total == 0:
        return str(_("The file holds no rows."))
    if found.total > ROWS_AT_MOST:
        return str(
            _(
                "The file holds %(count)s rows, and a page takes %(most)s at most. Ask a technician"
                " to run: newsletter subscribers import FILE.csv --list NAME",
                count=number(found.total),
                most=number(ROWS_AT_MOST),
            )
        )
    return ""


def _unreadable() -> str:
    return str(
        _(
            "The file could not be read. Save it as an Excel workbook or CSV UTF-8, with a column"
            " named email, and try again."
        )
    )


def _list(list_id: int | None) -> NewsletterList:
    found = next((each for each in open_lists(db.session()) if each.id == list_id), None)
    if found is None:
        abort(404)
    return found
