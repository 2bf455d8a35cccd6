"""Settings: read once from the environment, frozen, checked, all faults told at once.

Every setting is an environment variable `NEWSLETTER_<NAME>`; secrets may come from a file named
by `NEWSLETTER_<NAME>_FILE`. `docs/settings.md` lists them, and a test holds the two together.
"""

import base64
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app

PREFIX = "NEWSLETTER_"
ADDRESSES = "addresses.json"
KEY = "newsletter-settings"
KEY_BYTES = 32
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class SettingsError(ValueError):
    """The environment cannot be used; `faults` holds one sentence per fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("The settings cannot be used:\n" + "\n".join(f"- {f}" for f in faults))


def _text(value: str) -> str:
    return value.strip()


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (_WHOLE.fullmatch(value.strip()) and least <= int(value) <= most):
            raise ValueError(f"must be a whole number between {least} and {most}")
        return int(value)

    return read


def _urls(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _relays(value: str) -> tuple[str, ...]:
    """Addresses in outline; `mail.smtp.relay_url` reads them. A fault shows no password."""
    for url in _urls(value):
        _check_url(url, {"smtp", "smtps"}, "smtps://user:password@mail.example.org")
    return _urls(value)


def _redis(value: str) -> str:
    if urlsplit(value.strip()).scheme != "unix":
        _check_url(value.strip(), {"redis", "rediss"}, "redis://127.0.0.1:6379/0")
    return value.strip()


def _check_url(url: str, schemes: set[str], example: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port != 0  # raises for what is no number
    except ValueError:
        port_is_one = False
    if not port_is_one or parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be an address like {example}")


def _level(value: str) -> str:
    if value.strip().upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.strip().upper()


def _seconds(value: str) -> tuple[int, ...]:
    parts = [part.strip() for part in value.split(",")]
    if not all(_WHOLE.fullmatch(part) and int(part) >= 1 for part in parts):
        raise ValueError("must be whole seconds, comma-separated, each at least 1")
    return tuple(map(int, parts))


def _mode(value: str) -> str:
    if value not in {"trial", "live"}:
        raise ValueError("must be trial or live")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address like https://nyhetsbrev.example.org")
    return value.rstrip("/")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("must be a time zone like Europe/Stockholm") from error
    return value


def _endpoint(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not (host and _WHOLE.fullmatch(port) and int(port) < 65536):
        raise ValueError("must be host:port, such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _key(value: str) -> bytes:
    text = value.strip().rstrip("=").replace("+", "-").replace("/", "_")
    key = b"" if len(text) % 4 == 1 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(key) < KEY_BYTES or not _BASE64.fullmatch(text):
        raise ValueError(
            "must be at least 32 bytes, base64 (make one with `openssl rand -base64 32`)"
        )
    return key


def _key_ring(value: str) -> dict[int, bytes]:
    ring = {}
    for part in value.split(","):
        number, _, key = part.strip().partition(":")
        if not (_WHOLE.fullmatch(number) and int(number) < 256):
            raise ValueError("must be numbered keys like 1:key,2:key, with numbers from 0 to 255")
        ring[int(number)] = _key(key)
    return ring


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
    database_url: str = _setting(
        _text, "SQLAlchemy URL; by default SQLite in the data directory.", "", secret=True
    )
    redis_url: str = _setting(
        _redis, "Redis or Valkey; by default the embedded Valkey that `up` owns.", "", secret=True
    )
    smtp_url: tuple[str, ...] = _setting(
        _relays, "Relays, comma-separated; by default the mail sandbox.", (), secret=True
    )
    smtp_ca_file: str = _setting(_text, "Extra certificate authority for the relays, PEM.", "")
    smtp_connections: int = _setting(
        _number(1, 200), "Open connections per send worker and relay.", 10
    )
    smtp_messages_per_connection: int = _setting(
        _number(1, 100000), "Messages on one connection before it is closed.", 100
    )
    smtp_timeout: int = _setting(
        _number(0, 3600),
        "Seconds to wait in every SMTP phase; 0 means the times of RFC 5321.",
        0,
    )
    ehlo_name: str = _setting(_text, "Our name in EHLO; by default the bounce domain.", "")
    base_url: str = _setting(_http_url, "The service's public address.", "http://127.0.0.1:8000")
    bounce_domain: str = _setting(
        _text, "Domain of the return addresses; by default bounce. and the public host.", ""
    )
    listen: tuple[str, int] = _setting(
        _endpoint, "Where the web process listens.", ("127.0.0.1", 8000)
    )
    inbound_listen: tuple[str, int] = _setting(
        _endpoint, "Where the listener for bounces listens.", ("127.0.0.1", 2526)
    )
    sandbox_listen: tuple[str, int] = _setting(
        _endpoint, "Where the mail sandbox listens.", ("127.0.0.1", 2525)
    )
    mode: str = _setting(
        _mode, "trial: mail reaches staff and the sandbox only. live: to be switched live.", "trial"
    )
    secret_key: bytes = _setting(
        _key, "Signs sessions and seals pending links; may be rotated.", b"", secret=True
    )
    address_key: bytes = _setting(
        _key, "Keys the hashes of addresses; never change it, back it up.", b"", secret=True
    )
    link_keys: dict[int, bytes] = _setting(
        _key_ring,
        "Key ring of unsubscribe links and return addresses, `1:key,2:key`; never drop one.",
        {},
        secret=True,
    )
    timezone: str = _setting(_zone, "Time zone of schedules and pages.", "Europe/Stockholm")
    turn_seconds: int = _setting(_number(1, 600), "How long one send job works.", 30)
    lease_seconds: int = _setting(
        _number(5, 3600), "How long a claimed batch stays with a silent worker.", 60
    )
    batch_size: int = _setting(_number(1, 10000), "Deliveries in a batch.", 1000)
    retry_seconds: tuple[int, ...] = _setting(
        _seconds,
        "Waits between tries of one delivery; the last one repeats (R 2.37).",
        (60, 300, 900, 3600, 7200, 14400),
    )
    expiry_hours: int = _setting(
        _number(1, 240), "An issue is not sent later than this after its release (R 2.37).", 48
    )
    undo_seconds: int = _setting(
        _number(0, 3600), "How long a release can be undone before it starts.", 300
    )
    trusted_proxies: int = _setting(
        _number(0, 10), "How many reverse proxies stand in front (R 8.19).", 0
    )
    metrics_token: str = _setting(
        _text, "Bearer token for /metrics from elsewhere than loopback.", "", secret=True
    )
    dkim_selectors: tuple[str, ...] = _setting(
        _urls, "Selectors the relay signs with; `doctor` looks their keys up.", ()
    )
    dns_server: str = _setting(
        _text, "Resolver for `doctor`, host:port; by default the system's.", ""
    )
    trial_origins: tuple[str, ...] = _setting(
        _urls, "Origins on private addresses that may be fetched in trial mode.", ()
    )
    log_level: str = _setting(_level, "DEBUG, INFO, WARNING or ERROR.", "INFO")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment. Raises `SettingsError` with every fault at once.

        What it leaves open about ports and the public address is as `up` noted it in the data
        directory, so that a command beside a running `up` makes links that lead there.
        """
        env = os.environ if env is None else env
        env = _noted_addresses(env) | dict(env)
        values: dict[str, Any] = {}
        faults: list[str] = []
        for setting in fields(cls):
            name = PREFIX + setting.name.upper()
            try:
                text = _lookup(env, name)
                if text is not None:
                    values[setting.name] = setting.metadata["read"](text)
            except (ValueError, OSError) as error:
                faults.append(f"{name}: {error}.")
        if faults:
            raise SettingsError(faults)
        try:
            return cls(**values).completed()
        except OSError as error:
            raise SettingsError(
                [f"{PREFIX}DATA_DIR: must be a directory that can be written to ({error})."]
            ) from error

    def completed(self) -> "Settings":
        """Fill what follows from other settings; keeps keys of its own if none are given."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        data_dir = values["data_dir"] = Path(self.data_dir).resolve()
        host = urlsplit(self.base_url).hostname or "localhost"
        is_name = not host.replace(".", "").isdigit() and ":" not in host
        values["database_url"] = self.database_url or f"sqlite:///{data_dir / 'newsletter.db'}"
        values["bounce_domain"] = self.bounce_domain or (
            f"bounce.{host}" if is_name else "bounce.localhost"
        )
        values["ehlo_name"] = self.ehlo_name or values["bounce_domain"]
        if not (self.secret_key and self.address_key and self.link_keys):
            values |= {k: v for k, v in _kept_keys(data_dir).items() if not values[k]}
        return Settings(**values)

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


def _kept_keys(data_dir: Path) -> dict[str, Any]:
    """Keys of an installation that was given none: made once, readable by the owner only."""
    path = data_dir / "keys.json"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_keys(path)
    try:
        kept = json.loads(path.read_text())
        return {
            "secret_key": _key(kept["secret_key"]),
            "address_key": _key(kept["address_key"]),
            "link_keys": _key_ring(kept["link_keys"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        fault = f"{path} is damaged. Restore it from the backup: links already sent need its keys."
        raise SettingsError([fault]) from None


def _make_keys(path: Path) -> None:
    """Whole or not at all: another process may look at the same moment, and its keys win."""
    made = [base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() for _ in "123"]
    draft = path.with_name(f"keys.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(
            {"secret_key": made[0], "address_key": made[1], "link_keys": "1:" + made[2]}, file
        )
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
