"""Files that wait between their preview and their import: in the data directory, for a day."""

import os
import re
import secrets
import time
from pathlib import Path
from typing import BinaryIO

from newsletter_service import settings as settings_module

KEPT_S = 24 * 3600
_NAME = re.compile(r"[0-9a-f]{32}")
_CHUNK = 1024 * 1024


class Gone(LookupError):
    """No such file waits any more."""


def keep(stream: BinaryIO) -> str:
    """Store what was uploaded, readable to us alone; returns the name to find it by."""
    _forget_old()
    name = secrets.token_hex(16)
    handle = os.open(_path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
    return name


def open_kept(name: str) -> BinaryIO:
    """The file of a name. Raises `Gone`."""
    try:
        return _path(name).open("rb")
    except FileNotFoundError as error:
        raise Gone from error


def forget(name: str) -> None:
    """Remove a file; harmless when it is gone."""
    _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise Gone
    return _place() / name


def _place() -> Path:
    place = settings_module.current().data_dir / "uploads"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def _forget_old() -> None:
    for file in _place().iterdir():
        if file.stat().st_mtime < time.time() - KEPT_S:
            file.unlink(missing_ok=True)
