"""`newsletter db`: the schema."""

import click

from newsletter_service import schema
from newsletter_service.cli.door import in_app
from newsletter_service.extensions import db
from newsletter_service.models import writing
from newsletter_service.relays import ensure
from newsletter_service.settings import current


@click.group("db")
def group() -> None:
    """Look after the database."""


@group.command("upgrade")
@in_app
def upgrade() -> None:
    """Bring the schema to the newest version; harmless when it is there."""
    bring_up_to_date()
    click.echo("The database has the newest schema.")


def bring_up_to_date() -> None:
    """Migrate, and give every configured relay its row."""
    schema.upgrade()
    db.session.remove()
    with writing() as session:
        ensure(session, current())
