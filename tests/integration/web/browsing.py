"""What a person does in a browser, said to Flask's test client."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def csrf_token(page: TestResponse) -> str:
    """The token in a page's first form."""
    found = _TOKEN.search(page.get_data(as_text=True))
    assert found, "the page has no form"
    return found.group(1)


def submit(
    client: FlaskClient, page_url: str, data: dict[str, Any], action: str = ""
) -> TestResponse:
    """Open a page and send its form."""
    page = client.get(page_url)
    return client.post(action or page_url, data={"csrf_token": csrf_token(page)} | data)


def log_in(client: FlaskClient, link: str) -> TestResponse:
    """Open a one-time link and press its button."""
    path = link.removeprefix("http://localhost").removeprefix("https://localhost")
    answer = submit(client, path, {})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer
