"""`newsletter subscribers`: import, export, erase."""

from pathlib import Path

import click

from newsletter_service.address import InvalidAddress
from newsletter_service.cli.door import (
    actor,
    as_json,
    fail,
    in_app,
    list_of,
    list_option,
    now,
    print_json,
)
from newsletter_service.subscribers import imports, privacy
from newsletter_service.subscribers.imports import EvidenceMissing, Plan


@click.group("subscribers")
def group() -> None:
    """Readers."""


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@list_option
@click.option("--confirmed", is_flag=True, help="They have consented already; needs --evidence.")
@click.option("--evidence", default="", help="How and when they consented.")
@as_json
@in_app
def import_file(file: Path, slug: str, confirmed: bool, evidence: str, as_json: bool) -> None:
    """Add the readers of a CSV file with a column of addresses."""
    list_of(slug)
    plan = Plan(slug, confirmed, evidence, actor(), file.name)
    size = file.stat().st_size
    try:
        with file.open("rb") as opened, click.progressbar(length=size, label="Importing") as bar:
            report = imports.import_rows(
                opened, plan, now(), progress=lambda _report: bar.update(opened.tell() - bar.pos)
            )
    except EvidenceMissing:
        fail("--confirmed needs --evidence: how and when did these readers consent?")
    found = {
        "read": report.read,
        "taken": report.taken,
        "not_taken": {str(reason): number for reason, number in report.reasons.items()},
        "rows": [{"line": row.line, "reason": str(row.reason)} for row in report.rows],
    }
    if as_json:
        print_json(found)
        return
    click.echo(f"{report.taken} of {report.read} rows were taken.")
    for reason, number in report.reasons.items():
        click.echo(f"  {number} not taken: {str(reason).replace('_', ' ')}")


@group.command("export")
@click.argument("address")
@in_app
def export(address: str) -> None:
    """Everything kept about one person, as JSON (GDPR 15 and 20)."""
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
