"""What every process has: settings, logs, database, queue. A send worker has no more than this.

`background.create_background` adds the languages, `app.create_app` the pages.
"""

from flask import Flask

from newsletter_service import logs, queue
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import engine_options, prepare_engine
from newsletter_service.settings import Settings

DEFAULT_LOCALE = "sv"


def create_core(settings: Settings | None = None, config: dict[str, object] | None = None) -> Flask:
    """An application without pages; `config` is for those who add them."""
    settings = settings or Settings.from_env()
    app = Flask("newsletter_service", template_folder="web/templates", static_folder="web/static")
    app.extensions[settings_module.KEY] = settings
    app.config.from_mapping(config or {})
    app.config["BABEL_DEFAULT_LOCALE"] = DEFAULT_LOCALE
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.timezone
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)

    logs.init_app(app, settings)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    queue.init_app(app, settings.redis_url, settings.data_dir)
    return app
