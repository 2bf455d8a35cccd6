"""DKIM's private keys as files, one directory per domain, and which of them sign.

    <dkim_dir>/example.org/nl202611.pem      readable by its owner, or its group, only
    <dkim_dir>/example.org/selectors.json    {"signing": ["nl202611"], "left": {"nl202511": "…"}}

Every machine that sends needs the same directory. It is read again when it has changed, so that a
switch of keys is obeyed without a restart.
"""

import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from newsletter_service.mail.dkim import DkimKey

RSA_BITS = 2048
_STATE = "selectors.json"
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class DkimKeyError(Exception):
    """A key cannot be used or made; the message says which file and what to do."""


@dataclass(frozen=True)
class Selectors:
    """Which keys of a domain sign, and since when others do no longer."""

    signing: tuple[str, ...] = ()
    left: dict[str, datetime] = field(default_factory=dict)


class DkimKeys:
    """The keys below one directory."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._kept: dict[str, tuple[tuple[int, int], tuple[DkimKey, ...]]] = {}

    def signing(self, domain: str) -> tuple[DkimKey, ...]:
        """The keys that sign for a sender's domain: its own, or those of a domain above it.

        Empty where nobody gave us any. Raises `DkimKeyError`: what should be signed must not
        leave unsigned.
        """
        labels = domain.lower().split(".")
        for first in range(len(labels) - 1):
            name = ".".join(labels[first:])
            stamp = self._stamp(name)
            if stamp is None:
                continue
            kept = self._kept.get(name)
            if kept is None or kept[0] != stamp:
                found = tuple(self.key(name, each) for each in self.selectors(name).signing)
                kept = self._kept[name] = stamp, found
            if kept[1]:
                return kept[1]
        return ()

    def domains(self) -> list[str]:
        """The domains that have a directory."""
        if not self._place.is_dir():
            return []
        return sorted(path.name for path in self._place.iterdir() if _DOMAIN.fullmatch(path.name))

    def known(self, domain: str) -> list[str]:
        """The selectors of a domain that have a key."""
        return sorted(path.stem for path in self._folder(domain).glob("*.pem"))

    def key(self, domain: str, selector: str) -> DkimKey:
        """One key. Raises `DkimKeyError` where it is missing, damaged or open to others."""
        path = self._path(domain, selector)
        try:
            if path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
                raise DkimKeyError(f"{path} can be read by others: chmod 600 {path}.")
            private = load_pem_private_key(path.read_bytes(), None)
        except FileNotFoundError as error:
            raise DkimKeyError(
                f"{path} is missing: copy the directory of DKIM keys to this machine, too."
            ) from error
        except (OSError, ValueError, TypeError) as error:
            raise DkimKeyError(f"{path} cannot be read as a private key: {error}") from error
        if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
            raise DkimKeyError(f"{path} is neither an RSA nor an Ed25519 key.")
        return DkimKey(domain, selector, private)

    def selectors(self, domain: str) -> Selectors:
        """Which keys sign. Raises `DkimKeyError` for a damaged file."""
        path = self._folder(domain) / _STATE
        try:
            kept = json.loads(path.read_text())
            left = {name: datetime.fromisoformat(at) for name, at in kept["left"].items()}
            return Selectors(tuple(map(str, kept["signing"])), left)
        except FileNotFoundError:
            return Selectors()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DkimKeyError(f"{path} is damaged: restore it from the backup.") from error

    def make(self, domain: str, selector: str, kind: str) -> DkimKey:
        """Make a key, which does not sign yet. Raises `DkimKeyError` if there is one."""
        path = self._path(domain, selector)
        private: RSAPrivateKey | Ed25519PrivateKey = (
            generate_private_key(65537, RSA_BITS) if kind == "rsa" else Ed25519PrivateKey.generate()
        )
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(pem)
        except FileExistsError as error:
            raise DkimKeyError(f"{path} exists: choose another selector.") from error
        return DkimKey(domain, selector, private)

    def use(self, domain: str, selectors: Iterable[str], now: datetime) -> tuple[str, ...]:
        """Let these keys sign, and no others; returns those that signed before."""
        before = self.selectors(domain)
        signing = tuple(dict.fromkeys(selectors))
        for selector in signing:
            self.key(domain, selector)
        left = {name: before.left.get(name, now) for name in (*before.left, *before.signing)}
        self._write(domain, signing, {n: at for n, at in left.items() if n not in signing})
        return before.signing

    def forget(self, domain: str, selector: str) -> None:
        """Remove a key's file. Raises `DkimKeyError` while it signs."""
        kept = self.selectors(domain)
        if selector in kept.signing:
            raise DkimKeyError(f"{selector} signs for {domain}: let another key sign first.")
        self._path(domain, selector).unlink(missing_ok=True)
        self._write(domain, kept.signing, {n: at for n, at in kept.left.items() if n != selector})

    def _write(self, domain: str, signing: tuple[str, ...], left: dict[str, datetime]) -> None:
        """Whole or not at all: a worker may read at the same moment."""
        path = self._folder(domain) / _STATE
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        draft = path.with_suffix(f".{os.getpid()}")
        kept = {"signing": signing, "left": {name: at.isoformat() for name, at in left.items()}}
        draft.write_text(json.dumps(kept, indent=2) + "\n")
        draft.replace(path)

    def _stamp(self, domain: str) -> tuple[int, int] | None:
        try:
            found = (self._place / domain / _STATE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _folder(self, domain: str) -> Path:
        if not _DOMAIN.fullmatch(domain):
            raise DkimKeyError(f"{domain!r} is no domain; write it as A-labels, in lower case.")
        return self._place / domain

    def _path(self, domain: str, selector: str) -> Path:
        if not _SELECTOR.fullmatch(selector):
            raise DkimKeyError(f"{selector!r} is no selector; use a-z, 0-9 and hyphens.")
        return self._folder(domain) / f"{selector}.pem"
