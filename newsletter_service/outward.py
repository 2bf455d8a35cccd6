"""The guarded client as this installation may use it: every feature that fetches asks here."""

from newsletter_service import relays
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.safe_http import SafeClient


def client(max_bytes: int = SafeClient.max_bytes, timeout_s: float = 20.0) -> SafeClient:
    """A client; in trial mode the configured origins are let through (P13). Ends what was read."""
    settings = settings_module.current()
    allowed = frozenset() if relays.is_live(db.session()) else frozenset(settings.trial_origins)
    db.session.rollback()
    return SafeClient(allow_origins=allowed, max_bytes=max_bytes, timeout_s=timeout_s)
