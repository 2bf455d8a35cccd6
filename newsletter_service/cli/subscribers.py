"""`newsletter subscribers`: import, export, erase."""

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import click

from newsletter_service.address import InvalidAddress
from newsletter_service.cli.door import (
    MISUSE,
    actor,
    as_json,
    fail,
    in_app,
    list_of,
    now,
    print_json,
)
from newsletter_service.extensions import db
from newsletter_service.models import ImportState, LegalBasis, NewsletterList, ReaderImport
from newsletter_service.subscribers import (
    columns,
    desk,
    exports,
    fields,
    file_rows,
    import_files,
    import_runs,
    import_turns,
    privacy,
)
from newsletter_service.subscribers.columns import Columns
from newsletter_service.subscribers.csv_rows import ENCODINGS
from newsletter_service.subscribers.import_plan import EvidenceMissing
from newsletter_service.subscribers.import_runs import How, NoSuchImport
from newsletter_service.subscribers.tables import UnreadableFile

SHOWN_ROWS = 1000
NO_EVIDENCE = "--confirmed needs --evidence: how and when did these readers consent?"


@click.group("subscribers")
def group() -> None:
    """Readers."""


@group.command("import")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--list", "slug", default="", help="The list's slug.")
@click.option("--confirmed", is_flag=True, help="They have consented already; needs --evidence.")
@click.option("--evidence", default="", help="How and when they consented, or what else allows it.")
@click.option(
    "--basis",
    type=click.Choice([each.value.replace("_", "-") for each in LegalBasis]),
    default="consent",
    show_default=True,
    help="Why those who are --confirmed may be written to.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would happen, and change nothing.")
@click.option(
    "--column",
    "chosen",
    multiple=True,
    metavar="NAME=COLUMN",
    help="email, locale, status or a field's key = a heading or a number from 1.",
)
@click.option("--encoding", type=click.Choice(ENCODINGS), help="If it is found out wrong.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write rows left out here."
)
@click.option("--resume", "resumed", type=int, help="Go on with this import, without a FILE.")
@as_json
@in_app
def import_file(  # noqa: PLR0913, PLR0917 - the options of the command
    file: Path | None,
    slug: str,
    confirmed: bool,
    evidence: str,
    basis: str,
    dry: bool,
    chosen: tuple[str, ...],
    encoding: str | None,
    report: Path | None,
    resumed: int | None,
    as_json: bool,
) -> None:
    """Add the readers of a CSV, TSV or Excel file with a column of addresses.

    Killed in the middle, it goes on by a worker, or by --resume with the number it printed.
    """
    if (file is None) == (resumed is None):
        fail("Name a FILE, or an import to --resume.", MISUSE)
    if file is not None:
        grounds = LegalBasis(basis.replace("-", "_"))
        how = How(Columns(0), encoding or "", confirmed, evidence, dry, grounds)
        resumed = _begun(file, list_of(slug), how, chosen)
    assert resumed is not None
    run = _worked_off(resumed, quiet=as_json)
    if report is not None:
        _write_report(run, report)
    _told(run, as_json)
    if run.state != ImportState.DONE:
        raise SystemExit(1)


@group.command("export")
@click.argument("address", required=False)
@click.option("--list", "slug", default="", help="All readers of this list, instead of a person.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where a list's readers are written: .csv or .xlsx.",
)
@in_app
def export(address: str | None, slug: str, output: Path | None) -> None:
    """Everything kept about one person, as JSON (GDPR 15 and 20); or a list's readers."""
    if slug and output is not None and address is None:
        listed = list_of(slug)
        desk.note_export(listed.id, actor())
        with output.open("wb") as opened:
            _exporter(output)(listed.id, opened)
        click.echo(f"Written to {output}.")
        return
    if address is None or slug or output is not None:
        fail("Name one person's ADDRESS, or --list with --output FILE.csv or FILE.xlsx.", MISUSE)
    try:
        print_json(privacy.export(address))
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.")


@group.command("erase")
@click.argument("address")
@in_app
def erase(address: str) -> None:
    """Forget a person; only the keyed hash stays (GDPR 17)."""
    try:
        known = privacy.erase(address, actor(), now())
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.")
    click.echo("The person is erased." if known else "Nobody with this address was known.")


