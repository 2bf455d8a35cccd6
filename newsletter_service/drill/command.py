"""`newsletter drill crash`: the promises about crashes, proved on this machine."""

import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from newsletter_service.bench.servers import MissingProgram
from newsletter_service.drill import machines
from newsletter_service.drill.faults import FAULTS, Fault
from newsletter_service.drill.house import CLOCK_APART_S, House, Plan, house
from newsletter_service.drill.sends import Send, send
from newsletter_service.witness.account import Account


@click.group("drill")
def group() -> None:
    """Prove what is promised, by doing what must never do harm."""


@group.command("crash")
@click.argument("faults", nargs=-1, type=click.Choice(list(FAULTS)))
@click.option(
    "--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True
)
@click.option("--readers", default=5000, show_default=True, type=click.IntRange(100))
@click.option("--strikes", default=3, show_default=True, help="Strikes in the middle of a send.")
@click.option("--rounds", default=1, show_default=True, help="Sends with each fault.")
@click.option(
    "--lease", default=45, show_default=True, type=click.IntRange(5, 600), help="Seconds."
)
@click.option("--connections", default=10, show_default=True, help="SMTP connections of a worker.")
@click.option("--delay-ms", default=15.0, show_default=True, help="How slow the mail server is.")
@click.option("--seed", default=0, help="Strike at the same moments again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def crash(  # noqa: PLR0913, PLR0917 - the options of the command
    faults: tuple[str, ...],
    database: str,
    readers: int,
    strikes: int,
    rounds: int,
    lease: int,
    connections: int,
    delay_ms: float,
    seed: int,
    as_json: bool,
) -> None:
    """Kill its own workers again and again while they send, and count who got what.

    Everything runs in a directory of its own: a database, Valkey, two send workers (on PostgreSQL
    one with its clock five minutes ahead), and a mail server that remembers every Message-ID.
    FAULTS are worker, stop, sleep, scheduler, queue, flush, relay, database and everything; without
    any, all that fit. Ends with 1 if anybody was lost or got two, or too many are in doubt, or
    recovery took over a minute.
    """
    chance = random.Random(seed or None)  # noqa: S311 - when to strike is no secret
    accounts = []
    with tempfile.TemporaryDirectory(prefix="nl-drill-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        plan = Plan(Path(place), database, lease, connections, delay_ms)
        try:
            with house(plan) as built:
                _tell_clock(built)
                for fault in _chosen(faults, database) * rounds:
                    with _progress(fault, readers) as tell:
                        accounts.append(send(built, fault, Send(readers, strikes, chance, tell)))
        except MissingProgram as error:
            raise click.ClickException(str(error)) from error
    _print(accounts, as_json)
    if any(account.broken for account in accounts):
        raise SystemExit(1)


@group.command("machines")
@click.option("--readers", default=4000, show_default=True, type=click.IntRange(1000))
@click.option(
    "--lease", default=15, show_default=True, type=click.IntRange(5, 600), help="Seconds."
)
@click.option("--connections", default=10, show_default=True, help="SMTP connections of a worker.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def several(readers: int, lease: int, connections: int, as_json: bool) -> None:
    """Send from two machines without a shared disk, and cut one off in the middle.

    The machines are network namespaces that it makes itself, which only root may: each with a
    worker and a mail server, one with its clock five minutes ahead; the database and Valkey are on
    a third. Ends with 1 as the crash drill does.
    """
    with tempfile.TemporaryDirectory(prefix="nl-drill-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        try:
            with machines.town(Path(place), lease, connections) as built:
                account = machines.send(built, readers, lease)
        except (machines.NotHere, MissingProgram) as error:
            raise click.ClickException(str(error)) from error
    _print([account], as_json)
    if account.broken:
        raise SystemExit(1)


def _chosen(names: tuple[str, ...], database: str) -> list[Fault]:
    """Those named, or all that this database can be struck by."""
    chosen = [FAULTS[name] for name in dict.fromkeys(names or FAULTS)]
    fit = [one for one in chosen if database != "sqlite" or not one.needs_postgresql]
    if names and len(fit) < len(chosen):
        raise click.UsageError("SQLite has no server to kill: add --database postgresql.")
    return fit


def _tell_clock(built: House) -> None:
    if built.clock_apart:
        said = f"One worker's clock is {CLOCK_APART_S // 60} minutes ahead."
    elif built.cluster is None:
        said = "All clocks are right: SQLite is for one machine, which has one."
    else:
        said = "All clocks are right: install libfaketime to have one five minutes ahead."
    click.echo(said, err=True)


@contextmanager
def _progress(fault: Fault, readers: int) -> Iterator[Callable[[int], None]]:
    numbers: list[int] = []
    shown = click.progressbar(numbers, readers, fault.name.ljust(10), file=sys.stderr)
    with shown as bar:

        def tell(number: int) -> None:
            if number > bar.pos:
                bar.update(number - bar.pos)

        yield tell


def _print(accounts: list[Account], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([account.as_dict() for account in accounts], indent=2))
        return
    heads = ("fault", "strikes", "readers", "lost", "double", "in doubt", "allowed", "recovery s")
    click.echo("".join(f"{head:>11}" for head in heads))
    for one in accounts:
        figures = (
            *(one.fault, one.strikes, one.audience, one.lost, one.double),
            *(one.in_doubt, one.doubt_allowed, one.recovery_s),
        )
        click.echo("".join(f"{figure!s:>11}" for figure in figures))
    for one in accounts:
        for what in one.broken:
            click.echo(f"Broken by {one.fault}: {what}.")
    lost, double = sum(one.lost for one in accounts), sum(one.double for one in accounts)
    doubt, arrived = (
        sum(one.in_doubt for one in accounts),
        sum(one.doubt_arrived for one in accounts),
    )
    longest = max((one.recovery_s for one in accounts), default=0.0)
    click.echo(
        f"{sum(one.strikes for one in accounts)} strikes: {lost} lost, {double} double, {doubt} in"
        f" doubt ({arrived} of them had arrived), longest recovery {longest:.0f} s."
    )
