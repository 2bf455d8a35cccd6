"""`newsletter lists`: the organisation's newsletters."""

import click

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.accounts.newsletters import NewNewsletter
from newsletter_service.accounts.organisation import Incomplete
from newsletter_service.cli.door import (
    actor,
    as_json,
    fail,
    in_app,
    list_of,
    now,
    print_json,
    window_of,
)
from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList
from newsletter_service.operations import sending_plans
from newsletter_service.send_windows import NoWindow


@click.group("lists")
def group() -> None:
    """Newsletters one can subscribe to."""


@group.command("window")
@click.argument("slug")
@click.argument("times", metavar='"mon-fri 07:00-20:00"|always')
@in_app
def window(slug: str, times: str) -> None:
    """When a newsletter's issues may leave, on the clock on the wall; what waits is shown."""
    try:
        sending_plans.set_list_window(list_of(slug).id, window_of(times), actor())
    except NoWindow as error:
        fail(str(error))
    click.echo(f"{slug}: {times}.")


@group.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="Its name as readers see it.")
@click.option("--sender", required=True, help="The From address.")
@click.option("--sender-name", default="", help="The From name; by default the organisation's.")
@click.option("--organisation", "owner", default="", help="Needed once, for the first list.")
@click.option("--postal-address", default="", help="Stands in every footer.")
@click.option("--contact", default="", help="An address that answers; by default the sender.")
@click.option("--locales", default="sv", show_default=True, help="sv, or sv,en.")
@in_app
def create(  # noqa: PLR0913, PLR0917 - an argument an option
    slug: str,
    name: str,
    sender: str,
    sender_name: str,
    owner: str,
    postal_address: str,
    contact: str,
    locales: str,
) -> None:
    """Begin a newsletter. Its slug and List-Id never change."""
    known = organisation.current()
    if known is None and not (owner and postal_address):
        fail("The first list needs --organisation and --postal-address: they stand in the footer.")
    try:
        if owner:
            organisation.save(
                {
                    "name": owner,
                    "postal_address": postal_address,
                    "contact_email": contact or sender,
                },
                actor=actor(),
                now=now(),
            )
        newsletter = newsletters.create(
            NewNewsletter(
                name=name,
                sender_name=sender_name or owner or (known.name if known else name),
                sender_address=sender,
                slug=slug,
                locales=tuple(locales.split(",")),
            ),
            actor=actor(),
            now=now(),
        )
    except Incomplete as error:
        fail(f"This cannot be used: {', '.join(error.faults)}. Nothing was changed.")
    click.echo(f"{newsletter.slug} can be subscribed to. List-Id: {newsletter.list_id}")


@group.command("show")
@click.argument("slug", required=False)
@as_json
@in_app
def show(slug: str | None, as_json: bool) -> None:
    """One list, or all of them."""
    found = [list_of(slug)] if slug else newsletters.everything()
    rows = [_row(newsletter) for newsletter in found]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['slug']}: {row['name']}, {row['confirmed']} subscribers")


def _row(newsletter: NewsletterList) -> dict[str, object]:
    return {
        "slug": newsletter.slug,
        "name": newsletter.name,
        "list_id": newsletter.list_id,
        "sender": newsletter.sender_address,
        "locales": newsletter.locales,
        "confirmed": audience.count(db.session(), newsletter.id),
    }
