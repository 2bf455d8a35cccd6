"""`newsletter users`: people who log in."""

import click

from newsletter_service.accounts import links, people
from newsletter_service.address import InvalidAddress
from newsletter_service.cli.door import actor, fail, in_app, now
from newsletter_service.models import Role


@click.group("users")
def group() -> None:
    """People who log in."""


@group.command("create")
@click.argument("email")
@click.option("--name", default="", help="As shown to colleagues.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([str(role) for role in Role]),
    default=[str(Role.ADMINISTRATOR)],
    show_default=True,
)
@in_app
def create(email: str, name: str, roles: tuple[str, ...]) -> None:
    """Add a person and print a one-time link to log in with.

    Who is known already keeps name and roles, and gets a new link.
    """
    try:
        person = people.find(email) or people.create(email, name, list(roles), actor=actor())
    except InvalidAddress:
        fail(f"{email!r} is not a mail address. Write one such as namn@example.org.")
    except people.PersonRefused as error:
        fail(f"{email} cannot be added: {error}")
    if person.disabled_at is not None:
        fail(f"{email} is shut out. Let them in again under Inställningar, Personer.")
    click.echo(links.one_time_link(person, now()))
