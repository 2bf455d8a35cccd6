"""`newsletter relays`: the servers that take our mail; closing and opening them."""

from typing import Any

import click

from newsletter_service.cli.door import (
    MISUSE,
    actor,
    as_json,
    fail,
    in_app,
    now,
    print_json,
    window_of,
)
from newsletter_service.delivery.warm_up import STANDARD
from newsletter_service.operations import relay_desk, sending_plans
from newsletter_service.operations.relay_desk import NoSuchRelay, RelayLook
from newsletter_service.send_windows import NoWindow


@click.group("relays")
def group() -> None:
    """The servers that take our mail."""


@group.command("list")
@as_json
@in_app
def show(as_json: bool) -> None:
    """Each relay: open, waiting or paused, and its last error."""
    found = relay_desk.look()
    if as_json:
        print_json([_plain(relay) for relay in found])
        return
    for relay in found:
        click.echo(f"{relay.name:<40} {relay.state}{_why(relay)}")
    if not found:
        click.echo("No relay is configured. Name one in NEWSLETTER_SMTP_URL.")


@group.command("pause")
@click.argument("name", metavar="RELAY")
@click.option("--reason", default="paused by hand", show_default=True)
@in_app
def pause(name: str, reason: str) -> None:
    """Let no more mail leave through a relay, from the next message on."""
    try:
        changed = relay_desk.pause(name, actor(), reason, now())
    except NoSuchRelay as error:
        fail(str(error))
    click.echo(f"{name} is paused." if changed else f"{name} was paused already.")


@group.command("resume")
@click.argument("name", metavar="RELAY")
@in_app
def resume(name: str) -> None:
    """Open a relay again, and forget that it made us wait."""
    try:
        changed = relay_desk.resume(name, actor(), now())
    except NoSuchRelay as error:
        fail(str(error))
    click.echo(f"{name} is open." if changed else f"{name} was open already.")


@group.command("weight")
@click.argument("name", metavar="RELAY")
@click.argument("weight", type=click.IntRange(0, 10_000))
@in_app
def weigh(name: str, weight: int) -> None:
    """Give a relay its part of the readers: 300 gets three times what 100 gets.

    With 0 it is used only when no other relay is open.
    """
    try:
        relay_desk.weigh(name, weight, actor())
    except NoSuchRelay as error:
        fail(str(error))
    click.echo(f"{name} has weight {weight}.")


@group.command("rate")
@click.argument("name", metavar="RELAY")
@click.argument("rate", type=click.FloatRange(0), metavar="PER_SECOND")
@click.option("--connections", type=click.IntRange(0), help="At most so many at once; 0: no limit.")
@in_app
def limit(name: str, rate: float, connections: int | None) -> None:
    """How much all workers together may send through a relay a second; 0 is no limit.

    A tenth of it and one connection are kept for confirmations. Effective within seconds.
    """
    try:
        relay_desk.limit(name, rate, connections, actor())
    except (NoSuchRelay, relay_desk.NotPossible) as error:
        fail(str(error))
    click.echo(f"{name}: {rate:g} a second." if rate else f"{name}: no limit.")


@group.command("window")
@click.argument("name", metavar="RELAY")
@click.argument("times", metavar='"mon-fri 07:00-20:00"|always')
@in_app
def window(name: str, times: str) -> None:
    """When issues may leave through a relay, on the clock on the wall; confirmations always may."""
    try:
        sending_plans.set_relay_window(name, window_of(times), actor())
    except (NoSuchRelay, NoWindow) as error:
        fail(str(error))
    click.echo(f"{name}: {times}.")


@group.command("warm-up")
@click.argument("name", metavar="RELAY|domain:EXAMPLE.ORG")
@click.option("--per-day", help="Mails of issues on each day from today on: 50,100,200,…")
@click.option("--standard", is_flag=True, help="A plan of two weeks that begins with 50.")
@click.option("--end", is_flag=True, help="Send without a plan again.")
@in_app
def warm(name: str, per_day: str | None, standard: bool, end: bool) -> None:
    """Let a new relay or sender domain send little at first; what exceeds it waits a day."""
    if [bool(per_day), standard, end].count(True) != 1:
        fail("Say one of --per-day, --standard and --end.", MISUSE)
    try:
        if end:
            ended = sending_plans.end_warm_up(name, actor())
            click.echo(f"{name} has no plan any more." if ended else f"{name} had no plan.")
            return
        numbers = STANDARD if standard else _numbers(per_day or "")
        sending_plans.begin_warm_up(name, numbers, actor(), now())
    except (NoSuchRelay, sending_plans.NotPossible) as error:
        fail(str(error))
    click.echo(f"{name}: {', '.join(map(str, numbers))} from today on, then no limit.")


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        fail(f"{text!r} is no list of numbers, as 50,100,200 is.", MISUSE)
    return tuple(map(int, parts))


def _plain(relay: RelayLook) -> dict[str, Any]:
    return {
        "name": relay.name,
        "state": relay.state,
        "reason": relay.paused_reason,
        "paused_at": relay.paused_at,
        "waits_seconds": relay.waits_s,
        "weight": relay.weight,
        "rate_per_second": relay.rate_per_second,
        "max_connections": relay.max_connections,
        "speed": relay.slowed,
        "last_error": relay.last_error,
        "last_error_at": relay.last_error_at,
        "accepted_at": relay.accepted_at,
    }


def _why(relay: RelayLook) -> str:
    if relay.state == "paused":
        return f": {relay.paused_reason}"
    if relay.state == "waiting":
        return f" {relay.waits_s} s: {relay.last_error}"
    return ""
