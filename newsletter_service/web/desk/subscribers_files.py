"""Readers from a file and into one: looked at, tried, taken in by a worker, reported."""

import tempfile
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.extensions import db
from newsletter_service.models import ImportState, LegalBasis, NewsletterList, ReaderImport, Role
from newsletter_service.subscribers import (
    desk,
    exports,
    fields,
    file_rows,
    import_files,
    import_runs,
    preview,
)
from newsletter_service.subscribers.columns import Columns
from newsletter_service.subscribers.csv_rows import ENCODINGS
from newsletter_service.subscribers.file_rows import Look
from newsletter_service.subscribers.import_plan import EvidenceMissing, Plan
from newsletter_service.subscribers.import_runs import How, NoSuchImport
from newsletter_service.subscribers.readers import open_lists
from newsletter_service.subscribers.tables import UnreadableFile
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, import_words, now

blueprint = Blueprint("subscribers_files", __name__, url_prefix="/desk/prenumeranter")

FORM_BYTES = 64 * 1024
COLUMNS_SHOWN = 60
EXAMPLES = 3


@blueprint.url_value_preprocessor
def _take_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A file may be larger than a form; this runs before anything reads the body."""
    if endpoint == "subscribers_files.look":
        request.max_content_length = import_files.FILE_BYTES_AT_MOST + FORM_BYTES


@blueprint.get("/importera")
@allow(Role.EDITOR, Role.OPERATOR)
def ask() -> str:
    """The form for a file, and what was imported last."""
    return _form({})


@blueprint.post("/importera")
@allow(Role.EDITOR, Role.OPERATOR)
def look() -> AnyResponse | tuple[str, int]:
    """Keep the file, and go where its columns are shown."""
    newsletter = _list(request.form.get("list_id", type=int))
    file = request.files.get("file")
    if file is None or not file.filename:
        return _form({"file": _("Choose a file.")}), 422
    stream: Any = file.stream
    try:
        _looked(stream, newsletter.id, "")
        stream.seek(0)
        import_id = import_runs.keep(stream, file.filename, newsletter.id, actor(), now())
    except UnreadableFile as error:
        return _form({"file": import_words.unreadable(error)}), 422
    except import_files.TooLarge:
        return _form({"file": _("The file is larger than 256 MB. Split it into parts.")}), 422
    return redirect(url_for("subscribers_files.one", import_id=import_id), 303)


@blueprint.get("/importera/<int:import_id>")
@allow(Role.EDITOR, Role.OPERATOR)
def one(import_id: int) -> str | AnyResponse:
    """An import: its columns while it is settled, how far it has come, what became of it."""
    run = _known(import_id)
    settles = run.state == ImportState.NEW or ("andra" in request.args and _may_settle(run))
    if settles:
        return _settle_page(run, {})
    answer = make_response(_progress(run))
    if "HX-Request" in request.headers and run.state not in import_runs.OPEN:
        answer.headers["HX-Refresh"] = "true"  # it is over: another page than the one that asks
    return answer


@blueprint.post("/importera/<int:import_id>")
@allow(Role.EDITOR, Role.OPERATOR)
def settle(import_id: int) -> AnyResponse | str | tuple[str, int]:
    """Look again with other columns, try the whole file, or take it in."""
    run = _known(import_id)
    do = request.form.get("do", "look")
    if not _may_settle(run):
        return redirect(url_for("subscribers_files.one", import_id=import_id), 303)
    if do == "look":
        return _settle_page(run, {})
    columns, encoding = _chosen(run), _encoding(run)
    if columns is None:
        wrong = {"columns": _("Say which column holds the e-mail addresses.")}
        return _settle_page(run, wrong), 422
    said, evidence = request.form.get("how", "ask"), request.form.get("evidence", "")[:2000]
    basis = LegalBasis(said) if said in set(LegalBasis) else LegalBasis.CONSENT
    how = How(columns, encoding, said != "ask", evidence, do == "dry", basis)
    try:
        import_runs.settle(import_id, how, actor(), now())
    except EvidenceMissing:
        wrong = {"evidence": _("Say what it rests on; the law asks for proof.")}
        return _settle_page(_known(import_id), wrong), 422
    except NoSuchImport:
        pass  # somebody was quicker; the page says how far it has come
    return redirect(url_for("subscribers_files.one", import_id=import_id), 303)


@blueprint.post("/importera/<int:import_id>/stoppa")
@allow(Role.EDITOR, Role.OPERATOR)
def stop(import_id: int) -> AnyResponse:
    """Take no more from the file."""
    if import_runs.stop(_known(import_id).id, actor(), now()):
        flash(_("Stopped. Those who were taken in stay."), "good")
    return redirect(url_for("subscribers_files.one", import_id=import_id), 303)


@blueprint.get("/importera/<int:import_id>/rapport.csv")
@allow(Role.EDITOR, Role.OPERATOR)
def report(import_id: int) -> AnyResponse:
    """Every row that was left out and why, as CSV."""
    run = _known(import_id)
    answer = Response(
        stream_with_context(import_words.left_out(run.id)), content_type="text/csv; charset=utf-8"
    )
    name = _("left-out") + f"-{run.id}.csv"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@blueprint.post("/exportera")
@allow(Role.EDITOR, Role.OPERATOR)
def export() -> AnyResponse:
    """All subscriptions of a list: CSV written while it is being read, or a workbook."""
    newsletter = _list(request.form.get("list_id", type=int))
    desk.note_export(newsletter.id, actor())
    name = f"{newsletter.slug}-{now():%Y-%m-%d}"
    if request.form.get("as") == "xlsx":
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the answer
        exports.write_workbook(newsletter.id, file)
        file.seek(0)
        return send_file(file, as_attachment=True, download_name=f"{name}.xlsx")
    answer = Response(
        stream_with_context(exports.lines(newsletter.id)), content_type="text/csv; charset=utf-8"
    )
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return answer


def _form(errors: dict[str, str]) -> str:
    lists = open_lists(db.session())
    return render_template(
        "desk/subscribers/import.html",
        errors=errors,
        lists=lists,
        list_names={each.id: each.name for each in lists},
        latest=import_runs.latest(),
    )


def _looked(stream: Any, list_id: int, encoding: str) -> Look:
    names = fields.names(fields.of_list(db.session(), list_id))
    return file_rows.look(stream, names, encoding)


def _may_settle(run: ReaderImport) -> bool:
    over = run.state in {ImportState.DONE, ImportState.FAILED, ImportState.STOPPED}
    return (run.state == ImportState.NEW or (run.dry and over)) and import_files.is_there(run.id)


def _encoding(run: ReaderImport) -> str:
    typed = request.form.get("encoding", run.encoding)
    return typed if typed in ENCODINGS else ""


def _chosen(run: ReaderImport) -> Columns | None:
    """The columns as the form says; None where no column is the address."""
    said = {
        n: request.form.get(f"column-{n}", "")
        for n in range(COLUMNS_SHOWN)
        if f"column-{n}" in request.form
    }
    by = {meaning: n for n, meaning in reversed(said.items()) if meaning}
    if "email" not in by:
        return None
    known = {each.id for each in fields.of_list(db.session(), run.list_id)}
    answers = {
        int(meaning.removeprefix("field:")): n
        for meaning, n in by.items()
        if meaning.startswith("field:") and meaning.removeprefix("field:").isdigit()
    }
    return Columns(
        address=by["email"],
        heading="heading" in request.form,
        locale=by.get("locale"),
        status=by.get("status"),
        gone=tuple(n for n, meaning in said.items() if meaning == "gone"),
        answers={key: n for key, n in sorted(answers.items()) if key in known},
        source=request.form.get("source", "")[:40],
    )


def _settle_page(run: ReaderImport, errors: dict[str, str]) -> str:
    newsletter = _list(run.list_id)
    asked = fields.of_list(db.session(), run.list_id)
    encoding = _encoding(run)
    try:
        looked = _looked(import_files.open_file(run.id), run.list_id, encoding)
        kept = Columns.from_json(run.columns) if run.columns else looked.columns
        columns = (_chosen(run) or kept) if "column-0" in request.form else kept
        plan = Plan(
            newsletter.slug, True, "", actor(), columns=columns, encoding=encoding, dry=True
        )
        found = preview.preview(import_files.open_file(run.id), plan)
    except UnreadableFile as error:
        import_runs.forget(run.id)
        return _form({"file": import_words.unreadable(error)})
    width = min(max(map(len, looked.first)), COLUMNS_SHOWN)
    below = looked.first[1 if columns.heading else 0 :][:EXAMPLES]
    return render_template(
        "desk/subscribers/settle.html",
        run=run,
        newsletter=newsletter,
        shape=import_words.shape(
            looked.shape.name, looked.shape.dialect.separator if looked.shape.dialect else ""
        ),
        is_text=looked.shape.dialect is not None,
        encodings=import_words.encoding_names(),
        encoding=encoding or looked.shape.name,
        columns=columns,
        width=width,
        headings=[_at(looked.first[0], n) for n in range(width)],
        examples=[[_at(row, n) for row in below] for n in range(width)],
        meanings=import_words.meanings(asked),
        meant=[import_words.meaning(columns, n) for n in range(width)],
        found=found,
        reasons=import_words.reasons(),
        errors=errors,
        grounds=import_words.grounds(),
        form=request.form
        or {"how": run.basis if run.evidence else "ask", "evidence": run.evidence},
    )


def _progress(run: ReaderImport) -> str:
    under_way = run.state in import_runs.OPEN
    return render_template(
        "desk/subscribers/imported.html",
        run=run,
        newsletter=_list(run.list_id),
        under_way=under_way,
        reasons=import_words.reasons(),
        not_taken=sorted(run.reasons.items(), key=lambda each: -each[1]),
        trouble=import_words.unreadable(UnreadableFile(run.error, run.error_line))
        if run.error
        else "",
        may_settle=not under_way and _may_settle(run),
    )


def _at(cells: list[str], n: int) -> str:
    return cells[n][:60] if n < len(cells) else ""


def _known(import_id: int) -> ReaderImport:
    try:
        return import_runs.get(import_id)
    except NoSuchImport:
        abort(404)


def _list(list_id: int | None) -> NewsletterList:
    found = next((each for each in open_lists(db.session()) if each.id == list_id), None)
    if found is None:
        abort(404)
    return found
