"""The scheduler's process."""

import click

from newsletter_service import scheduler
from newsletter_service.background import create_background
from newsletter_service.processes.ending import until_signal


@click.command("scheduler")
def command() -> None:
    """Tick: start what is due, recover what was lost, fetch news. Several do no harm."""
    scheduler.run(create_background(), until_signal())
