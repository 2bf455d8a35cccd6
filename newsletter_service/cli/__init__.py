"""The operators' commands, one file per noun. Each translates, calls one verb and answers.

Exit codes: 0 done, 1 it could not be done or the answer is bad, 2 the command was misused.
"""

import click

from newsletter_service.cli import (
    bounces,
    database,
    deliveries,
    demo,
    dkim,
    doctor,
    issues,
    lists,
    news,
    queues,
    relays,
    sources,
    statement,
    subscribers,
    suppressions,
    trace,
    up,
    users,
)
from newsletter_service.cli.door import Door

__all__ = ["Door", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsletter-service")
def main() -> None:
    """Newsletters from recent news: consent, letters, delivery, and what came back."""


for _command in (
    up.command,
    demo.command,
    database.group,
    lists.group,
    sources.group,
    subscribers.group,
    news.group,
    issues.group,
    statement.command,
    deliveries.group,
    suppressions.group,
    bounces.group,
    relays.group,
    queues.group,
    dkim.group,
    trace.command,
    doctor.command,
    users.group,
):
    main.add_command(_command)
