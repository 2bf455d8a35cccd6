"""What the demo does, step by step, through the doors that people and mailbox providers use."""

import email
import email.policy
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import altcha
import click
import httpx
from sqlalchemy import func, select

from newsletter_service.cli import sample
from newsletter_service.cli.issues import wait_until_over
from newsletter_service.cli.page_form import form_of
from newsletter_service.cli.statement import written
from newsletter_service.delivery.statement import Statement, statement
from newsletter_service.embedded.sandbox_store import Sandbox, StoredMail
from newsletter_service.extensions import db
from newsletter_service.issues import blocks, preflight, release, suggest
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import Issue, IssueState, Item, Source, Subscription, Suppression
from newsletter_service.models.subscribers import SubscriptionState
from newsletter_service.news import sources
from newsletter_service.settings import Settings

BOUNCING = "studsar@reader.test"
LEAVING = "lamnar@reader.test"
SIGNING_UP = 12
PATIENCE_S = 60
_CONFIRM = re.compile(r"https?://\S+/(?:bekrafta|confirm)/[\w-]+")


class Failed(Exception):
    """A step did not come out as it must; says which and what was seen."""


@dataclass
class Story:
    """One run. `tell` prints every step and returns whether all came out right."""

    settings: Settings
    site_url: str
    feed_url: str
    readers: int
    own_news: bool = True

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(self.settings.data_dir / "sandbox")
        self.web = httpx.Client(base_url=self.settings.base_url, trust_env=False, timeout=20)

    def tell(self) -> bool:
        """Run the main job."""
        click.echo(f"The service is up at {self.settings.base_url}.")
        newsletter = sample.found(self.site_url, datetime.now(UTC), with_logo=self.own_news)
        self.list_id, self.list_name = newsletter.id, newsletter.name
        self._sign_up()
        self._import_the_rest()
        self._fetch_news()
        issue_id = self._send_an_issue()
        counted = self._see_the_bounce(issue_id)
        self._leave(issue_id)
        click.echo("\n" + "\n".join(written(counted)))
        return self._everything_is_there(issue_id, counted)

    def _sign_up(self) -> None:
        """Through the real form, and the button behind the link in the mail."""
        people = [BOUNCING, LEAVING, *itertools.islice(sample.addresses(), SIGNING_UP - 2)]
        path = f"/prenumerera/{sample.SLUG}"
        for person in people:
            form = form_of(self.web.get(path).text)
            answer = self.web.post(path, data=form | {"email": person, "altcha": self._work(path)})
            if answer.status_code != 303:
                raise Failed(f"the form answered {answer.status_code} to {person}")
        with click.progressbar(people, label="Confirming") as bar:
            for person in bar:
                self._confirm(person)
        if self._confirmed() != SIGNING_UP:
            raise Failed(f"{self._confirmed()} of {SIGNING_UP} sign-ups were confirmed")
        click.echo(f"{SIGNING_UP} readers signed up by the form and confirmed by their mail.")

    def _work(self, path: str) -> str:
        """What a visitor's browser does while the form is filled in."""
        task = altcha.Challenge.from_dict(self.web.get(f"{path}/task").json())
        solution = altcha.solve_challenge(task)
        if solution is None:
            raise Failed("the form's task could not be solved")
        return altcha.Payload(task, solution).to_base64()

    def _confirm(self, person: str) -> None:
        mail = self._mail_to(person, "Bekräfta")
        link = _CONFIRM.search(_text_of(mail))
        if link is None:
            raise Failed(f"the mail to {person} has no link to confirm by")
        page = self.web.get(link[0])
        answer = self.web.post(link[0], data=form_of(page.text))
        if answer.status_code != 200:
            raise Failed(f"confirming answered {answer.status_code}")

    def _import_the_rest(self) -> None:
        missing = self.readers - SIGNING_UP
        if missing > 0:
            sample.add_readers(self.readers - 2, datetime.now(UTC) - timedelta(seconds=5))
            click.echo(f"{missing} more came by a file, with the evidence of their consent.")

    def _fetch_news(self) -> None:
        feed = sources.NewSource(self.feed_url)
        source_id = sources.add(self.list_id, feed, actor=sample.ACTOR, now=datetime.now(UTC)).id
        self._wait(lambda: self._source(source_id).fetched_at is not None, "the feed to be read")
        source = self._source(source_id)
        number = db.session.scalar(
            select(func.count()).select_from(Item).where(Item.source_id == source_id)
        )
        if source.last_error or not number:
            raise Failed(f"{self.feed_url} brought no news. {source.last_error}")
        click.echo(f"{number} news came from {source.title} over HTTP.")

    def _send_an_issue(self) -> int:
        now = datetime.now(UTC)
        wish = suggest.Wish(self.list_id, timedelta(days=3650))
        issue_id = suggest.suggest(wish, actor=sample.ACTOR, now=now)
        self._mend(issue_id)
        issue = db.session.get_one(Issue, issue_id)
        findings = preflight.check(db.session(), issue, now)
        for finding in findings:
            mark = "must be mended" if finding.blocks else "to look at"
            click.echo(f"  {mark}: {finding.rule} ({finding.place})")
        number = len(issue.blocks)
        db.session.rollback()
        if any(finding.blocks for finding in findings):
            raise Failed("the issue does not pass the check")
        click.echo(f"Issue {issue_id} is composed of {number} blocks and passes the check.")
        release.release(issue_id, actor=sample.ACTOR, now=datetime.now(UTC), undo=False)
        state = wait_until_over(issue_id, seconds=PATIENCE_S + self.readers / 20)
        if state != IssueState.SENT:
            raise Failed(f"issue {issue_id} is {state} after its time")
        return issue_id

    def _mend(self, issue_id: int) -> None:
        """As an editor would: take out the parts, and rewrite the words, that the check blocks."""
        issue = db.session.get_one(Issue, issue_id)
        findings = preflight.check(db.session(), issue, datetime.now(UTC))
        places = {finding.place for finding in findings if finding.blocks}
        numbers = {block.id for block in issue.blocks if f"block:{block.id}" in places}
        if places & {"subject:sv", "preheader:sv"}:
            words = {"subject": f"Nyheter från {self.list_name}", "preheader": "Det senaste"}
            blocks.write(issue_id, "sv", words, {}, self._edit(issue_id))
        for number in sorted(numbers):
            blocks.remove(number, self._edit(issue_id))
            click.echo("  mended: a part that does not pass the check was taken out")

    def _edit(self, issue_id: int) -> Edit:
        version = db.session.get_one(Issue, issue_id).version
        return Edit(version, sample.ACTOR, datetime.now(UTC))

    def _see_the_bounce(self, issue_id: int) -> Statement:
        """The report comes by SMTP a moment after the mail was accepted."""
        self._wait(
            lambda: statement(db.session(), issue_id).bounced == 1, "the bounce to come back"
        )
        suppressed = db.session.scalar(select(func.count()).select_from(Suppression))
        if suppressed != 1:
            raise Failed(f"{suppressed} addresses are suppressed, where one bounced")
        click.echo("One address bounced by a delivery report and is suppressed.")
        return statement(db.session(), issue_id)

    def _leave(self, issue_id: int) -> None:
        """One click in the mailbox, as RFC 8058 sends it."""
        header = _parsed(self._issue_mail(LEAVING, issue_id))["List-Unsubscribe"]
        url = re.search(r"<(https?://[^>]+)>", str(header))
        if url is None:
            raise Failed("the issue has no List-Unsubscribe")
        answer = self.web.post(url[1], data={"List-Unsubscribe": "One-Click"})
        if answer.status_code != 200 or self._confirmed() != self.readers - 1:
            raise Failed(f"one-click unsubscribing answered {answer.status_code}")
        click.echo("One reader left with one click.")

    def _everything_is_there(self, issue_id: int, counted: Statement) -> bool:
        """Every accepted mail in the sandbox, once, and the statement balanced."""
        subject = db.session.get_one(Issue, issue_id).texts[0].subject
        mails = list(self._all_mails(subject))
        readers = {recipient for mail in mails for recipient in mail.recipients}
        right = (
            counted.balances
            and counted.accepted == counted.audience == self.readers
            and len(mails) == len(readers) == counted.accepted
        )
        if right:
            click.echo(f"All {len(mails)} mails are in the sandbox, one for each reader.")
        else:
            click.echo(
                f"NOT RIGHT: {counted.accepted} accepted, {len(mails)} mails in the sandbox"
                f" to {len(readers)} readers, {self.readers} expected.",
                err=True,
            )
        return right

    def _all_mails(self, subject: str) -> list[StoredMail]:
        found: list[StoredMail] = []
        while page := self.sandbox.search(
            subject=subject, limit=500, before=found[-1].id if found else None
        ):
            found += page
        return found

    def _issue_mail(self, person: str, issue_id: int) -> StoredMail:
        return self._mail_to(person, db.session.get_one(Issue, issue_id).texts[0].subject)

    def _mail_to(self, person: str, subject: str) -> StoredMail:
        found: list[StoredMail] = []

        def came() -> bool:
            found[:] = self.sandbox.search(to=person, subject=subject, limit=1)
            return bool(found)

        self._wait(came, f"a mail to {person}")
        return found[0]

    def _confirmed(self) -> int:
        db.session.rollback()
        return (
            db.session.scalar(
                select(func.count())
                .select_from(Subscription)
                .where(Subscription.state == SubscriptionState.CONFIRMED)
            )
            or 0
        )

    def _source(self, source_id: int) -> Source:
        db.session.rollback()
        return db.session.get_one(Source, source_id)

    def _wait(self, seen: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not seen():
            db.session.rollback()
            if time.monotonic() > ends:
                raise Failed(f"waited {PATIENCE_S} seconds for {what}")
            time.sleep(0.1)


def _parsed(mail: StoredMail) -> EmailMessage:
    return email.message_from_bytes(mail.raw, policy=email.policy.default)


def _text_of(mail: StoredMail) -> str:
    body = _parsed(mail).get_body(("plain",))
    return str(body.get_content()) if body is not None else ""
