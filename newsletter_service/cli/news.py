"""`newsletter news`: fetching."""

import click

from newsletter_service.cli.door import fail, in_app, list_of, list_option, now
from newsletter_service.extensions import db
from newsletter_service.models import Source
from newsletter_service.news import fetch, sources


@click.group("news")
def group() -> None:
    """News from the sources."""


@group.command("fetch")
@list_option
@in_app
def fetch_now(slug: str) -> None:
    """Read every source of a list now."""
    troubled = 0
    for source_id in [health.source.id for health in sources.of_list(list_of(slug).id)]:
        changed = fetch.fetch(source_id, now())
        source = db.session.get_one(Source, source_id)
        troubled += bool(source.last_error)
        click.echo(f"{source.url}: {source.last_error or f'{changed} new or changed'}")
    if troubled:
        fail(f"{troubled} sources could not be read; the reasons stand above.")
