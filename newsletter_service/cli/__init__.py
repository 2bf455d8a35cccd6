"""The operators' commands, one file per noun. Each translates, calls one verb and answers.

Exit codes: 0 done, 1 it could not be done or the answer is bad, 2 the command was misused.
"""

import re
from pkgutil import resolve_name
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from newsletter_service.cli.door import Door, fail

__all__ = ["Door", "main"]

_NO_TABLES = re.compile(r"no such (?:table|column)|(?:relation|column) .+ does not exist")

PLACES = {
    name: f"newsletter_service.cli.{place}"
    for name, place in {
        "up": "up:command",
        "demo": "demo:command",
        "db": "database:group",
        "lists": "lists:group",
        "sources": "sources:group",
        "subscribers": "subscribers:group",
        "sign-ups": "sign_ups:group",
        "news": "news:group",
        "issues": "issues:group",
        "archive": "archive:group",
        "statement": "statement:command",
        "deliveries": "deliveries:group",
        "suppressions": "suppressions:group",
        "bounces": "bounces:group",
        "relays": "relays:group",
        "queues": "queues:group",
        "dkim": "dkim:group",
        "trace": "trace:command",
        "doctor": "doctor:command",
        "users": "users:group",
    }.items()
}


class Commands(click.Group):
    """Takes in a command's module when it is asked for: a worker should not carry the others.

    `places` says where each command is; whoever has more adds theirs.
    """

    places = PLACES

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all."""
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, or None."""
        if cmd_name not in self.places:
            return None
        command: click.Command = resolve_name(self.places[cmd_name])
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run one; a database without tables is told plainly."""
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError) as error:
            if not _NO_TABLES.search(str(error.orig)):
                raise
            fail(
                "The database has no tables, or old ones: run `newsletter db upgrade`. If another"
                " is meant, say so by NEWSLETTER_DATA_DIR or NEWSLETTER_DATABASE_URL."
            )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsletter-service")
def main() -> None:
    """Newsletters from recent news: consent, letters, delivery, and what came back."""
