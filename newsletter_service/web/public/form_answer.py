"""How a form is shown and answered: as our page, in a frame, or as data for our script."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import g, jsonify, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList
from newsletter_service.subscribers import fields, forms, proofs
from newsletter_service.web import i18n
from newsletter_service.web.public import evidence, shown
from newsletter_service.web.public.evidence import FRAME, HONEYPOT, PAGE
from newsletter_service.web.public.form_theme import theme_path
from newsletter_service.web.public.form_words import promise
from newsletter_service.web.public.pages import alternate, page, path

TEMPLATES = {PAGE: "sign_up.html", FRAME: "frame.html"}
LONGEST_SHOWN = 320


@dataclass(frozen=True)
class Typed:
    """What the visitor sent; `suggested` is the spelling that was offered last time."""

    address: str = ""
    suggested: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "Typed":
        """From a form that came back."""
        others = {name: form[name] for name in form if name.startswith("field_")}
        return cls(form.get("email", ""), form.get("suggested", ""), others)


def form(
    newsletter: NewsletterList,
    way: str,
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
    suggestion: str = "",
) -> Response:
    """The form, filled in with what was typed."""
    typed, slug = typed or Typed(), newsletter.slug
    promised = promise(newsletter)
    made = page(
        TEMPLATES[way],
        422 if errors else 200,
        newsletter=newsletter,
        promise=promised,
        words=shown.sealed(slug, promised),
        fields=fields.of_list(db.session(), newsletter.id, shown=True),
        typed=typed.address[:LONGEST_SHOWN],
        others=typed.others,
        errors=errors or {},
        suggestion=suggestion,
        honeypot=HONEYPOT,
        stamp=evidence.stamp(slug, way),
        theme=theme_path(slug),
        works=proofs.is_on() and "font" not in request.args,  # the desk only looks at it
        alternate=alternate("subscribe", slug=slug) if way == PAGE else None,
    )
    return framed(made) if way == FRAME else made


def asked(newsletter: NewsletterList, way: str) -> Response:
    """Look in your inbox; the same for everybody."""
    locale = i18n.page_locale()
    if way == FRAME:
        return framed(
            page(
                "frame.html",
                newsletter=newsletter,
                asked=True,
                inbox=inbox(newsletter),
                theme=theme_path(newsletter.slug),
            )
        )
    if wants_data():
        texts = [_("Thank you. Look in your inbox."), inbox(newsletter)]
        return jsonify(state="asked", texts=texts)
    kept = forms.look_of(db.session(), newsletter.id, locale).return_url
    elsewhere = evidence.stamped() is None and evidence.origin() in evidence.known_origins()
    if kept and elsewhere and forms.origin_of(kept) in evidence.known_origins():
        return redirect(kept, 303)
    return redirect(path("asked", locale, slug=newsletter.slug), 303)


def wrong(
    newsletter: NewsletterList, way: str, typed: Typed, errors: Mapping[str, str]
) -> Response:
    """What is wrong, at its field."""
    if way == PAGE and wants_data():
        name, text = next(iter(errors.items()))
        return jsonify(state="wrong", field=name, texts=[text])
    return form(newsletter, way, typed, errors)


def suggest(newsletter: NewsletterList, way: str, typed: Typed, suggestion: str) -> Response:
    """Was another spelling meant? Suggested, never changed (R 6.11)."""
    if way == PAGE and wants_data():
        texts = [
            _("Did you mean %(address)s?", address=suggestion),
            _("If what you wrote is right, press Subscribe once more."),
        ]
        return jsonify(
            state="suggestion", texts=texts, suggestion=suggestion, yes=_("Yes, change it")
        )
    return form(newsletter, way, typed, suggestion=suggestion)


def inbox(newsletter: NewsletterList) -> str:
    """What to do now."""
    return str(
        _(
            "We have sent a letter with a link. Open it and press Confirm the subscription, and"
            " %(newsletter)s will come to you.",
            newsletter=newsletter.title(i18n.page_locale()),
        )
    )


def wants_data() -> bool:
    """Whether our script asks, which stays on the page of the other site."""
    return request.accept_mimetypes.best == "application/json"


def let_in(response: Response) -> Response:
    """Scripts of sites on the allow-list may read it; nobody else's, and never with cookies."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin and origin.lower() in evidence.known_origins():
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def framed(response: Response) -> Response:
    """Sites on the allow-list may show it in a frame, and so may the desk."""
    g.frame_ancestors = ["'self'", *sorted(evidence.known_origins())]
    return response
