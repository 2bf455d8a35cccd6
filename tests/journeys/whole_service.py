"""The whole service as its own processes in a directory of its own, and what people do with it."""

import email
import email.policy
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page
from redis import Redis

from newsletter_service.accounts import links, people
from newsletter_service.app import create_app
from newsletter_service.cli import sample, service
from newsletter_service.cli.database import bring_up_to_date
from newsletter_service.delivery.engine import close_engine
from newsletter_service.embedded.sandbox_store import Sandbox, StoredMail
from newsletter_service.embedded.supervise import Supervisor
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Role, writing
from newsletter_service.settings import Settings
from tests import servers

PROGRAM = [sys.executable, "-m", "newsletter_service"]
PATIENCE_S = 40
A_PERSON_FILLS_IN_S = 2.1
UP_TAKES_S = 120


def port() -> int:
    """A port that nobody listens on, below those that the kernel gives away by itself."""
    while servers.listens(found := random.randrange(20_000, 32_000)):
        pass
    return found


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a service on free ports; `settings` are names in lower case."""
    ports = {
        f"NEWSLETTER_{name}": f"127.0.0.1:{port()}"
        for name in ("LISTEN", "SANDBOX_LISTEN", "INBOUND_LISTEN")
    }
    others = {n: v for n, v in os.environ.items() if not n.startswith("NEWSLETTER_")}
    given = {f"NEWSLETTER_{name.upper()}": value for name, value in settings.items()}
    return service.environment(data_dir, others | ports | given)


@dataclass
class Post:
    """The mails that left, as the sandbox took them."""

    sandbox: Sandbox

    def to(self, address: str, subject: str = "") -> list[EmailMessage]:
        """Every mail to an address with that text in its subject, the newest first."""
        found = self.sandbox.search(to=address, subject=subject)
        return [_parsed(mail) for mail in found]

    def wait_for(self, address: str, subject: str, number: int = 1) -> EmailMessage:
        """The newest mail to an address, once there are that many."""
        came = servers.eventually(lambda: len(self.to(address, subject)) >= number, PATIENCE_S)
        assert came, f"no mail {subject!r} came to {address}: {self.subjects()}"
        return self.to(address, subject)[0]

    def recipients(self, subject: str) -> list[str]:
        """Who got a mail with that text in its subject, each as often as it came."""
        found: list[StoredMail] = []
        while page := self.sandbox.search(
            subject=subject, limit=500, before=found[-1].id if found else None
        ):
            found += page
        return [recipient for mail in found for recipient in mail.recipients]

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.sandbox.list(20)]


def text_of(mail: EmailMessage) -> str:
    """The text part of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage, path: str) -> str:
    """The first link in a mail whose path begins like that; `path` is a pattern."""
    found = re.search(rf"https?://[^\s/]+/{path}[\w./-]+", text_of(mail))
    assert found, text_of(mail)
    return found[0].rstrip(".")


@dataclass
class Running:
    """A service that runs: where it is, its mails, and its processes."""

    settings: Settings
    env: dict[str, str]
    supervisor: Supervisor
    site_url: str

    @property
    def url(self) -> str:
        return self.settings.base_url

    @property
    def post(self) -> Post:
        return Post(Sandbox(self.settings.data_dir / "sandbox"))

    def log_in_link(self, address: str = "anna.ek@vintergren.test") -> str:
        """A one-time link, as `newsletter users create` prints it."""
        with _door(self.settings):
            person = people.find(address) or people.create(
                address, "Anna Ek", [str(Role.ADMINISTRATOR)]
            )
            return links.one_time_link(person)

    def begin_newsletter(self, *locales: str) -> None:
        """An organisation with the list `nyhetsbrev`."""
        with _door(self.settings):
            newsletter_id = sample.found(self.site_url, datetime.now(UTC)).id
            with writing() as session:
                newsletter = session.get_one(NewsletterList, newsletter_id)
                newsletter.locales = list(locales)
                newsletter.name_en = "News from Vintergren"

    def kill(self, name: str) -> int:
        """End a process as a power cut does; returns the id it had."""
        pid = self.supervisor.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_queue_server(self) -> int:
        url = (self.settings.data_dir / "valkey.url").read_text().strip()
        with Redis.from_url(url) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
        return pid


@contextmanager
def running_service(data_dir: Path, **settings: str) -> Iterator[Running]:
    """An empty installation, with the sample site beside it as the only origin it may read."""
    site_port = port()
    site_url = f"http://127.0.0.1:{site_port}"
    env = environment(data_dir, trial_origins=site_url, **settings)
    made = Settings.from_env(env)
    with _door(made):
        bring_up_to_date()
    with service.running(service.Plan(env, sample_site_port=site_port), made) as supervisor:
        yield Running(made, env, supervisor, site_url)


class Up:
    """`newsletter up` as a person starts it, populated; read what it printed from `said`."""

    def __init__(self, data_dir: Path, *options: str, **settings: str) -> None:
        self.env = environment(data_dir, **settings)
        self.data_dir = data_dir
        self.said = ""
        self.process = subprocess.Popen(
            [*PROGRAM, "up", *options],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def url(self) -> str:
        return f"http://{self.env['NEWSLETTER_LISTEN']}"

    @property
    def post(self) -> Post:
        return Post(Sandbox(self.data_dir / "sandbox"))

    @property
    def link(self) -> str:
        """The one-time link that it printed."""
        found = re.search(r"\S+/desk/logga-in/\S+", self.said)
        assert found, self.said
        return found[0]

    def new_link(self) -> str:
        """Another one-time link, by the command that makes them."""
        argv = [*PROGRAM, "users", "create", "admin@vintergren.test"]
        ran = subprocess.run(argv, env=self.env, capture_output=True, text=True, check=True)
        return ran.stdout.split()[-1]

    def processes(self) -> list[int]:
        """Its own id and those of everything that it started, and that they did."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        ends = time.monotonic() + UP_TAKES_S
        while "Ctrl+C stops" not in self.said:
            line = self.process.stdout.readline()
            self.said += line
            assert line, f"`newsletter up` ended:\n{self.said}"
            assert time.monotonic() < ends, self.said
        return self

    def __exit__(self, *_why: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def person(
    chromium: Browser, url: str, width: int = 1280, *, javascript: bool = True, locale: str = "sv"
) -> BrowserContext:
    """A browser of somebody's own, which speaks a language."""
    context = chromium.new_context(
        base_url=url,
        viewport={"width": width, "height": 640 if width < 600 else 900},
        java_script_enabled=javascript,
        locale={"sv": "sv-SE", "en": "en-GB"}[locale],
    )
    context.set_default_timeout(15_000)
    return context


def log_in(context: BrowserContext, link: str) -> Page:
    """Open a one-time link and press its button."""
    page = context.new_page()
    page.goto(urlsplit(link).path)
    page.get_by_role("button", name="Logga in").click()
    page.wait_for_url(lambda url: "/logga-in/" not in url)  # another address would break it off
    return page


def _parsed(mail: StoredMail) -> EmailMessage:
    return email.message_from_bytes(mail.raw, policy=email.policy.default)


@contextmanager
def _door(settings: Settings) -> Iterator[None]:
    """Inside the application, as a command of the command line is."""
    app = create_app(settings)
    with app.app_context():
        try:
            yield
        finally:
            close_engine(app)
            db.session.remove()
            db.engine.dispose()
