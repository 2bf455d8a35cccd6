"""The `newsletter` command: the commands of `cli`, given the app that only `app` can make."""

import sys

from flask.cli import ScriptInfo

from newsletter_service import cli
from newsletter_service.app import create_app
from newsletter_service.settings import SettingsError


def main() -> None:
    """Run one command; those marked `with_appcontext` get the app, made when they need it."""
    try:
        cli.main(prog_name="newsletter", obj=ScriptInfo(create_app=create_app))
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
