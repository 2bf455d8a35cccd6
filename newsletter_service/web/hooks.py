"""Where providers post what became of our mail: proven, stored and answered; a worker reads it."""

import logging
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request

from newsletter_service import settings as settings_module
from newsletter_service.bounces import provider_events
from newsletter_service.bounces.providers import PROVIDERS, Incoming, NotGenuine
from newsletter_service.web.access import machine
from newsletter_service.web_extensions import limiter

log = logging.getLogger(__name__)
blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")


@blueprint.post("/<provider>")
@machine
@limiter.exempt
def take(provider: str) -> Response:
    """200 when stored, 403 without a proof, 503 while the signer's certificate is fetched."""
    settings = settings_module.current()
    if provider not in PROVIDERS or not provider_events.secrets_of(provider, settings):
        abort(404)
    headers = {name.lower(): value for name, value in request.headers.items()}
    incoming = Incoming(request.get_data(cache=False), headers, datetime.now(UTC))
    try:
        number = provider_events.accept(provider, incoming)
    except NotGenuine as error:
        log.warning("webhook_refused", extra={"provider": provider, "why": error.why})
        abort(403)
    except provider_events.CertificateWanted:
        return Response("Try again\n", 503, mimetype="text/plain", headers={"Retry-After": "5"})
    except ValueError:
        abort(400)
    log.info("webhook_stored", extra={"provider": provider, "events": number})
    return Response("OK\n", mimetype="text/plain")
