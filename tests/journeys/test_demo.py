"""`newsletter demo` as anybody would run it: with its own news, with a feed of one's own."""

import subprocess
from pathlib import Path

from tests.journeys.whole_service import PROGRAM, environment

FEED = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Nytt från Älvparken</title>
  <id>urn:example:alvparken</id>
  <updated>2026-11-20T09:00:00Z</updated>
  <link href="https://alvparken.example.org/"/>
  <entry>
    <title>Prov &amp; svar på samma dag</title>
    <id>urn:example:alvparken:1</id>
    <updated>2026-11-20T09:00:00Z</updated>
    <link href="https://alvparken.example.org/nyheter/prov"/>
    <summary>Ett nytt labb svarar före kvällen.</summary>
  </entry>
  <entry>
    <title>Öppet hus i växthuset</title>
    <id>urn:example:alvparken:2</id>
    <updated>2026-11-18T08:00:00+01:00</updated>
    <link href="https://alvparken.example.org/nyheter/vaxthus"/>
    <content type="html">&lt;p&gt;Kom och se &lt;b&gt;växterna&lt;/b&gt;.&lt;/p&gt;</content>
  </entry>
</feed>
"""


def demo(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "demo", *options],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_demo_accounts_for_every_reader(tmp_path: Path) -> None:
    ran = demo(tmp_path, "--readers", "40")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "All 40 mails are in the sandbox, one for each reader." in ran.stdout
    assert "One reader left with one click." in ran.stdout


def test_the_demo_takes_a_feed_from_a_file(tmp_path: Path) -> None:
    feed = tmp_path / "feed.atom"
    feed.write_text(FEED)
    ran = demo(tmp_path, "--feed", str(feed), "--readers", "20")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 news came from Nytt från Älvparken" in ran.stdout


def test_the_demo_says_plainly_that_a_feed_cannot_be_read(tmp_path: Path) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_text("<rss><channel><item>")
    ran = demo(tmp_path, "--feed", str(feed), "--readers", "20")

    assert ran.returncode == 1
    assert "brought no news" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