def _exporter(output: Path) -> exports.Exporter:
    try:
        return exports.BY_ENDING[output.suffix.lower()]
    except KeyError:
        fail("The output ends in .csv or .xlsx.", MISUSE)


def _begun(file: Path, listed: NewsletterList, how: How, chosen: tuple[str, ...]) -> int:
    """Store the file and settle how it is imported, its columns found; the import's number."""
    if how.confirmed and not how.dry and not how.evidence.strip():
        fail(NO_EVIDENCE)
    list_id = listed.id
    try:
        with file.open("rb") as opened:
            found = _columns(opened, list_id, how.encoding, chosen)
            opened.seek(0)
            import_id = import_runs.keep(opened, file.name, list_id, actor(), now())
        wanted = replace(how, columns=found)
        import_runs.settle(import_id, wanted, actor(), now(), by_a_worker=False)
    except UnreadableFile as error:
        fail(str(error))
    except import_files.TooLarge:
        fail("The file is larger than 256 MB. Split it and import the parts.")
    except EvidenceMissing:
        fail(NO_EVIDENCE)
    return import_id


def _columns(opened: BinaryIO, list_id: int, encoding: str, chosen: tuple[str, ...]) -> Columns:
    """What the columns are: as they seem to be, changed by --column."""
    asked = fields.of_list(db.session(), list_id)
    looked = file_rows.look(opened, fields.names(asked), encoding)
    keys = {each.key: each.id for each in asked}
    headings = [" ".join(cell.lower().split()) for cell in looked.first[0]]
    wanted: dict[str | int, int] = {}
    for each in chosen:
        name, _equals, column = each.partition("=")
        if name not in {"email", "locale", "status", *keys}:
            fail(f"--column {name}: say email, locale, status or a field: {', '.join(keys)}.")
        word = " ".join(column.lower().split())
        if word in headings:
            at = headings.index(word)
        elif word.isdigit() and 1 <= int(word) <= len(headings):
            at = int(word) - 1
        else:
            fail(f"--column {each}: the file has no such column.")
        wanted[keys.get(name, name)] = at
    return columns.changed(looked.columns, wanted)


def _worked_off(import_id: int, quiet: bool) -> ReaderImport:
    """Do the work here, with a bar; a worker that is at it already is left to it."""
    try:
        run = import_runs.get(import_id)
    except NoSuchImport:
        fail(f"There is no import {import_id}.")
    if not quiet:
        click.echo(f"Import {import_id}. If it is interrupted: --resume {import_id}", err=True)
    # not among what programs read
    bar = click.progressbar(length=run.rows_total or 1, label="Importing", file=sys.stderr)
    with bar:

        def told(run: ReaderImport) -> None:
            bar.length = max(run.rows_total or 1, 1)
            bar.update(run.rows_done - bar.pos)

        return import_turns.work_off(import_id, now, told)


def _write_report(run: ReaderImport, report: Path) -> None:
    with report.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["line", "reason"])
        for line, reason, cells in import_runs.left_out_cells(run.id):
            writer.writerow([line, reason, *map(exports.harmless, cells)])


def _told(run: ReaderImport, as_json: bool) -> None:
    if as_json:
        left = import_runs.left_out(run.id)
        rows = [each for each, _n in zip(left, range(SHOWN_ROWS), strict=False)]
        print_json(
            {
                "id": run.id,
                "state": run.state,
                "dry": run.dry,
                "error": run.error,
                "read": run.rows_done,
                "taken": run.taken,
                "not_taken": run.reasons,
                "rows": [{"line": line, "reason": reason} for line, reason in rows],
            }
        )
        return
    if run.state == ImportState.FAILED:
        click.echo(str(UnreadableFile(run.error, run.error_line)), err=True)
        return
    would = "would be taken" if run.dry else "were taken"
    click.echo(f"{run.taken} of {run.rows_done} rows {would}.")
    for reason, number in run.reasons.items():
        click.echo(f"  {number} not taken: {reason.replace('_', ' ')}")
