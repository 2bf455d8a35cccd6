"""The pages: translate a request, call one verb, answer. Knows no SMTP and no feed."""

from types import ModuleType

from flask import Flask

from newsletter_service.settings import Settings
from newsletter_service.web import (
    access,
    auth,
    brand,
    errors,
    health,
    hooks,
    i18n,
    public,
    security,
)
from newsletter_service.web.desk import (
    approval,
    checks,
    components,
    composer,
    files,
    issues,
    letter_view,
    news,
    news_item,
    overview,
    people,
    report,
    review,
    sandbox,
    segments,
    settings_delivery,
    settings_fields,
    settings_first_mails,
    settings_forms,
    settings_pages,
    settings_privacy,
    settings_sending,
    settings_sources,
    start,
    subscribers,
    subscribers_files,
)
from newsletter_service.web.operations import bounces, drift, metrics

# One blueprint a module; each view in it declares who may use it (access.py).
AREAS: tuple[ModuleType, ...] = (
    health,
    hooks,
    brand,
    public,
    auth,
    start,
    overview,
    news,
    news_item,
    files,
    issues,
    composer,
    letter_view,
    review,
    checks,
    approval,
    report,
    settings_pages,
    settings_fields,
    settings_first_mails,
    settings_sources,
    settings_delivery,
    settings_forms,
    settings_privacy,
    settings_sending,
    people,
    sandbox,
    components,
    subscribers,
    subscribers_files,
    segments,
    drift,
    bounces,
    metrics,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the pages to the app, from the outermost guard inwards."""
    security.init_app(app, settings)
    i18n.init_app(app)
    auth.init_app(app)
    access.init_app(app)
    errors.init_app(app)
    brand.init_app(app)
    for area in AREAS:
        app.register_blueprint(area.blueprint)
