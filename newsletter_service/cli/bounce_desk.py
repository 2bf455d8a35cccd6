"""`newsletter bounces lab|reclassify|waves|policy|rules`: what the page *Studsar* does too."""

from dataclasses import asdict
from typing import BinaryIO

import click

from newsletter_service import waves
from newsletter_service.bounces import lab, own_rules, reclassify
from newsletter_service.cli.door import actor, as_json, fail, in_app, now, print_json
from newsletter_service.extensions import db
from newsletter_service.operations import bounce_desk
from newsletter_service.verdict_rules import MEANING_OF_REASON


@click.command("lab")
@click.argument("file", type=click.File("rb"))
@click.option("--envelope-to", default="", help="The address the message was delivered to.")
@as_json
@in_app
def examine(file: BinaryIO, envelope_to: str, as_json: bool) -> None:
    """Take one message apart (- for standard input): parts, rule, verdict, what would follow."""
    seen = lab.examine(db.session(), file.read(), now(), envelope_to)
    if as_json:
        print_json(asdict(seen) | {"target": _target(seen)})
        return
    click.echo(f"{seen.kind}, read as {seen.format or 'nothing known'}")
    for part in seen.parts:
        click.echo(f"  {'  ' * part.depth}{part.content_type} ({part.size} bytes)")
    for each in seen.recipients:
        click.echo(f"{each.report.address or 'no address'}: {each.report.action}")
        if each.said:
            said = each.said
            click.echo(f"  {said.kind} {said.reason} {said.status} ({said.confidence:.0%} sure)")
            click.echo(f"  evidence: {said.evidence}")
            click.echo(f"  rule: {each.rule or 'none fired'}")
    click.echo(f"copy: {_target(seen) or 'no token of ours; it would change nothing'}")
    if seen.follows:
        click.echo(f"would follow: {seen.suppresses or 'no suppression'}. {seen.follows}")


def _target(seen: lab.Seen) -> str:
    if seen.target is None:
        return ""
    if seen.target.notice_id is not None:
        return f"notice {seen.target.notice_id}"
    return f"delivery {seen.target.issue_id}.{seen.target.n} of reader {seen.target.subscriber_id}"


@click.command("reclassify")
@click.option("--dry-run", is_flag=True, help="Only show who would change.")
@click.option("--release", is_flag=True, help="Also lift suppressions no longer borne out.")
@as_json
@in_app
def judge_anew(dry_run: bool, release: bool, as_json: bool) -> None:
    """Judge the stored messages by the rules of today. Suppressions are lifted only if told."""
    found = (
        list(reclassify.changes(now()))
        if dry_run
        else reclassify.apply(now(), actor=actor(), release=release)
    )
    if as_json:
        print_json([asdict(change) for change in found])
        return
    for each in found:
        effect = "suppresses" if each.suppresses else "releases" if each.releases else ""
        reader = f"reader {each.subscriber_id}"
        before, after = each.before or "nothing", each.after or "nothing"
        click.echo(f"{each.message_id}: {reader}: {before} -> {after} {effect}".rstrip())
    word = "would change" if dry_run else "changed"
    click.echo(f"{len(found)} {word}.")


@click.command("waves")
@click.option("--decide", type=int, help="The number of a wave.")
@click.option("--as", "decision", type=click.Choice([waves.OUTAGE, waves.REAL]))
@as_json
@in_app
def decide(decide: int | None, decision: str | None, as_json: bool) -> None:
    """Sudden waves at one operator, which suppress nobody until somebody says what they were."""
    if (decide is None) != (decision is None):
        fail("Give both --decide and --as, or neither.", 2)
    if decide is not None:
        try:
            real = decision == waves.REAL
            number = waves.decide(decide, real=real, actor=actor(), now=now())
        except LookupError as error:
            fail(str(error))
        click.echo(f"Noted. {number} suppressed.")
        return
    rows = [
        {
            "id": each.wave.id,
            "operator": each.wave.operator,
            "reason": each.wave.reason,
            "readers": each.readers,
            "began_at": each.wave.began_at,
        }
        for each in bounce_desk.undecided(db.session())
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo("{id}: {operator}, {reason}, {readers} readers".format(**row))
    if not rows:
        click.echo("No wave waits for a decision.")


@click.command("policy")
@click.option("--set", "given", multiple=True, metavar="NAME=NUMBER")
@as_json
@in_app
def policy(given: tuple[str, ...], as_json: bool) -> None:
    """The numbers by which bounces suppress a reader, and change them."""
    try:
        wanted = {name: float(value) for name, _, value in (each.partition("=") for each in given)}
        if wanted:
            bounce_desk.set_numbers(wanted, actor=actor(), now=now())
    except ValueError as error:
        fail(f"That cannot be set: {error}.", 2)
    found = bounce_desk.numbers(db.session())
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name:18} {value:g}")


@click.group("rules")
def rules() -> None:
    """Rules of this installation's own, asked before the table."""


@rules.command("list")
@as_json
@in_app
def show_rules(as_json: bool) -> None:
    """Proposed ones and those that are on."""
    rows = [
        {"id": each.id, "on": each.switched_on_at, "reason": each.reason, "phrase": each.phrase}
        for each in own_rules.every(db.session())
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = "on" if row["on"] else "proposed"
        click.echo(f"{row['id']}: {state:8} {row['reason']:14} {row['phrase']}")
    if not rows:
        click.echo("There are none.")


@rules.command("propose")
@click.argument("phrase")
@click.argument("reason", type=click.Choice(sorted(MEANING_OF_REASON)))
@in_app
def propose(phrase: str, reason: str) -> None:
    """Keep a proposal, and show what it would change of what is stored."""
    try:
        words = own_rules.checked(phrase, reason)
        made = own_rules.propose(*words, message_id=None, actor=actor(), now=now())
    except own_rules.BadRule as error:
        fail(f"{error}.", 2)
    number = len(list(reclassify.changes(now(), (words,))))
    click.echo(f"Proposed as {made}; {number} stored messages would be judged otherwise.")


@rules.command("on")
@click.argument("rule_id", type=int)
@in_app
def switch_on(rule_id: int) -> None:
    """Judge by it from now on."""
    try:
        own_rules.switch_on(rule_id, actor=actor(), now=now())
    except LookupError as error:
        fail(str(error))
    click.echo("It is on. `newsletter bounces reclassify` judges what is stored by it.")


@rules.command("remove")
@click.argument("rule_id", type=int)
@in_app
def remove(rule_id: int) -> None:
    """Judge by it no more."""
    try:
        own_rules.remove(rule_id, actor=actor(), now=now())
    except LookupError as error:
        fail(str(error))
    click.echo("Removed.")


COMMANDS = (examine, judge_anew, decide, policy, rules)
