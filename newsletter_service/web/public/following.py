"""A counted link: adds one to a total and leads on, to where the letter said and nowhere else.

This GET counts, the one thing that P10 lets it; it knows no reader. Whoever presses many links of
one letter within seconds is a scanner: what tells so is forgotten after those seconds.
"""

import hashlib
import hmac
import logging

import redis
from flask import Response, abort, make_response, redirect, request
from sqlalchemy.exc import SQLAlchemyError

from newsletter_service import queue
from newsletter_service.extensions import db
from newsletter_service.issues import clicks
from newsletter_service.settings import current
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import blueprint, network, unlisted

log = logging.getLogger(__name__)

TOO_FAST_S = 10
TOO_MANY = 3


@blueprint.get("/l/<int:issue_id>/<int:n>")
@public
def follow(issue_id: int, n: int) -> Response:
    """Count, and lead on; a counter that fails keeps nobody from the page."""
    try:
        url = clicks.target(db.session(), issue_id, n)
    except clicks.NoSuchLink:
        abort(404)
    agent = request.user_agent.string
    machine = clicks.is_machine(request.method, agent, dict(request.headers))
    try:
        rushed = set() if machine else _rushed(issue_id, n)
        clicks.count(issue_id, n, machine=machine or len(rushed) >= TOO_MANY)
        if len(rushed) == TOO_MANY:
            clicks.take_back(issue_id, rushed - {n})
    except SQLAlchemyError:
        log.exception("click_not_counted")
    response = unlisted(make_response(redirect(url, 302)))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _rushed(issue_id: int, n: int) -> set[int]:
    """Which links of the issue this visitor has pressed within seconds; none without a queue."""
    visitor = f"{network()} {request.user_agent.string}".encode()
    mark = hmac.new(current().secret_key, visitor, hashlib.sha256).hexdigest()[:32]
    key = f"pressed:{issue_id}:{mark}"
    try:
        store = queue.connection(queue.VISITORS_PATIENCE_S)
        with store.pipeline() as pipe:
            pipe.sadd(key, n)
            pipe.expire(key, TOO_FAST_S, nx=True)
            pipe.smembers(key)
            found = pipe.execute()[2]
    except (redis.exceptions.RedisError, queue.NoQueue):
        return set()
    return {int(one) for one in found}
