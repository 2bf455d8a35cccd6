"""`newsletter sources`: the feeds a list reads."""

import click

from newsletter_service.cli.door import (
    actor,
    as_json,
    in_app,
    list_of,
    list_option,
    now,
    print_json,
)
from newsletter_service.news import sources
from newsletter_service.news.sources import NewSource


@click.group("sources")
def group() -> None:
    """Feeds with news."""


@group.command("add")
@click.argument("url")
@list_option
@in_app
def add(url: str, slug: str) -> None:
    """Let a list read a feed; it is fetched soon."""
    source = sources.add(list_of(slug).id, NewSource(url), actor=actor(), now=now())
    click.echo(f"Source {source.id} is added. `newsletter news fetch --list {slug}` reads it now.")


@group.command("list")
@list_option
@as_json
@in_app
def show(slug: str, as_json: bool) -> None:
    """The feeds of a list and how they are."""
    rows = [
        {
            "id": health.source.id,
            "url": health.source.url,
            "title": health.source.title,
            "items": health.items,
            "fetched_at": health.source.fetched_at,
            "error": health.source.last_error,
        }
        for health in sources.of_list(list_of(slug).id)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['url']}  {row['error'] or 'no trouble'}")
