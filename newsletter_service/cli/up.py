"""`newsletter up`: the whole service on this machine, left running for a person."""

import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import click
from sqlalchemy import select

from newsletter_service.accounts import links, people
from newsletter_service.cli import sample, sample_house, service
from newsletter_service.cli.database import bring_up_to_date
from newsletter_service.cli.door import Door, fail
from newsletter_service.cli.issues import wait_until_over
from newsletter_service.embedded.supervise import ChildNotReadyError
from newsletter_service.embedded.valkey import EmbeddedValkeyError
from newsletter_service.extensions import db
from newsletter_service.issues import release, suggest
from newsletter_service.models import Item, NewsletterList, Person, Role
from newsletter_service.news import desk, sources
from newsletter_service.settings import Settings, current

READERS = 180
KEPT_BACK = 8
LEFT_OVER = 3
FIRST_PERSON = "admin@vintergren.test"
NEWS_WAIT_S = 20


@click.command("up")
@click.option("--empty", is_flag=True, help="Without sample news and readers.")
@click.option(
    "--as", "email", default="", help="Who you are: the person whose log-in link is printed."
)
@click.pass_obj
def command(door: Door, empty: bool, email: str) -> None:
    """Run everything, and print where to go and how to log in."""
    data_dir = Path(os.environ.get("NEWSLETTER_DATA_DIR") or "var").resolve()
    os.environ.update(service.environment(data_dir))
    site_port = 0 if empty else service.free_port(8100)
    _let_through(site_port)
    settings = Settings.from_env()
    ending = _Ending()
    with door.app.app_context():
        logging.getLogger().setLevel(logging.WARNING)
        bring_up_to_date()
    plan = service.Plan(
        dict(os.environ),
        sample_site_port=site_port,
        bouncing="" if empty else next(sample.addresses()),
        external_queue=bool(settings.redis_url),
    )
    try:
        with service.running(plan, settings):
            _welcome(door, site_port, email)
            ending.wait()
    except (ChildNotReadyError, EmbeddedValkeyError) as error:
        fail(str(error))
    click.echo("Stopped.")


def _let_through(site_port: int) -> None:
    """Trial mode may read the sample site, by its exact origin and no other."""
    if site_port:
        known = os.environ.get("NEWSLETTER_TRIAL_ORIGINS", "")
        origin = f"http://127.0.0.1:{site_port}"
        os.environ["NEWSLETTER_TRIAL_ORIGINS"] = ",".join(filter(None, [known, origin]))


def _welcome(door: Door, site_port: int, email: str) -> None:
    with door.app.app_context():
        if site_port and db.session.scalar(select(NewsletterList.id).limit(1)) is None:
            click.echo("Filling in sample news and readers …")
            _populate(f"http://127.0.0.1:{site_port}/")
        link = _log_in_link(email)
        base = current().base_url
        click.echo(f"\nThe service runs.\n\n  Log in (once):  {link}")
        slug = db.session.scalar(select(NewsletterList.slug).order_by(NewsletterList.id).limit(1))
        if slug:
            click.echo(f"  Sign-up form:   {base}/prenumerera/{slug}")
        click.echo(f"  Mail sandbox:   {base}/desk/brevlada\n")
        if site_port:
            click.echo(f"  Sample site:    http://127.0.0.1:{site_port}/\n")
        click.echo("Ctrl+C stops everything. Another log-in link: newsletter users create EMAIL")


def _populate(site_url: str) -> None:
    now = datetime.now(UTC)
    newsletter = sample.found(site_url, now)
    sample.ask_more(newsletter.id, now)
    sample.add_readers(READERS, now - timedelta(minutes=1))
    feed = sources.NewSource(f"{site_url}feed.xml")
    sources.add(newsletter.id, feed, actor=sample.ACTOR, now=now)
    if not _news_came():
        click.echo("The sample news did not come; log/worker-default.log says why.", err=True)
        return
    newest = list(db.session.scalars(select(Item.id).order_by(Item.published_at.desc())))
    sent = _suggest_without(newest[:KEPT_BACK], newsletter.id)
    release.release(sent, actor=sample.ACTOR, now=datetime.now(UTC), undo=False)
    wait_until_over(sent, seconds=60)
    draft = _suggest_without(newest[KEPT_BACK - LEFT_OVER : KEPT_BACK], newsletter.id)
    sample_house.greet(draft, datetime.now(UTC))
    sample_house.furnish(newsletter.id, datetime.now(UTC))


def _suggest_without(item_ids: list[int], list_id: int) -> int:
    """An issue of the news but these, which are left on the desk for later."""
    desk.hide(item_ids, datetime.now(UTC))
    issue_id = suggest.suggest(suggest.Wish(list_id), actor=sample.ACTOR, now=datetime.now(UTC))
    desk.hide(item_ids, None)
    return issue_id


def _news_came() -> bool:
    ends = time.monotonic() + NEWS_WAIT_S
    while time.monotonic() < ends:
        db.session.rollback()
        if db.session.scalar(select(Item.id).limit(1)) is not None:
            return True
        time.sleep(0.2)
    return False


def _log_in_link(email: str) -> str:
    """A one-time link for the person named, or for the first one; made if there is nobody."""
    person = people.find(email) if email else _first_person()
    if person is None:
        person = people.create(email or FIRST_PERSON, "", [str(Role.ADMINISTRATOR)])
    return links.one_time_link(person)


def _first_person() -> Person | None:
    return db.session.scalars(
        select(Person).where(Person.disabled_at.is_(None)).order_by(Person.id)
    ).first()


class _Ending:
    """The wish to end: while the service starts it breaks that off, later `wait` returns."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._up = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def wait(self) -> None:
        """Return when somebody asks to stop."""
        self._up = True
        self._asked.wait()
        click.echo("Stopping …")

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()
        if not self._up:
            self._up = True  # a second wish must not break off the orderly end
            raise SystemExit(0)
