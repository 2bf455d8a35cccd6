"""Processes end at the worst moment; people at the doors notice nothing that stays."""

import os
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.whole_service import (
    A_PERSON_FILLS_IN_S,
    Running,
    Up,
    alive,
    link_in,
    person,
)
from tests.servers import eventually, listens

FORM = "/prenumerera/nyhetsbrev"


@pytest.mark.browser
def test_a_killed_web_process_comes_back_and_the_form_still_works(
    empty: Running, chromium: Browser
) -> None:
    empty.begin_newsletter("sv")
    page = person(chromium, empty.url, 320, javascript=False).new_page()
    page.goto(FORM)
    killed = empty.kill("web")
    time.sleep(A_PERSON_FILLS_IN_S)
    page.get_by_label("E-postadress").fill("anna.ek@reader.test")
    assert eventually(lambda: listens(empty.settings.listen[1]), 30)
    page.get_by_role("button", name="Prenumerera").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kolla din inkorg")
    assert empty.supervisor.pids()["web"] != killed
    link_in(empty.post.wait_for("anna.ek@reader.test", "Bekräfta"), "bekrafta/")


@pytest.mark.browser
def test_p1_without_the_queue_a_visitor_gets_the_same_answer_and_the_mail_comes_later(
    empty: Running, chromium: Browser
) -> None:
    page = person(chromium, empty.url, 320, javascript=False).new_page()
    page.goto(FORM)
    time.sleep(A_PERSON_FILLS_IN_S)
    page.get_by_label("E-postadress").fill("björn.dahl@reader.test")
    empty.kill_queue_server()
    page.get_by_role("button", name="Prenumerera").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kolla din inkorg")
    link_in(empty.post.wait_for("björn.dahl@reader.test", "Bekräfta"), "bekrafta/")


def test_up_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with Up(tmp_path, "--empty") as up:
        started = up.processes()
        assert len(started) > 8
        os.kill(up.process.pid, signal.SIGKILL)
        up.process.wait(10)
        assert eventually(lambda: not any(map(alive, started)), 15), [
            Path(f"/proc/{pid}/cmdline").read_text() for pid in started if alive(pid)
        ]


def test_up_that_is_told_to_stop_ends_within_twelve_seconds(tmp_path: Path) -> None:
    with Up(tmp_path, "--empty") as up:
        started = up.processes()
        began = time.monotonic()
        up.process.terminate()
        assert up.process.wait(20) == 0
        assert time.monotonic() - began < 12
        assert not any(map(alive, started))
