"""What every process has: settings, logs, database, queue. A send worker has no more than this."""

from flask import Flask

from newsletter_service import logs, queue
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import engine_options, prepare_engine
from newsletter_service.settings import Settings


def create_core(settings: Settings | None = None, config: dict[str, object] | None = None) -> Flask:
    """An application without pages; `app.create_app` adds them, with their `config`."""
    settings = settings or Settings.from_env()
    app = Flask("newsletter_service", template_folder="web/templates", static_folder="web/static")
    app.extensions[settings_module.KEY] = settings
    app.config.from_mapping(config or {})
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)

    logs.init_app(app, settings)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    queue.init_app(app, settings.redis_url, settings.data_dir)
    return app
