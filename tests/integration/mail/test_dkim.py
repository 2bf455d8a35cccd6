"""Signatures, judged by dkimpy; the slow plain way is held against the fast one by it, too."""

import base64
import re
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings

from newsletter_service.mail.dkim import SIGNED, DkimKey, txt_strings, zone_line
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Letter, Prepared, Reader
from tests.dkim_oracle import verdicts
from tests.unit.mail.test_merge_fields import LETTER as ASKING
from tests.unit.mail.test_merge_fields import OWN
from tests.unit.mail.test_message import FIXED, LETTER, READER, URL, VALUES, letters


@cache
def keys() -> tuple[DkimKey, DkimKey]:
    return (
        DkimKey("example.org", "nl1", rsa.generate_private_key(65537, 2048)),
        DkimKey("example.org", "nl1e", ed25519.Ed25519PrivateKey.generate()),
    )


def records() -> dict[str, str]:
    return {key.name: key.record for key in keys()}


def signed(letter: Letter = LETTER, fixed: FixedHeaders = FIXED, reader: Reader = READER) -> bytes:
    prepared = Prepared.of(letter, fixed)
    return prepared.message(reader, prepared.seal(keys()))


def tags(raw: bytes) -> list[dict[str, str]]:
    """Every signature's tags, their folding removed."""
    head = raw.partition(b"\r\n\r\n")[0].decode()
    found = re.findall(r"(?m)^DKIM-Signature: ((?:.*(?:\r\n[ \t])?)+)\r\n", head + "\r\n")
    pairs = [re.sub(r"\s", "", value).split(";") for value in found]
    return [dict(pair.split("=", 1) for pair in each) for each in pairs]


def test_r_3_1_and_3_9_both_signatures_verify_and_the_rest_is_as_without_them() -> None:
    raw = signed()
    assert verdicts([raw], records()) == [[True, True]]
    assert raw.endswith(Prepared.of(LETTER, FIXED).message(READER))
    assert [each["a"] for each in tags(raw)] == ["rsa-sha256", "ed25519-sha256"]


def test_a_subject_that_differs_between_readers_is_signed_with_each() -> None:
    for answer in ("Vattenbolaget i Östra Å", "a  b", ".", "x" * 80):
        reader = READER._replace(values=dict(READER.values) | dict.fromkeys(OWN, answer))
        assert verdicts([signed(ASKING, reader=reader)], records()) == [[True, True]]


def test_r_3_2_the_tags_are_those_agreed_and_none_tells_the_time() -> None:
    for each, key in zip(tags(signed()), keys(), strict=True):
        assert list(each) == ["v", "a", "c", "d", "s", "h", "bh", "b"]
        assert (each["c"], each["d"], each["s"]) == (
            "relaxed/relaxed",
            "example.org",
            key.selector,
        )


def test_r_3_3_every_header_that_matters_is_named_twice() -> None:
    for each in tags(signed()):
        named = each["h"].split(":")
        assert {name: named.count(name) for name in named} == dict.fromkeys(SIGNED, 2)


def test_r_3_3_what_is_added_or_changed_on_the_way_is_seen() -> None:
    raw = signed()
    changed = [
        b"From: Somebody <else@example.com>\r\n" + raw,
        b"Reply-To: else@example.com\r\n" + raw,
        b"Cc: else@example.com\r\n" + raw,
        raw.replace(b"=One-Click", b"=Two-Clicks"),
        raw.replace(b"List-Unsubscribe: <https", b"List-Unsubscribe: <http"),
        raw.replace(b"To: anna.ek", b"To: anna.eka"),
        raw.replace(b"Avprenumerera", b"Avprenumerare"),
        raw + b"More\r\n",
    ]
    assert all(other != raw for other in changed)
    assert verdicts(changed, records()) == [[False, False]] * len(changed)


def test_what_servers_on_the_way_may_do_leaves_the_signatures_valid() -> None:
    raw = signed()
    travelled = b"Received: from a by b;\r\n\tThu, 3 Dec 2026 09:00:00 +0000\r\n" + raw
    refolded = raw.replace(b"MIME-Version: 1.0", b"mime-version:   1.0  ")
    assert verdicts([travelled, refolded], records()) == [[True, True]] * 2


def test_r_3_4_a_header_that_the_relay_replaces_is_not_signed_but_from_always_is() -> None:
    prepared = Prepared.of(LETTER, FIXED)
    raw = prepared.message(READER, prepared.seal(keys(), without=("message-id", "date", "from")))
    replaced = re.sub(rb"Message-ID: <.*?>", b"Message-ID: <other@relay.example>", raw)
    replaced = re.sub(
        rb"\r\nDate: .*?\r\n", b"\r\nDate: Fri, 4 Dec 2026 10:00:00 +0000\r\n", replaced
    )
    assert raw.count(b"Message-ID: <abc") > replaced.count(b"Message-ID: <abc")
    assert verdicts([raw, replaced], records()) == [[True, True]] * 2
    assert tags(raw)[0]["h"].split(":").count("from") == 2


def test_p_4_a_copy_made_again_has_the_same_signatures() -> None:
    assert signed() == signed()


def test_two_readers_share_a_seal_and_each_has_signatures_of_its_own() -> None:
    prepared = Prepared.of(LETTER, FIXED)
    seal = prepared.seal(keys())
    other = READER._replace(to="bo@example.org", message_id="<def@news.example.org>")
    raws = [prepared.message(reader, seal) for reader in (READER, other)]
    assert verdicts(raws, records()) == [[True, True]] * 2
    assert tags(raws[0])[0]["b"] != tags(raws[1])[0]["b"]


def test_a_notice_without_slots_or_list_headers_is_signed_too() -> None:
    letter = Letter("Hej", "<p>Hej  då</p>", "Hej \t då\n\n\n", "sv", {})
    raw = signed(letter, FixedHeaders("Parken", "hej@example.org", auto_submitted=True))
    assert verdicts([raw], records()) == [[True, True]]


def test_any_letter_and_any_value_is_signed_validly() -> None:
    raws: list[bytes] = []

    @given(letters(), VALUES)
    @settings(max_examples=60, deadline=None)
    def collect(letter: Letter, value: str) -> None:
        reader = READER._replace(values={"unsubscribe_url": URL, "address": value})
        raws.append(signed(letter, FIXED, reader))

    collect()
    assert verdicts(raws, records()) == [[True, True]] * len(raws)


@pytest.mark.parametrize("key", keys(), ids=["rsa", "ed25519"])
def test_r_3_6_a_record_is_cut_into_strings_that_join_to_it_again(key: DkimKey) -> None:
    strings = txt_strings(key.record)
    assert "".join(strings) == key.record
    assert all(0 < len(part) <= 255 for part in strings)
    assert len(strings) == (2 if key.kind == "rsa" else 1)
    assert re.findall('"(.*?)"', zone_line(key.name, key.record)) == strings
    length = len(base64.b64decode(key.public))
    assert length == 32 if key.kind == "ed25519" else length > 255
