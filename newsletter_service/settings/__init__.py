"""Settings: read once from the environment, frozen, checked, all faults told at once.

Every setting is an environment variable `NEWSLETTER_<NAME>`; secrets may come from a file named
by `NEWSLETTER_<NAME>_FILE`. `docs/settings.md` lists them, and a test holds the two together.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from newsletter_service.settings import values
from newsletter_service.settings.errors import SettingsError
from newsletter_service.settings.kept_keys import kept_keys

__all__ = ["ADDRESSES", "KEY", "PREFIX", "Settings", "SettingsError", "current"]

PREFIX = "NEWSLETTER_"
ADDRESSES = "addresses.json"
KEY = "newsletter-settings"


def _setting(
    read: Callable[[str], Any], doc: str, default: Any = None, secret: bool = False
) -> Any:
    metadata = {"read": read, "doc": doc, "secret": secret}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process needs to know; see each field's `doc` in its metadata."""

    data_dir: Path = _setting(Path, "Where the service keeps its files.", Path("var"))
    journal_dir: Path = _setting(
        Path, "Where the journal beside the backups is kept; by default in the data directory."
    )
    database_url: str = _setting(
        values.text, "SQLAlchemy URL; by default SQLite in the data directory.", "", secret=True
    )
    redis_url: str = _setting(
        values.redis,
        "Redis or Valkey; by default the embedded Valkey that `up` owns.",
        "",
        secret=True,
    )
    smtp_url: tuple[str, ...] = _setting(
        values.relays, "Relays, comma-separated; by default the mail sandbox.", (), secret=True
    )
    smtp_ca_file: str = _setting(
        values.text, "Extra certificate authority for the relays, PEM.", ""
    )
    smtp_connections: int = _setting(
        values.number(1, 200), "Open connections per send worker and relay.", 10
    )
    smtp_messages_per_connection: int = _setting(
        values.number(1, 100000), "Messages on one connection before it is closed.", 100
    )
    smtp_timeout: int = _setting(
        values.number(0, 3600),
        "Seconds to wait in every SMTP phase; 0 means the times of RFC 5321.",
        0,
    )
    ehlo_name: str = _setting(values.text, "Our name in EHLO; by default the bounce domain.", "")
    base_url: str = _setting(
        values.http_url, "The service's public address.", "http://127.0.0.1:8000"
    )
    bounce_domain: str = _setting(
        values.text, "Domain of the return addresses; by default bounce. and the public host.", ""
    )
    listen: tuple[str, int] = _setting(
        values.endpoint, "Where the web process listens.", ("127.0.0.1", 8000)
    )
    inbound_listen: tuple[str, int] = _setting(
        values.endpoint, "Where the listener for bounces listens.", ("127.0.0.1", 2526)
    )
    bounce_mailbox_url: tuple[str, ...] = _setting(
        values.mailboxes, "Mailboxes that bounces are fetched from, IMAP or POP.", (), secret=True
    )
    sandbox_listen: tuple[str, int] = _setting(
        values.endpoint, "Where the mail sandbox listens.", ("127.0.0.1", 2525)
    )
    mode: str = _setting(
        values.mode,
        "trial: mail reaches staff and the sandbox only. live: to be switched live.",
        "trial",
    )
    secret_key: bytes = _setting(
        values.key, "Signs sessions and seals pending links; may be rotated.", b"", secret=True
    )
    address_key: bytes = _setting(
        values.key, "Keys the hashes of addresses; never change it, back it up.", b"", secret=True
    )
    link_keys: dict[int, bytes] = _setting(
        values.key_ring,
        "Key ring of unsubscribe links and return addresses, `1:key,2:key`; never drop one.",
        {},
        secret=True,
    )
    timezone: str = _setting(values.zone, "Time zone of schedules and pages.", "Europe/Stockholm")
    turn_seconds: int = _setting(values.number(1, 600), "How long one send job works.", 30)
    lease_seconds: int = _setting(
        values.number(5, 3600), "How long a claimed batch stays with a silent worker.", 45
    )
    batch_size: int = _setting(values.number(1, 10000), "Deliveries in a batch.", 1000)
    retry_seconds: tuple[int, ...] = _setting(
        values.seconds,
        "Waits between tries of one delivery; the last one repeats (R 2.37).",
        (60, 300, 900, 3600, 7200, 14400),
    )
    expiry_hours: int = _setting(
        values.number(1, 240),
        "An issue is not sent later than this after its release (R 2.37).",
        48,
    )
    late_hours: int = _setting(
        values.number(1, 48),
        "An issue that could not start for this long asks instead of leaving (R 9.14).",
        3,
    )
    undo_seconds: int = _setting(
        values.number(0, 3600), "How long a release can be undone before it starts.", 300
    )
    trusted_proxies: int = _setting(
        values.number(0, 10), "How many reverse proxies stand in front (R 8.19).", 0
    )
    metrics_token: str = _setting(
        values.text, "Bearer token for /metrics from elsewhere than loopback.", "", secret=True
    )
    dkim_dir: Path = _setting(
        Path, "Where our own DKIM keys are; by default `dkim` in the data directory."
    )
    dkim_selectors: tuple[str, ...] = _setting(
        values.urls, "Selectors the relay signs with; `doctor` looks their keys up.", ()
    )
    dns_server: str = _setting(
        values.text, "Resolver for `doctor`, host:port; by default the system's.", ""
    )
    trial_origins: tuple[str, ...] = _setting(
        values.urls, "Origins on private addresses that may be fetched in trial mode.", ()
    )
    ses_hook: tuple[str, ...] = _setting(
        values.urls, "Webhook of Amazon SES: the ARNs of our SNS topics.", ()
    )
    sendgrid_hook: tuple[str, ...] = _setting(
        values.urls, "Webhook of SendGrid: its public keys, base64.", ()
    )
    mailgun_hook: tuple[str, ...] = _setting(
        values.urls, "Webhook of Mailgun: the signing keys.", (), secret=True
    )
    postmark_hook: tuple[str, ...] = _setting(
        values.urls, "Webhook of Postmark: `user:password` or a token.", (), secret=True
    )
    brevo_hook: tuple[str, ...] = _setting(
        values.urls, "Webhook of Brevo: `user:password` or a token.", (), secret=True
    )
    generic_hook: tuple[str, ...] = _setting(
        values.urls, "Our own signed webhook: its keys.", (), secret=True
    )
    reference_header: str = _setting(
        values.header_name,
        "A header that carries the copy's reference, for providers that return no other.",
        "",
    )
    sign_up_work: str = _setting(
        values.one_of("on", "off"),
        "Whether forms have a visitor's browser do a moment's work, instead of a puzzle.",
        "on",
    )
    throwaway_addresses: str = _setting(
        values.one_of("slow", "refuse"),
        "What becomes of sign-ups from services for addresses of one day.",
        "slow",
    )
    log_level: str = _setting(values.level, "DEBUG, INFO, WARNING or ERROR.", "INFO")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment. Raises `SettingsError` with every fault at once.

        What it leaves open about ports and the public address is as `up` noted it in the data
        directory, so that a command beside a running `up` makes links that lead there.
        """
        env = os.environ if env is None else env
        env = _noted_addresses(env) | dict(env)
        given: dict[str, Any] = {}
        faults: list[str] = []
        for setting in fields(cls):
            name = PREFIX + setting.name.upper()
            try:
                text = _lookup(env, name)
                if text is not None:
                    given[setting.name] = setting.metadata["read"](text)
            except (ValueError, OSError) as error:
                faults.append(f"{name}: {error}.")
        if faults:
            raise SettingsError(faults)
        try:
            return cls(**given).completed()
        except OSError as error:
            raise SettingsError(
                [f"{PREFIX}DATA_DIR: must be a directory that can be written to ({error})."]
            ) from error

    def completed(self) -> "Settings":
        """Fill what follows from other settings; keeps keys of its own if none are given."""
        filled = {f.name: getattr(self, f.name) for f in fields(self)}
        data_dir = filled["data_dir"] = Path(self.data_dir).resolve()
        host = urlsplit(self.base_url).hostname or "localhost"
        is_name = not host.replace(".", "").isdigit() and ":" not in host
        filled["journal_dir"] = self.journal_dir or data_dir / "journal"
        filled["dkim_dir"] = self.dkim_dir or data_dir / "dkim"
        filled["database_url"] = self.database_url or f"sqlite:///{data_dir / 'newsletter.db'}"
        filled["bounce_domain"] = self.bounce_domain or (
            f"bounce.{host}" if is_name else "bounce.localhost"
        )
        filled["ehlo_name"] = self.ehlo_name or filled["bounce_domain"]
        if not (self.secret_key and self.address_key and self.link_keys):
            filled |= {k: v for k, v in kept_keys(data_dir).items() if not filled[k]}
        return Settings(**filled)

    @property
    def leaving_domain(self) -> str | None:
        """Where mail that asks to leave can come in; None while our domain is of this machine."""
        return None if self.bounce_domain.endswith("localhost") else self.bounce_domain

    @property
    def sandbox_url(self) -> str:
        """The mail sandbox as a relay."""
        host, port = self.sandbox_listen
        return f"smtp://{host}:{port}?tls=none"


def current() -> Settings:
    """The settings of the current application."""
    settings: Settings = current_app.extensions[KEY]
    return settings


def _lookup(env: Mapping[str, str], name: str) -> str | None:
    if env.get(name + "_FILE"):
        return Path(env[name + "_FILE"]).read_text().strip()
    return env.get(name) or None


def _noted_addresses(env: Mapping[str, str]) -> dict[str, str]:
    path = Path(env.get(PREFIX + "DATA_DIR") or "var") / ADDRESSES
    try:
        noted: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return noted
