"""`newsletter queues`: what waits, who works, and failed work done again."""

from dataclasses import asdict

import click

from newsletter_service.cli.door import FAULT, actor, as_json, fail, in_app, now, print_json
from newsletter_service.operations import queues, stops
from newsletter_service.queue import QUEUES

ALL = "all"
_queue = click.argument("name", metavar="QUEUE", type=click.Choice(QUEUES))


@click.group("queues")
def group() -> None:
    """The queues between web and workers."""


@group.command("list")
@as_json
@in_app
def show(as_json: bool) -> None:
    """Each queue's jobs, each worker's state; exit 1 when the queue server is away."""
    found = queues.look(now())
    held = stops.holds()
    if as_json:
        stopped = {what: {"by": each.actor, "reason": each.reason} for what, each in held.items()}
        print_json(asdict(found) | {"stopped": stopped})
    elif found.reachable:
        _print(found)
    else:
        click.echo(str(queues.QueueAway()), err=True)
    for what, each in held.items():
        click.echo(f"Stopped: {what}, by {each.actor}: {each.reason}", err=as_json)
    if not found.reachable:
        raise SystemExit(FAULT)


@group.command("failed")
@_queue
@as_json
@in_app
def failed(name: str, as_json: bool) -> None:
    """The newest failed work of a queue, and why it failed."""
    try:
        found = queues.failed(name)
    except queues.QueueAway as error:
        fail(str(error))
    if as_json:
        print_json([asdict(job) for job in found])
        return
    for job in found:
        click.echo(f"{job.failed_at}  {job.work} {' '.join(map(str, job.ids))}: {job.reason}")
    if not found:
        click.echo(f"Nothing has failed in {name}.")


@group.command("requeue")
@_queue
@in_app
def requeue(name: str) -> None:
    """Do all failed work of a queue again."""
    try:
        click.echo(f"{queues.requeue(name, actor())} jobs of {name} will be tried again.")
    except queues.QueueAway as error:
        fail(str(error))


@group.command("discard")
@_queue
@in_app
def discard(name: str) -> None:
    """Forget all failed work of a queue; what is still to be done comes back by the sweep."""
    try:
        click.echo(f"{queues.discard(name, actor())} failed jobs of {name} are forgotten.")
    except queues.QueueAway as error:
        fail(str(error))


@group.command("pause")
@click.argument("name", metavar="QUEUE|all", type=click.Choice((*QUEUES, ALL)))
@click.option("--reason", default="paused by hand", show_default=True)
@in_app
def pause(name: str, reason: str) -> None:
    """Leave a queue's work undone, or with `all` let no mail leave at all.

    It takes effect before the next mail of every worker. Nothing is lost: what waits stands in
    the database, and goes on after `resume`.
    """
    if name == ALL:
        changed = stops.stop_everything(actor(), reason, now())
        click.echo("No mail leaves any more." if changed else "Everything was stopped already.")
        return
    changed = stops.pause_queue(name, actor(), reason, now())
    click.echo(f"{name} is paused." if changed else f"{name} was paused already.")


@group.command("resume")
@click.argument("name", metavar="QUEUE|all", type=click.Choice((*QUEUES, ALL)))
@in_app
def resume(name: str) -> None:
    """Work a queue off again, or with `all` let mail leave again."""
    if name == ALL:
        changed = stops.go_on(actor())
        click.echo("Mail leaves again." if changed else "Nothing was stopped.")
        return
    changed = stops.resume_queue(name, actor())
    click.echo(f"{name} goes on." if changed else f"{name} was not paused.")


def _print(found: queues.QueuesLook) -> None:
    click.echo(f"{'queue':<10}{'waiting':>9}{'started':>9}{'failed':>9}{'later':>9}{'oldest':>10}")
    for each in found.queues:
        oldest = f"{each.oldest_s:.0f} s" if each.oldest_s is not None else "-"
        click.echo(
            f"{each.name:<10}{each.queued:>9}{each.started:>9}{each.failed:>9}"
            f"{each.scheduled:>9}{oldest:>10}"
        )
    click.echo("")
    for worker in found.workers:
        beat = f"{worker.heartbeat_s:.0f} s ago" if worker.heartbeat_s is not None else "never"
        click.echo(f"{worker.name:<50} {worker.state:<10} heartbeat {beat}  {worker.work}")
    if not found.workers:
        click.echo("No worker is running. Start them with `newsletter up` or `newsletter worker`.")
