"""The keys of an installation that was given none: made once, in a file only the owner reads."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from newsletter_service.settings import values
from newsletter_service.settings.errors import SettingsError


def kept_keys(data_dir: Path) -> dict[str, Any]:
    """The keys by setting, made at the first call. Raises `SettingsError` for a damaged file."""
    path = data_dir / "keys.json"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_keys(path)
    try:
        kept = json.loads(path.read_text())
        return {
            "secret_key": values.key(kept["secret_key"]),
            "address_key": values.key(kept["address_key"]),
            "link_keys": values.key_ring(kept["link_keys"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        fault = f"{path} is damaged. Restore it from the backup: links already sent need its keys."
        raise SettingsError([fault]) from None


def _make_keys(path: Path) -> None:
    """Whole or not at all: another process may look at the same moment, and its keys win."""
    made = [base64.urlsafe_b64encode(secrets.token_bytes(values.KEY_BYTES)).decode() for _ in "123"]
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
