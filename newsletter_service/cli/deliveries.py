"""`newsletter deliveries`: what nobody knows the end of, and how it is settled."""

import re
from collections.abc import Iterable
from typing import Any

import click

from newsletter_service.cli.door import MISUSE, actor, as_json, fail, in_app, now, print_json
from newsletter_service.delivery import control
from newsletter_service.extensions import db
from newsletter_service.models import Delivery, utc_of_ms

_KEY = re.compile(r"(\d+)\.(\d+)")


@click.group("deliveries")
def group() -> None:
    """Deliveries that need an operator."""


@group.command("in-doubt")
@click.argument("keys", metavar="[ISSUE.N]…", nargs=-1)
@click.option("--issue", "issue_id", type=int, help="Only those of one issue.")
@click.option("--resend", is_flag=True, help="Send them again; a reader may get two copies.")
@click.option(
    "--settle",
    type=click.Choice(["accepted", "refused"]),
    help="Note how they ended, by the relay's log.",
)
@as_json
@in_app
def in_doubt(
    keys: tuple[str, ...], issue_id: int | None, resend: bool, settle: str | None, as_json: bool
) -> None:
    """List deliveries in doubt, or settle or resend those named (or all of --issue).

    One is in doubt when its connection broke after the text had left: the relay may have it.
    """
    if resend and settle:
        fail("Choose one of --resend and --settle.", MISUSE)
    if not resend and not settle:
        _show(_rows(issue_id), as_json)
        return
    chosen = _chosen(keys, issue_id)
    for issue, n in chosen:
        _act(issue, n, settle)
    click.echo(f"{len(chosen)} {'will be sent again' if resend else f'noted as {settle}'}.")


def _act(issue_id: int, n: int, settle: str | None) -> None:
    try:
        if settle is None:
            control.resend(issue_id, n, actor(), now())
        else:
            control.settle(issue_id, n, settle == "accepted", actor(), now())
    except control.NotPossible as error:
        fail(str(error))


def _chosen(keys: Iterable[str], issue_id: int | None) -> list[tuple[int, int]]:
    named = []
    for key in keys:
        match = _KEY.fullmatch(key)
        if match is None:
            fail(f"{key!r} names no delivery; write ISSUE.N, such as 12.431.", MISUSE)
        named.append((int(match[1]), int(match[2])))
    if named:
        return named
    if issue_id is None:
        fail("Say which: ISSUE.N, or --issue ISSUE for all of an issue.", MISUSE)
    return [(row["issue"], row["n"]) for row in _rows(issue_id)]


def _rows(issue_id: int | None) -> list[dict[str, Any]]:
    found = control.in_doubt(db.session(), issue_id)
    rows = [_plain(delivery) for delivery in found]
    db.session.rollback()
    return rows


def _plain(delivery: Delivery) -> dict[str, Any]:
    since = delivery.settled_ms
    return {
        "delivery": f"{delivery.issue_id}.{delivery.n}",
        "issue": delivery.issue_id,
        "n": delivery.n,
        "subscriber": delivery.subscriber_id,
        "since": utc_of_ms(since).isoformat(timespec="seconds") if since else None,
        "tries": delivery.tries,
    }


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("Nothing is in doubt.")
        return
    for row in rows:
        click.echo(f"{row['delivery']:<16} subscriber {row['subscriber']:<10} since {row['since']}")
    click.echo(
        f"\n{len(rows)} in doubt. Look them up in the relay's log by Message-ID, then"
        " --settle accepted or refused; --resend may give a reader two copies."
    )
