"""`newsletter dkim`: the keys that sign our mail; making, publishing, switching, revoking them."""

from dataclasses import asdict
from typing import Any, BinaryIO

import click

from newsletter_service.cli.door import actor, as_json, fail, in_app, now, print_json
from newsletter_service.mail.dkim import DkimKey, txt_strings, zone_line
from newsletter_service.operations import dkim_desk
from newsletter_service.operations.dkim_desk import DkimKeyError, KeyLook, NotPublished, TooEarly


@click.group("dkim")
def group() -> None:
    """The keys that sign our mail with DKIM."""


@group.command("create")
@click.argument("domain")
@click.option("--selector", default="", help="By default named after the month.")
@click.option(
    "--kind",
    type=click.Choice(("rsa", "ed25519", "both")),
    default="rsa",
    show_default=True,
    help="Ed25519 is for a second signature: many receivers do not know it yet.",
)
@as_json
@in_app
def create(domain: str, selector: str, kind: str, as_json: bool) -> None:
    """Make a key for a sender's domain and print its DNS record; it does not sign yet."""
    kinds = dkim_desk.KINDS if kind == "both" else (kind,)
    try:
        made = dkim_desk.create(domain, selector, kinds, actor(), now())
    except DkimKeyError as error:
        fail(str(error))
    if as_json:
        print_json([_plain(KeyLook(key, "ready")) for key in made])
        return
    click.echo("Publish this, then let it sign:\n")
    for key in made:
        _print_record(key)
    names = " ".join(key.selector for key in made)
    click.echo(f"  newsletter dkim use {made[0].domain} {names}")


@group.command("show")
@click.argument("domain", default="")
@as_json
@in_app
def show(domain: str, as_json: bool) -> None:
    """Each key, whether it signs, and its DNS record."""
    try:
        found = dkim_desk.look(domain)
    except DkimKeyError as error:
        fail(str(error))
    if as_json:
        print_json([_plain(look) for look in found])
        return
    for look in found:
        since = f" since {look.left_at:%Y-%m-%d}" if look.left_at else ""
        state = {"signs": "signs", "ready": "does not sign yet", "left": "signs no longer"}
        click.echo(f"{look.key.name}  {look.key.kind}, {state[look.state]}{since}")
        _print_record(look.key)
    if not found:
        click.echo("There is no key. Make one with `newsletter dkim create DOMAIN`.")


@group.command("use")
@click.argument("domain")
@click.argument("selectors", metavar="SELECTOR...", nargs=-1, required=True)
@click.option("--unchecked", is_flag=True, help="Do not look whether the DNS shows the keys.")
@in_app
def use(domain: str, selectors: tuple[str, ...], unchecked: bool) -> None:
    """Let these keys sign from the next turn on, and no others."""
    try:
        before = dkim_desk.use(domain, selectors, actor(), now(), unchecked=unchecked)
    except (DkimKeyError, NotPublished) as error:
        fail(str(error))
    click.echo(f"{domain} is signed by {', '.join(selectors)}.")
    if left := [name for name in before if name not in selectors]:
        days = dkim_desk.KEPT.days
        click.echo(f"Keep the records of {', '.join(left)} for {days} days, then revoke them.")


@group.command("stop")
@click.argument("domain")
@in_app
def stop(domain: str) -> None:
    """Sign no more for a domain: the relay does, or nobody."""
    try:
        before = dkim_desk.use(domain, (), actor(), now(), unchecked=True)
    except DkimKeyError as error:
        fail(str(error))
    click.echo(f"{domain} is no longer signed." if before else f"{domain} was not signed.")


@group.command("revoke")
@click.argument("domain")
@click.argument("selector")
@in_app
def revoke(domain: str, selector: str) -> None:
    """Remove a key that has not signed for a week, and say which record to empty."""
    try:
        name = dkim_desk.revoke(domain, selector, actor(), now())
    except (DkimKeyError, TooEarly) as error:
        fail(str(error))
    click.echo("The key is removed. Replace its record, which says that it was revoked:\n")
    click.echo(f"  {zone_line(name, 'v=DKIM1; p=')}")


FAULTS = {
    "": "holds",
    "missing": "cannot be read",
    "body": "is broken: the text was changed after we signed it",
    "signature": "is broken: a header that it covers was changed after we signed it",
    "uncovered": "does not cover the headers for one-click unsubscribing",
    "foreign": "is not made by a key of ours",
}


@group.command("check")
@click.argument("message", type=click.File("rb"))
@as_json
@in_app
def check(message: BinaryIO, as_json: bool) -> None:
    """Does our signature hold in a saved mail that arrived? MESSAGE is an .eml file, - is stdin.

    Ends with 0 only if a signature of ours is there and all of ours hold.
    """
    found = dkim_desk.judge(message.read())
    ours = [each for each in found if each.fault != "foreign"]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        for each in found:
            name = f"{each.selector}._domainkey.{each.domain}"
            click.echo(f"The signature of {name} {FAULTS[each.fault]}.")
        if not ours:
            click.echo("There is no signature of ours.")
    if not ours or any(each.fault for each in ours):
        raise SystemExit(1)


def _print_record(key: DkimKey) -> None:
    click.echo(f"  {zone_line(key.name, key.record)}\n")


def _plain(look: KeyLook) -> dict[str, Any]:
    return {
        "domain": look.key.domain,
        "selector": look.key.selector,
        "kind": look.key.kind,
        "state": look.state,
        "left_at": look.left_at,
        "name": look.key.name,
        "record": look.key.record,
        "strings": txt_strings(look.key.record),
    }
