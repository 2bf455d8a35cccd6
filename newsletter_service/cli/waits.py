"""Why readers wait, in plain words for a terminal."""

from newsletter_service.operations.waiting import Why

_SENTENCES = {
    "stopped": "everything is stopped by {actor}: {reason} (newsletter queues resume)",
    "list_window": "the newsletter's send window is shut",
    "relay_window": "{name} takes issues {window} only",
    "relay_warm_up": "{name} is being warmed up: {taken} of today's {limit}; all gone on {done_on}",
    "sender_warm_up": "the sender {name} is being warmed up: {taken} of today's {limit};"
    " all gone on {done_on}",
    "relay_slowed": "{name} asked us to slow down and has {percent} % of its speed",
    "group_slowed": "{name} asked us to slow down and has {percent} % of its speed: {reason}",
}


def sentence(why: Why) -> str:
    """One reason, and when it ends by itself."""
    said = _SENTENCES[why.code].format(**why.values)
    return f"{said}, until {why.until:%Y-%m-%d %H:%M} UTC" if why.until else said
