"""The only wiring: read it as a table of contents."""

from flask import Flask

from newsletter_service import logs, queue, web
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db, migrate
from newsletter_service.models import engine_options, prepare_engine
from newsletter_service.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The application of every process: web, workers, scheduler, commands."""
    settings = settings or Settings.from_env()
    app = Flask("newsletter_service", template_folder="web/templates", static_folder="web/static")
    app.extensions[settings_module.KEY] = settings
    app.config.from_mapping(web.flask_config(settings))
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)

    logs.init_app(app, settings)
    db.init_app(app)
    migrate.init_app(app, db)
    with app.app_context():
        prepare_engine(db.engine)
    queue.init_app(app, settings.redis_url, settings.data_dir)
    web.init_app(app, settings)
    return app
