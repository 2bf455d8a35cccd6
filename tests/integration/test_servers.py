"""The servers that other tests stand on, and the guard that keeps tests on this machine."""

import smtplib
import socket
from pathlib import Path

import pytest
import sqlalchemy
from playwright.sync_api import Browser
from redis import Redis

from tests import network_guard
from tests.network_guard import ForbiddenInTestError
from tests.postfix_server import Postfix
from tests.servers import Postgres, eventually
from tests.smtp_sink import Sink


def test_each_test_gets_a_fresh_database_with_the_schema(any_database_url: str) -> None:
    engine = sqlalchemy.create_engine(any_database_url)
    tables = set(sqlalchemy.inspect(engine).get_table_names())
    engine.dispose()

    assert {"subscriber", "issue", "delivery", "alembic_version"} <= tables


@pytest.mark.postgres
def test_databases_do_not_see_each_other(postgres_server: Postgres) -> None:
    with postgres_server.database() as one, postgres_server.database() as other:
        first, second = sqlalchemy.create_engine(one), sqlalchemy.create_engine(other)
        with first.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE only_here (n integer)"))

        assert sqlalchemy.inspect(second).get_table_names() == []
        first.dispose()
        second.dispose()


def test_the_valkey_is_empty_and_answers(valkey_url: str) -> None:
    with Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


@pytest.mark.browser
def test_the_browser_shows_a_page(chromium: Browser, tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text("<title>Nyhetsbrev åäö</title>", encoding="utf-8")
    page = chromium.new_page()
    page.goto(page_file.as_uri())

    assert "Nyhetsbrev" in page.title()
    page.close()


@pytest.mark.postfix
def test_postfix_takes_unknown_users_and_returns_a_dsn(postfix: Postfix, smtp_sink: Sink) -> None:
    postfix.route("bounce.sender.test", smtp_sink.port)
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.sendmail(
            "token@bounce.sender.test",
            ["anna@reader.test", "nobody-here@reader.test", "someone@elsewhere.test"],
            b"Subject: Nyhetsbrev\r\n\r\nHej!\r\n",
        )

    assert eventually(lambda: len(smtp_sink.messages) > 0), postfix.log()
    (returned,) = smtp_sink.messages
    assert returned.rcpt_to == ["token@bounce.sender.test"]
    assert b"multipart/report" in returned.data
    assert b"Final-Recipient: rfc822; nobody-here@reader.test" in returned.data
    assert b"Final-Recipient: rfc822; anna@reader.test" not in returned.data
    assert eventually(lambda: "status=sent (delivered to file: /dev/null)" in postfix.log())


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as client, pytest.raises(ForbiddenInTestError, match="loopback"):
        client.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.org", 80)


def test_a_unit_test_reaches_nothing() -> None:
    with (
        network_guard.purity(),
        socket.socket() as client,
        pytest.raises(ForbiddenInTestError, match="unit test"),
    ):
        client.connect(("127.0.0.1", 80))
