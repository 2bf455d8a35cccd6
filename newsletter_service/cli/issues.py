"""`newsletter issues`: from suggestion to the last reader."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import click
from flask_babel import force_locale
from sqlalchemy import select

from newsletter_service.cli.door import (
    actor,
    as_json,
    fail,
    in_app,
    list_of,
    list_option,
    now,
    print_json,
)
from newsletter_service.delivery import canary as first_wave
from newsletter_service.delivery import control
from newsletter_service.delivery.statement import tallies
from newsletter_service.extensions import db
from newsletter_service.issues import approve as approval
from newsletter_service.issues import (
    discard,
    let_stand,
    mend,
    preflight,
    release,
    rule_page,
    suggest,
)
from newsletter_service.issues.blocks import Edit, NotEditable
from newsletter_service.issues.checks.rule import Level
from newsletter_service.models import IllegalMove, Issue, IssueState

_WEIGHT = {Level.BLOCKS: "MUST", Level.WARNS: "look", Level.TIP: "tip "}
OVER = (IssueState.SENT, IssueState.CANCELLED, IssueState.PAUSED)


@click.group("issues")
def group() -> None:
    """Numbers of a newsletter."""


@group.command("suggest")
@list_option
@click.option("--since", default="31d", show_default=True, help="How old news may be, in days.")
@click.option("--subject", default="", help="By default the first headline.")
@in_app
def suggest_issue(slug: str, since: str, subject: str) -> None:
    """Compose a draft out of recent news; prints its id."""
    days = since.removesuffix("d")
    if not days.isdigit():
        fail("--since is a number of days, such as 14d.", 2)
    wish = suggest.Wish(list_of(slug).id, timedelta(days=int(days)), subject)
    try:
        click.echo(suggest.suggest(wish, actor=actor(), now=now()))
    except suggest.NothingNew as error:
        fail(str(error))


@group.command("show")
@click.argument("issue_id", type=int)
@as_json
@in_app
def show(issue_id: int, as_json: bool) -> None:
    """An issue's state and words."""
    issue = _issue(issue_id)
    found = {
        "id": issue.id,
        "number": issue.number,
        "list": issue.newsletter.slug,
        "state": str(issue.state),
        "subjects": {text.locale: text.subject for text in issue.texts},
        "blocks": [str(block.kind) for block in issue.blocks],
        "send_at": issue.send_at,
        "held_at": issue.held_at,
        "paused_reason": issue.paused_reason,
    }
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name}: {value}")


@group.command("check")
@click.argument("issue_id", type=int)
@click.option("--mend", "put_right", is_flag=True, help="First mend what mends itself.")
@as_json
@in_app
def check(issue_id: int, put_right: bool, as_json: bool) -> None:
    """Run the check; exit 1 if something must be mended."""
    if put_right:
        edit = Edit(_issue(issue_id).version, actor(), now())
        with suppress(mend.NothingMended, NotEditable):
            mend.mend_all(issue_id, edit)
    report = preflight.examine(db.session(), _issue(issue_id), now())
    findings = [*report.must, *report.should, *report.tips]
    with force_locale("en"):
        if as_json:
            print_json([finding.as_dict() for finding in findings])
        else:
            for finding in findings:
                click.echo(f"{_WEIGHT[finding.level]}  {finding.rule}  {finding.place}")
                click.echo(f"      {finding.what} {finding.remedy}")
            click.echo(f"{len(report.must)} to mend, {len(report.should)} to look over.")
    if report.must:
        raise SystemExit(1)


@group.command("let-stand")
@click.argument("issue_id", type=int)
@click.argument("rule")
@click.argument("place")
@click.option("--reason", required=True, help="Kept with the issue and in the audit log.")
@in_app
def let_finding_stand(issue_id: int, rule: str, place: str, reason: str) -> None:
    """Let stand what a rule found in a place, as the check prints them; also what blocks."""
    if rule not in preflight.BY_NAME:
        fail(f"There is no rule {rule}; see `newsletter issues rules`.", 2)
    try:
        let_stand.let_stand(
            _issue(issue_id).id, rule, place, reason, actor=actor(), now=now(), may_all=True
        )
    except (let_stand.NotFound, let_stand.NoReason):
        fail(f"The check finds no {rule} in {place}, or the reason is empty.")
    except let_stand.NotAllowed:
        fail(f"No reason helps against {rule}; it must be mended.")


@group.command("rules")
def rules() -> None:
    """The rules of the check, as the page docs/checks.md."""
    click.echo(rule_page.markdown(), nl=False)


@group.command("approve")
@click.argument("issue_id", type=int)
@in_app
def approve(issue_id: int) -> None:
    """Approve what the issue is now; prints the hash that is approved."""
    try:
        click.echo(approval.approve(_issue(issue_id).id, actor=actor(), now=now()))
    except (approval.NotAllowed, IllegalMove) as error:
        fail(str(error))


