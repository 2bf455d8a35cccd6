"""What providers report by webhook, read. Pure: a request's bytes and headers in, `Said` out.

`PROVIDERS` is the one door: each proves who speaks, then reads what is said (requirements 4c).
"""

from newsletter_service.bounces.providers import brevo, generic, mailgun, postmark, sendgrid, ses
from newsletter_service.bounces.providers.incoming import Incoming, NotGenuine, Provider
from newsletter_service.bounces.providers.said import Said

__all__ = ["PROVIDERS", "Incoming", "NotGenuine", "Provider", "Said"]

PROVIDERS: dict[str, Provider] = {
    "ses": ses.PROVIDER,
    "sendgrid": sendgrid.PROVIDER,
    "mailgun": mailgun.PROVIDER,
    "postmark": postmark.PROVIDER,
    "brevo": brevo.PROVIDER,
    "generic": generic.PROVIDER,
}
