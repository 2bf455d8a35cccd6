"""`newsletter demo`: the main job once, through the real doors, from sign-up to statement."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from newsletter_service.cli import demo_story, service
from newsletter_service.cli.database import bring_up_to_date
from newsletter_service.cli.door import Door, fail
from newsletter_service.embedded.file_feed import serving
from newsletter_service.embedded.sample_feed import SampleSite
from newsletter_service.embedded.supervise import ChildNotReadyError
from newsletter_service.embedded.valkey import EmbeddedValkeyError
from newsletter_service.news import feeds
from newsletter_service.news.feed_item import FeedError
from newsletter_service.safe_http import origin_of
from newsletter_service.settings import Settings


@click.command("demo")
@click.option("--feed", default="", help="Somebody else's RSS or Atom: an address or a file.")
@click.option("--readers", default=200, show_default=True, help="How many get the issue.")
@click.pass_obj
def command(door: Door, feed: str, readers: int) -> None:
    """Run the main job once; exit 0 only if every reader is accounted for."""
    data_dir = _fresh(Path(os.environ.get("NEWSLETTER_DATA_DIR") or "var") / "demo")
    os.environ.update(service.environment(data_dir))
    with _site(feed) as (site_url, feed_url):
        os.environ["NEWSLETTER_TRIAL_ORIGINS"] = ",".join(
            {origin_of(site_url), origin_of(feed_url)}
        )
        os.environ["NEWSLETTER_MODE"] = "trial"
        settings = Settings.from_env()
        with door.app.app_context():
            logging.getLogger().setLevel(logging.ERROR)
            bring_up_to_date()
        plan = service.Plan(
            dict(os.environ),
            bouncing=demo_story.BOUNCING,
            bounce_delay=0.5,
            bounce_after=2,  # the confirmation and the welcome arrive, then the mailbox is closed
            external_queue=bool(settings.redis_url),
        )
        try:
            with service.running(plan, settings), door.app.app_context():
                story = demo_story.Story(settings, site_url, feed_url, readers, own_news=not feed)
                told = story.tell()
        except (ChildNotReadyError, EmbeddedValkeyError) as error:
            fail(str(error))
        except demo_story.Failed as error:
            fail(f"The demo failed: {error}\nLogs: {data_dir / 'log'}")
    click.echo(
        f"\nLook around: NEWSLETTER_DATA_DIR={_short(data_dir)} {_program()} up"
        f"\nEvery mail:  {_short(data_dir / 'sandbox')} (and Brevlåda in the desk)"
    )
    sys.exit(0 if told else 1)


@contextmanager
def _site(feed: str) -> Iterator[tuple[str, str]]:
    """The demo's own site over real HTTP, or somebody else's feed: (site, feed)."""
    if not feed:
        with SampleSite() as site:
            yield site.url, site.feed_url
    elif urlsplit(feed).scheme in {"http", "https"}:
        yield f"{origin_of(feed)}/", feed
    elif Path(feed).is_file():
        _must_be_a_feed(Path(feed))
        with serving(Path(feed)) as url:
            yield f"{origin_of(url)}/", url
    else:
        fail(f"{feed} is neither an http(s) address nor a file.", 2)


def _must_be_a_feed(file: Path) -> None:
    """Say at once that a file holds no news, before a whole service is started for it."""
    try:
        found = feeds.parse(file.read_bytes(), None, file.resolve().as_uri(), now=datetime.now(UTC))
    except FeedError as error:
        fail(f"{file} brought no news. {error}")
    if not found.items:
        fail(f"{file} brought no news. The feed is empty.")


def _fresh(data_dir: Path) -> Path:
    """An empty directory for this run; what an earlier demo left is removed."""
    data_dir = data_dir.resolve()
    try:
        if data_dir.exists():
            shutil.rmtree(data_dir)
        data_dir.mkdir(parents=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="newsletter-demo-"))
    return data_dir


def _program() -> str:
    """This command as one can type it here."""
    called = Path(sys.argv[0]).absolute()
    return _short(called) if called.name == "newsletter" else "newsletter"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
