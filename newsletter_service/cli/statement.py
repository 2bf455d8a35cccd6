"""`newsletter statement`: where every reader of an issue stands."""

from datetime import UTC, datetime

import click

from newsletter_service.cli.door import FAULT, as_json, fail, in_app, print_json
from newsletter_service.cli.waits import sentence
from newsletter_service.delivery import canary
from newsletter_service.delivery.statement import NoSuchIssue, Statement, statement
from newsletter_service.extensions import db
from newsletter_service.models import Issue
from newsletter_service.operations import waiting
from newsletter_service.operations.waiting import Why


@click.command("statement")
@click.argument("issue_id", metavar="ISSUE", type=int)
@as_json
@in_app
def command(issue_id: int, as_json: bool) -> None:
    """Account for every reader of an issue; exit 1 if the statement does not balance."""
    try:
        counted = statement(db.session(), issue_id)
    except NoSuchIssue as error:
        fail(str(error))
    left = counted.pending + counted.deferred
    issue = db.session.get_one(Issue, issue_id)
    waits = waiting.reasons(db.session(), issue, left)
    rest = canary.rest(db.session(), issue, datetime.now(UTC))
    if as_json:
        more = {"after_first_wave": rest, "waits": [why.as_dict() for why in waits]}
        print_json(counted.as_dict() | more)
    else:
        click.echo("\n".join([*written(counted, rest), *_waits(waits)]))
    if not counted.balances:
        raise SystemExit(FAULT)


def _waits(found: list[Why]) -> list[str]:
    return ["", "They wait:", *(f"  {sentence(why)}" for why in found)] if found else []


def written(counted: Statement, rest: int = 0) -> list[str]:
    """The statement as lines for a person; `rest` waits for a first wave."""
    lines = [
        f"{counted.list_name}, nr {counted.number} (issue {counted.issue_id}): {counted.state}",
        "",
        _line("audience", counted.audience),
        _line("accepted", counted.accepted),
        _line("  of them bounced", counted.bounced),
        _line("  of them complained", counted.complained),
        _line("refused", counted.refused),
        *(
            _line(f"skipped: {reason.replace('_', ' ')}", number)
            for reason, number in sorted(counted.skipped.items())
        ),
        _line("deferred", counted.deferred),
        _line("in doubt", counted.in_doubt),
        _line("pending", counted.pending),
        *([_line("after the first wave", rest)] if rest else []),
        "",
    ]
    if rest:
        lines.append(f"Meant for {counted.audience + rest}: the rest waits for the first wave.")
    elif not counted.expanded:
        lines.append("The audience is still being gathered.")
    if counted.balances:
        return [*lines, "The statement balances: every reader is accounted for."]
    return [
        *lines,
        f"THE STATEMENT DOES NOT BALANCE: audience {counted.audience}, deliveries"
        f" {counted.rows}, outcomes {counted.total}. Report this with the output of --json.",
    ]


def _line(label: str, number: int) -> str:
    return f"  {label:<32}{number:>12}"
