"""The listener's process."""

import click

from newsletter_service import inbound
from newsletter_service.background import create_background
from newsletter_service.processes.ending import until_signal


@click.command("inbound")
def command() -> None:
    """Listen for bounces on NEWSLETTER_INBOUND_LISTEN."""
    inbound.serve(create_background(), until_signal())
