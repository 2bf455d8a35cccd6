"""`newsletter suppressions`: who must not be written to, by hand."""

import csv
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from newsletter_service.address import InvalidAddress
from newsletter_service.cli.door import actor, as_json, fail, in_app, list_of, now, print_json
from newsletter_service.models import Suppression
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.operations import journal, suppressions
from newsletter_service.subscribers.tables import UnreadableFile

why_option = click.option("--reason", "why", required=True, help="Why; it is kept.")
scope_option = click.option("--list", "slug", default="", help="This list only.")


@click.group("suppressions")
def group() -> None:
    """Addresses that must not be written to. They go in and never come out."""


@group.command("list")
@click.option("--address", default="", help="One address only; ends with 1 if nothing bars it.")
@click.option("--limit", default=100, show_default=True, help="At most so many; 0 means all.")
@as_json
@in_app
def show(address: str, limit: int, as_json: bool) -> None:
    """What is in force: reason, source, since when, and the beginning of the address's key."""
    try:
        found = (
            suppressions.of_address(address) if address else suppressions.in_force(limit or None)
        )
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.")
    rows = [_row(each) for each in found]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            scope = f"list {row['list_id']}" if row["list_id"] else "everywhere"
            since = str(row["since"])[:10]
            click.echo(f"{row['key']}  {row['reason']:16}  {since}  {scope:10}  {row['source']}")
        if not rows:
            click.echo("Nothing is suppressed." if not address else "Nothing bars this address.")
    if address and not rows:
        raise SystemExit(1)


@group.command("add")
@click.argument("address")
@why_option
@scope_option
@in_app
def add(address: str, why: str, slug: str) -> None:
    """Stop all mail to an address."""
    try:
        suppressions.add(address, why, actor(), now(), _scope(slug))
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.")
    click.echo("Suppressed.")


@group.command("release")
@click.argument("address")
@why_option
@scope_option
@in_app
def release(address: str, why: str, slug: str) -> None:
    """Let an address be written to again; ends with 1 if it was not suppressed."""
    try:
        lifted = suppressions.release(address, why, actor(), now(), _scope(slug))
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.")
    if not lifted:
        fail("This address was not suppressed there.")
    click.echo("Released.")


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@why_option
@as_json
@in_app
def import_file(file: Path, why: str, as_json: bool) -> None:
    """Suppress every address of a CSV file, or what `export` wrote; ends with 1 if lines failed."""
    try:
        with file.open("rb") as opened:
            outcome = suppressions.import_file(opened, why, actor(), now())
    except UnreadableFile as error:
        fail(str(error))
    if as_json:
        print_json({"taken": outcome.taken, "unreadable_lines": outcome.unreadable})
    else:
        click.echo(f"{outcome.taken} suppressed.")
        if outcome.unreadable:
            lines = ", ".join(map(str, outcome.unreadable[:20]))
            click.echo(f"{len(outcome.unreadable)} lines hold no address: {lines}.", err=True)
    if outcome.unreadable:
        raise SystemExit(1)


@group.command("export")
@in_app
def export() -> None:
    """Everything in force as CSV: keyed hashes, for an installation with the same address key."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(suppressions.COLUMNS)
    writer.writerows(suppressions.export_rows())


@group.command("journal")
@click.option("--replay", is_flag=True, help="Apply the files to the database, as after a restore.")
@as_json
@in_app
def journal_command(replay: bool, as_json: bool) -> None:
    """The journal beside the backups: how it stands; or apply it to a restored database.

    Ends with 1 where it is behind or does not belong to this database.
    """
    if replay:
        done = journal.replay(now())
        if as_json:
            print_json(asdict(done))
            return
        click.echo(
            f"{done.suppressed} suppressed again, {done.left} unsubscribed again,"
            f" {done.erased} erased again, {done.released} released again."
        )
        return
    state = journal.state()
    behind = state.is_behind(now())
    if as_json:
        print_json({**asdict(state), "behind": behind})
    else:
        click.echo(f"{state.folder}: {state.files} files, {state.bytes} bytes.")
        click.echo(f"{state.waiting} waiting to be written by the scheduler.")
        if not state.belongs:
            click.echo("The database lacks the files' last mark: the scheduler replays them.")
    if behind or not state.belongs:
        raise SystemExit(1)


def _scope(slug: str) -> int:
    return list_of(slug).id if slug else WHOLE_ORGANISATION


def _row(found: Suppression) -> dict[str, Any]:
    return {
        "key": found.address_key.hex()[:12],
        "reason": found.reason,
        "source": found.source,
        "since": found.first_at,
        "last": found.last_at,
        "list_id": found.scope or None,
        "evidence": found.evidence,
    }
