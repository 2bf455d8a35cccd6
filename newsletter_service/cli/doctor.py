"""`newsletter doctor`: may this installation write to strangers, and if so, let it."""

import locale as system_locale
from typing import Any

import click

from newsletter_service.address import InvalidAddress
from newsletter_service.bounces.mailbox_url import BadMailboxUrl
from newsletter_service.cli.door import MISUSE, actor, as_json, fail, in_app, now, print_json
from newsletter_service.mail.dkim_keys import DkimKeyError
from newsletter_service.models import DoctorReport
from newsletter_service.operations import doctor, doctor_loopback, go_live
from newsletter_service.operations.go_live import NoOrganisation, NotReady

SIGNS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED ", "skipped": "skipped"}


@click.command("doctor")
@click.option("--go-live", "live", is_flag=True, help="Let mail reach readers if all is well.")
@click.option("--despite", default="", help="Go live although checks fail; the reason is kept.")
@click.option("--back-to-trial", "trial", is_flag=True, help="Keep mail from readers again.")
@click.option(
    "--loopback",
    metavar="ADDRESS",
    help="Only send a signed letter there through every relay, and see in the mailbox that bounces "
    "are fetched from whether the signature survived.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds for that.",
)
@as_json
@in_app
def command(  # noqa: PLR0913, PLR0917 - the options of the command
    live: bool, despite: str, trial: bool, loopback: str | None, wait: float, as_json: bool
) -> None:
    """Check relays, keys, addresses and the DNS of the senders.

    Ends with 0 only if no check failed; with --go-live, only if the service is live.
    """
    if (despite and not live) or (live and trial):
        fail("--despite goes with --go-live, and --back-to-trial alone.", MISUSE)
    if trial:
        _back_to_trial()
        return
    if loopback:
        _loopback(loopback, wait, as_json)
        return
    report = doctor.check(now())
    passed, checks = report.passed, report.checks
    if as_json:
        print_json({"passed": passed, "at": report.at.isoformat(), "checks": checks})
    else:
        _print(report)
    if live:
        _go_live(despite, as_json)
    elif not passed:
        raise SystemExit(1)


def _loopback(to: str, wait_s: float, as_json: bool) -> None:
    try:
        checks = [each.as_dict() for each in doctor_loopback.check(to, wait_s)]
    except (doctor_loopback.NotPossible, InvalidAddress, BadMailboxUrl, DkimKeyError) as error:
        fail(str(error))
    report = DoctorReport(at=now(), passed=True, checks=checks)
    if as_json:
        print_json({"checks": checks})
    else:
        _print(report)
    if doctor.failures(report):
        raise SystemExit(1)


def _go_live(despite: str, as_json: bool) -> None:
    try:
        go_live.go_live(actor(), now(), despite)
    except NotReady as error:
        fail(f"Still in trial mode. {error}")
    except NoOrganisation as error:
        fail(str(error))
    click.echo("Live: mail reaches readers now.", err=as_json)


def _back_to_trial() -> None:
    try:
        go_live.back_to_trial(actor(), now())
    except NoOrganisation as error:
        fail(str(error))
    click.echo("In trial mode: mail reaches staff and the sandbox only.")


def _print(report: DoctorReport) -> None:
    language = "sv" if (system_locale.getlocale()[0] or "").startswith("sv") else "en"
    for check in doctor.told(report, language):
        click.echo(f"{SIGNS[check['outcome']]}  {check['title']}")
        click.echo(f"         {check['found']}")
        if check["remedy"] and check["outcome"] in ("failed", "warning"):
            click.echo(f"         → {check['remedy']}")
    counted = _counted(report.checks)
    click.echo(f"{counted['failed']} failed, {counted['warning']} to look over.")


def _counted(checks: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(check["outcome"] == name for check in checks) for name in SIGNS}
