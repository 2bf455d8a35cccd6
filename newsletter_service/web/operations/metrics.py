"""/metrics for Prometheus: from this machine, or with the token of the settings; else nothing."""

import hmac
from datetime import UTC, datetime
from ipaddress import ip_address

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST

from newsletter_service.operations import metrics
from newsletter_service.settings import current
from newsletter_service.web.access import public
from newsletter_service.web_extensions import limiter

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@public
@limiter.exempt
def scrape() -> Response:
    """All numbers. Whoever may not see them is told that there is no such page."""
    if not (_has_token() or _is_here()):
        abort(404)
    return Response(metrics.exposition(datetime.now(UTC)), content_type=CONTENT_TYPE_LATEST)


def _has_token() -> bool:
    token = current().metrics_token
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _is_here() -> bool:
    """From loopback and through no proxy: one in front of us would make everybody look local."""
    forwarded = {"X-Forwarded-For", "X-Real-Ip", "Forwarded"} & set(request.headers.keys())
    try:
        return not forwarded and ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
