"""Addresses in letters: found in both parts, changed in both, tagged without breaking them."""

import pytest

from newsletter_service.mail.addresses_in import changed, listed, shown, tagged
from newsletter_service.mail.message import Letter

TAGS = {"utm_source": "nytt", "utm_medium": "email", "utm_campaign": "nr-12"}
LETTER = Letter(
    subject="Hej",
    html='<a class="x" href="https://park.test/a?b=1&amp;c=2">Läs</a>'
    '<a href="xslot0unsubscribeurlx">Lämna</a><a href="mailto:hej@park.test">Skriv</a>'
    '<v:roundrect arcsize="9%" href="https://park.test/knapp">'
    '<a style="x" href="https://park.test/b"> https://park.test/b</a>',
    text="Läs (https://park.test/a?b=1&c=2). Se https://park.test/b, och xslot0unsubscribeurlx",
    locale="sv",
    slots={},
)


def test_only_web_addresses_are_listed_each_once_as_browsers_read_them() -> None:
    assert listed(LETTER) == ["https://park.test/a?b=1&c=2", "https://park.test/b"]


def test_an_address_that_is_shown_is_told_apart() -> None:
    assert shown(LETTER) == {"https://park.test/b"}


def test_both_parts_are_changed_and_slots_and_full_stops_stay() -> None:
    made = changed(LETTER, lambda url: url.replace("park.test", "r.test") + '"&')

    assert 'href="https://r.test/a?b=1&amp;c=2&quot;&amp;"' in made.html
    assert 'arcsize="9%" href="https://r.test/knapp&quot;&amp;"' in made.html
    assert 'href="xslot0unsubscribeurlx"' in made.html
    assert '(https://r.test/a?b=1&c=2"&). Se https://r.test/b"&, och xslot0' in made.text


@pytest.mark.parametrize(
    ("address", "after"),
    [
        ("https://park.test", "https://park.test?{}"),
        ("https://www.park.test/a#del", "https://www.park.test/a?{}#del"),
        ("https://park.test/?q=å%20b", "https://park.test/?q=å%20b&{}"),
        ("https://annan.test/", "https://annan.test/"),
        ("https://ipark.test/", "https://ipark.test/"),
        (
            "https://park.test/?utm_source=egen",
            "https://park.test/?utm_source=egen&utm_medium=email&utm_campaign=nr-12",
        ),
    ],
)
def test_links_to_own_domains_are_tagged_and_no_others(address: str, after: str) -> None:
    tags = "utm_source=nytt&utm_medium=email&utm_campaign=nr-12"
    assert tagged(address, {"park.test"}, TAGS) == after.format(tags)
