"""`newsletter bounces`: take in what came back, and say what a message means."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from newsletter_service.bounces import intake, mailbox, summary
from newsletter_service.bounces.intake import TooLarge
from newsletter_service.bounces.mailbox_url import BadMailboxUrl
from newsletter_service.bounces.parse import parse
from newsletter_service.cli import bounce_desk
from newsletter_service.cli.door import MISUSE, as_json, fail, in_app, now, print_json

NOT_STORED = 75  # EX_TEMPFAIL of sysexits.h: a mail server that pipes to us tries again


@click.group("bounces")
def group() -> None:
    """Bounces and complaints."""


for command in bounce_desk.COMMANDS:
    group.add_command(command)


@group.command("ingest")
@click.option("--envelope-to", default="", help="The address the message was delivered to.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@in_app
def ingest(envelope_to: str, as_json: bool) -> None:
    """Store one raw message from standard input; a worker reads it.

    Storing the same message again does nothing. Ends with 75 (try again) where the database
    cannot be reached, so that a mail server keeps the message.
    """
    raw = sys.stdin.buffer.read(intake.LARGEST + 1)
    if not raw.strip():
        fail("There is no message on standard input.")
    try:
        message_id = intake.store(raw, envelope_to, "command line", now())
    except TooLarge as error:
        fail(f"{error} Nothing was stored.")
    except intake.STORING_FAILED as error:
        fail(f"The message could not be stored: {type(error).__name__}. Try again.", NOT_STORED)
    if as_json:
        print_json({"id": message_id})
    else:
        click.echo(f"Stored as {message_id}.")


@group.command("classify")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def classify(files: tuple[Path, ...], as_json: bool) -> None:
    """Say what raw messages mean; changes nothing and asks no database."""
    unread = 0
    for path in files:
        try:
            found = summary.summarise(parse(path.read_bytes()))
        except OSError as error:
            click.echo(f"{path}: {error.strerror}.", err=True)
            unread += 1
            continue
        if as_json:
            click.echo(json.dumps({"path": str(path), **asdict(found)}, ensure_ascii=False))
        else:
            delayed = "" if found.final else " (still being tried)"
            click.echo(f"{path}: {found.kind}{delayed} {found.reason} {found.status}".rstrip())
    if unread:
        raise SystemExit(1)


@group.command("poll")
@as_json
@in_app
def poll(as_json: bool) -> None:
    """Fetch what waits in the bounce mailboxes now; ends with 1 if one could not be emptied.

    The scheduler has it done every minute; this shows how it goes.
    """
    try:
        done = mailbox.poll(now(), at_once=True)
    except BadMailboxUrl as error:
        fail(f"NEWSLETTER_BOUNCE_MAILBOX_URL: {error}", MISUSE)
    if as_json:
        print_json([asdict(each) for each in done])
    for each in () if as_json else done:
        stays = f", {len(each.left)} too large and left there" if each.left else ""
        click.echo(f"{each.name}: {each.error or f'{each.taken} fetched{stays}'}.")
    if not done:
        click.echo("No mailbox to poll: none is set, or another process polls it now.", err=True)
    if any(each.error for each in done):
        raise SystemExit(1)