@group.command("send")
@click.argument("issue_id", type=int)
@click.option("--at", "at_local", default="", help="A local time such as 2026-12-03T09:00.")
@click.option("--recipients", type=int, help="Their number, where the check asks for it.")
@click.option("--despite", help="Why, although the check found something to look over.")
@click.option("--canary", is_flag=True, help="A first wave, if there are more than 5 000.")
@click.option("--wait", is_flag=True, help="Wait, with a progress bar, until it is over.")
@in_app
def send(  # noqa: PLR0913, PLR0917 - each is an option
    issue_id: int,
    at_local: str,
    recipients: int | None,
    despite: str | None,
    canary: bool,
    wait: bool,
) -> None:
    """Release an issue, now or at a time."""
    wish = partial(release.release, at_local=at_local, undo=False, typed=recipients, canary=canary)
    why = despite or None  # here nobody is asked
    try:
        leaves = wish(_issue(issue_id).id, actor=actor(), now=now(), despite=why)
    except (release.Blocked, release.NotApproved, release.BadTime, IllegalMove) as error:
        fail(str(error))
    click.echo(f"Issue {issue_id} leaves at {leaves:%Y-%m-%d %H:%M:%S} UTC.", err=True)
    if wait and wait_until_over(issue_id) != IssueState.SENT:
        issue = _issue(issue_id)
        held = "held by the last check; see `newsletter issues check`" if issue.held_at else ""
        fail(f"Issue {issue_id} is {held or f'{issue.state}: {issue.paused_reason}'}")


@group.command("reschedule")
@click.argument("issue_id", type=int)
@click.option("--at", "at_local", default="", help="A local time; without it, in five minutes.")
@click.option("--recipients", type=int, help="Their number, where the check asks for it.")
@in_app
def reschedule(issue_id: int, at_local: str, recipients: int | None) -> None:
    """Another time for a planned issue, or one that missed its time."""
    try:
        leaves = release.reschedule(
            _issue(issue_id).id, actor=actor(), now=now(), at_local=at_local, typed=recipients
        )
    except (release.Blocked, release.NotApproved, release.BadTime, IllegalMove) as error:
        fail(str(error))
    click.echo(f"Issue {issue_id} leaves at {leaves:%Y-%m-%d %H:%M:%S} UTC.")


@group.command("go-on")
@click.argument("issue_id", type=int)
@in_app
def go_on(issue_id: int) -> None:
    """After a first wave: send to everybody else, without waiting longer."""
    try:
        first_wave.go_on(_issue(issue_id).id, actor=actor(), now=now())
    except first_wave.NotWaiting:
        fail(f"Issue {issue_id} has no first wave that is being watched.")
    click.echo(f"Issue {issue_id} goes to everybody.")


@group.command("pause")
@click.argument("issue_id", type=int)
@click.option("--reason", default="", help="For the audit log and the pages.")
@in_app
def pause(issue_id: int, reason: str) -> None:
    """Stop before the next message."""
    _control(lambda: control.pause(issue_id, actor(), reason, now()))
    click.echo(f"Issue {issue_id} is paused.")


@group.command("resume")
@click.argument("issue_id", type=int)
@in_app
def resume(issue_id: int) -> None:
    """Go on with a paused issue."""
    _control(lambda: control.resume(issue_id, actor(), now()))
    click.echo(f"Issue {issue_id} goes on.")


@group.command("cancel")
@click.argument("issue_id", type=int)
@in_app
def cancel(issue_id: int) -> None:
    """Send to nobody more, take a release back that has not started, or throw a draft away."""
    if _issue(issue_id).state == IssueState.SCHEDULED:
        release.undo(issue_id, actor=actor(), now=now())
        click.echo(f"Issue {issue_id} is a draft again.")
        return
    if _issue(issue_id).state == IssueState.DRAFT:
        discard.discard(issue_id, actor=actor(), now=now())
        click.echo(f"Issue {issue_id} is thrown away; the desk can take it back.")
        return
    _control(lambda: control.cancel(issue_id, actor(), now()))
    click.echo(f"Issue {issue_id} is cancelled; who had it has it.")


def wait_until_over(issue_id: int, seconds: float = float("inf")) -> IssueState:
    """Watch an issue with a progress bar until it is over, or the time is up."""
    ends = time.monotonic() + seconds
    while _issue(issue_id).audience == 0 and _issue(issue_id).state not in OVER:
        if time.monotonic() > ends or _issue(issue_id).held_at:
            return IssueState(_issue(issue_id).state)
        time.sleep(0.2)
    audience = _issue(issue_id).audience
    with click.progressbar(length=audience, label="Sending", show_pos=True) as bar:
        while True:
            state = IssueState(_issue(issue_id).state)
            counted = tallies(db.session(), issue_id)
            settled = sum(counted.values()) - counted["pending"] - counted["deferred"]
            bar.length = max(_issue(issue_id).audience, 1)
            bar.update(settled - bar.pos)
            if state in OVER or time.monotonic() > ends:
                return state
            time.sleep(0.2)


def _control(act: Callable[[], None]) -> None:
    try:
        act()
    except control.NotPossible as error:
        fail(str(error))


def _issue(issue_id: int) -> Issue:
    db.session.rollback()
    found = db.session.scalars(select(Issue).where(Issue.id == issue_id)).one_or_none()
    if found is None:
        fail(f"There is no issue {issue_id}.")
    return found
