"""`newsletter sign-ups`: what waits between the form and its mail."""

import click

from newsletter_service.cli.door import actor, as_json, in_app, now, print_json
from newsletter_service.operations import sign_up_watch


@click.group("sign-ups")
def group() -> None:
    """Sign-ups that wait for their mail."""


@group.command("list")
@as_json
@in_app
def list_waiting(as_json: bool) -> None:
    """How many wait, by what speaks for them, and whether that is alarming."""
    found = sign_up_watch.look(now())
    told = {
        "waiting": {str(lane): count for lane, count in found.waiting.items()},
        "last_hour": found.last_hour,
        "usual_per_hour": round(found.usual, 1),
        "mailed": found.mailed,
        "answered": found.answered,
        "alarming": found.alarming,
    }
    if as_json:
        print_json(told)
        return
    click.echo(f"{found.last_hour} sign-ups within the hour; usually {found.usual:.1f}.")
    click.echo(f"{found.answered} of {found.mailed} confirmation mails of the last day answered.")
    for lane, count in found.waiting.items():
        click.echo(f"  {count} wait: {lane}")
    if found.alarming:
        click.echo("Somebody may be using a form to flood mailboxes.")


@group.command("throw-away")
@in_app
def throw_away() -> None:
    """Forget the waiting ones that nothing speaks for."""
    click.echo(f"{sign_up_watch.throw_away(actor=actor())} sign-ups were thrown away.")
