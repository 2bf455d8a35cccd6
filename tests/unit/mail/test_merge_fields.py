"""Fields in a letter's words: what is one, what an answer may be, and that neither does harm."""

import html
import time
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter_service.mail import dkim_check, merge_fields
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.headers import BadHeader
from newsletter_service.mail.letter import unmarked
from newsletter_service.mail.merge_fields import LONGEST_VALUE, Field, Marks, fit, written
from newsletter_service.mail.message import Letter, MissingValue, Prepared
from newsletter_service.mail.quoted import BadValue
from tests.unit.mail.test_message import FIXED, READER, lines_of, parts_of

HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "a\r\nBcc: everybody@example.org\r\n\r\nHej",
    "\u202egnp.exe\u2066\u200b",
    "{{ 7 * 7 }}{% for x in y %}",
    "{organisation|er}",
    "xslot0fffx",
    "=?utf-8?q?=0ABcc:_x?=",
    ".\r\n.\r\nQUIT",
    "-->\x00<!--",
    "å" * LONGEST_VALUE,
)


def found(text: str) -> list[Field]:
    return list(written(text))


def test_a_field_is_a_key_and_the_words_that_stand_in_for_it() -> None:
    assert found("Hej {organisation|er organisation}, och { ort | er ort }.") == [
        Field("organisation", "er organisation"),
        Field("ort", "er ort"),
    ]
    assert found("{organisation|}") == [Field("organisation", "")]


@pytest.mark.parametrize(
    "text",
    [
        *("{{ organisation }}", "{{organisation|er}}", "{% if a|b %}", "{organisation}", "{a|b"),
        *("{Organisation|er}", "{a b|c}", "{a|b\nc}", "{a|b|c}", "${a.b|c}", "{{{a|b}}}"),
    ],
)
def test_whatever_else_stands_in_braces_is_text(text: str) -> None:
    assert found(text) == []
    assert merge_fields.replaced(text, lambda _: "X") == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[a](https://x.se/{ort|b})",
            "[a](/{ort|b})",
            "[a](<{ort|b c}>)",
            "<https://x.se/{ort|b}>",
        ),
        *("https://x.se/?q={ort|b}", "www.x.se/{ort|b}", "mailto:{ort|b}@x.se", "[a]: /x/{ort|b}"),
    ],
)
def test_p10_no_address_is_filled_in(text: str) -> None:
    assert found(text) == []
    assert list(merge_fields.in_addresses(text))
    assert merge_fields.replaced(text, lambda _: "X") == text


@pytest.mark.parametrize("piece", ["](", "<:", "a.", "-a", "{a|", "://", "[a", "www."])
def test_a_text_made_to_be_slow_is_read_at_once(piece: str) -> None:
    text = "{" + piece * (20_000 // len(piece))
    began = time.process_time()
    assert not list(merge_fields.written(text))
    assert time.process_time() - began < 5.0, "a fifth of a second at most was seen"


def test_words_of_a_link_are_filled_in_and_its_address_is_not() -> None:
    text = "[Läs om {ort|er ort}](https://x.se/{ort|b})"
    assert merge_fields.replaced(text, lambda _: "X") == "[Läs om X](https://x.se/{ort|b})"


@pytest.mark.parametrize("text", ["{ort|b}", "a {x|{ort|b} }", "{ort|{ort|b}|}", "{a|}{b|c}"])
def test_somebody_else_s_text_holds_no_field(text: str) -> None:
    assert list(merge_fields.everywhere(text))
    assert not list(merge_fields.everywhere(merge_fields.inert(text)))


def test_a_mark_is_as_long_as_its_fallback_and_stands_for_one_field() -> None:
    marks = Marks()
    first = marks.put(Field("organisation", "er organisation"))
    again = marks.put(Field("organisation", "er organisation"))
    other = marks.put(Field("organisation", "ni"))
    assert first == again != other
    assert len(first) == len("er organisation")
    assert merge_fields.asked(marks.slots)["field:organisation|ni"].fallback == "ni"


@pytest.mark.parametrize("text", ["x\u202eslot0fx", "xs\x00lot0fx", "xslot0fx"])
def test_nothing_that_somebody_wrote_is_taken_for_a_mark(text: str) -> None:
    assert "xslot" not in unmarked({"a": [text]})["a"][0]


@pytest.mark.parametrize("answer", HOSTILE)
def test_what_may_stand_in_a_letter_is_one_short_line_with_nothing_hidden(answer: str) -> None:
    line = fit(answer)
    assert len(line) <= LONGEST_VALUE
    assert not set(line) & set("\r\n\x00\u202e\u2066\u200b")
    assert fit(line) == line


@pytest.mark.parametrize(
    "answer",
    [
        "ond.test/vinn",
        "Vinn på https://ond.test",
        "se www.ond.test nu",
        "anna@ond.test",
        "a" * 81,
        "\u202e",
        "",
    ],
)
def test_an_answer_that_advertises_or_fills_the_line_gives_way_to_the_fallback(answer: str) -> None:
    asked = {"s": Field("organisation", "er")}
    assert merge_fields.values(asked, {"organisation": fit(answer)}) == {"s": "er"}


def test_an_answer_that_looks_like_a_mark_is_not_filled_in_again() -> None:
    slots = {"a": "xslot0fx", "b": "xslot1fx"}
    said = merge_fields.filled(
        "xslot0fx och xslot1fx", slots, {"a": "xslot1fx", "b": "<b>"}, is_html=True
    )
    assert said == "xslot1fx och &lt;b&gt;"


KEY = DkimKey("example.org", "nl2", Ed25519PrivateKey.generate())
SLOT, OTHER = "field:organisation|er", "field:ort|er ort"
OWN = {SLOT: "xslot2fx", OTHER: "xslot3ffx"}
LETTER = Letter(
    subject="Nytt för xslot2fx på xslot3ffx",
    html='<html><title>xslot2fx</title><p title="xslot2fx">Hej xslot2fx, xslot3ffx</p>'
    "<a href='xslot0unsubscribeurlx'>xslot1addressx</a></html>",
    text="Hej xslot2fx\nxslot3ffx.\nxslot0unsubscribeurlx\n",
    locale="sv",
    slots={"unsubscribe_url": "xslot0unsubscribeurlx", "address": "xslot1addressx"} | OWN,
)
ANSWERS = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), max_size=90
).map(fit)


@given(ANSWERS, ANSWERS)
@example(".", "..")
@example("a  b", "=20")
@example(fit("å" * 80), fit(' "x" <y>'))
def test_the_bytes_say_what_the_standard_library_says(first: str, second: str) -> None:
    given_ = {SLOT: first, OTHER: second}
    values = dict(READER.values) | given_
    raw = Prepared.of(LETTER, FIXED).message(READER._replace(values=values))
    message, text, page = parts_of(raw)
    plain = EmailMessage(policy=SMTP)
    plain["Subject"] = " ".join(f"Nytt för {first} på {second}".split())
    plain.set_content(merge_fields.filled(LETTER.text, LETTER.slots, values, is_html=False))
    escaped = {name: html.escape(value) for name, value in values.items()}
    plain.add_alternative(
        merge_fields.filled(LETTER.html, LETTER.slots, escaped, is_html=False), subtype="html"
    )
    plain_text, plain_page = (part.get_content() for part in plain.iter_parts())
    assert lines_of(text) == lines_of(plain_text)
    assert lines_of(page) == lines_of(plain_page)
    assert str(message["Subject"]) == str(plain["Subject"])
    assert len(message.keys()) == len({name.lower() for name in message})
    head, _, body = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if line.startswith((b"S", b" =?")))


@pytest.mark.parametrize("answer", [one for one in HOSTILE if "\n" in one or "\0" in one])
def test_a_line_break_that_got_so_far_stops_the_message(answer: str) -> None:
    values = dict(READER.values) | dict.fromkeys(OWN, answer)
    with pytest.raises((BadHeader, BadValue)):
        Prepared.of(LETTER, FIXED).message(READER._replace(values=values))


def test_a_copy_without_its_values_is_never_made() -> None:
    with pytest.raises(MissingValue):
        Prepared.of(LETTER, FIXED).message(READER)


@given(ANSWERS)
def test_a_personal_subject_is_signed(answer: str) -> None:
    prepared = Prepared.of(LETTER, FIXED)
    values = dict(READER.values) | dict.fromkeys(OWN, answer)
    signed = prepared.message(READER._replace(values=values), prepared.seal([KEY]))
    assert dkim_check.fault(signed, KEY) == ""
    assert dkim_check.fault(signed.replace(b"Subject: ", b"Subject: Sj"), KEY) == "signature"


@pytest.mark.parametrize("room", [-1, 0, 1, 8, len("{organisation|er}") - 1])
def test_what_is_cut_is_cut_before_a_field_and_never_through_it(room: int) -> None:
    text = "Nytt till {organisation|er} i dag"
    start = text.index("{")
    assert merge_fields.shortened(text, start + room).rstrip() == "Nytt till"


def test_what_stands_whole_before_the_cut_stays() -> None:
    text = "Till {organisation|er} och {ort|er ort}"
    assert merge_fields.shortened(text, 300) == text
    assert merge_fields.shortened(text, text.index("}") + 1) == "Till {organisation|er}"
    assert merge_fields.shortened(text, 33) == "Till {organisation|er} och"
    assert merge_fields.shortened("Ö" * 301, 300) == "Ö" * 300


@pytest.mark.parametrize("fallback", ["https://park.test/a", "www.park.test", "a@park.test"])
def test_p10_an_address_behind_the_bar_would_be_a_link_for_some_and_is_found(fallback: str) -> None:
    assert [one.fallback for one in merge_fields.in_addresses(f"Hej {{ort|{fallback}}}")] == [
        fallback
    ]
    assert not list(merge_fields.in_addresses("Hej {ort|er ort}, och/eller {ort|1.5/2}"))


@pytest.mark.parametrize(
    "text",
    [
        "Se park.test/{ort|x}.",
        "info@{ort|park}",
        "{ort|x}@park.test",
        "http{ort|s}://park.test",
        "Se {ort|x}.park.test/a",
    ],
)
def test_p10_a_field_in_what_mail_programs_make_a_link_of_is_found(text: str) -> None:
    assert len(list(merge_fields.in_addresses(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Till {ort|er}, anna@park.test",
        "kl. 9/{ort|er}",
        "Hej {ort|er}. Se park.test/a.",
        "@ {ort|x}",
        "Läs park.test/a {ort|er}",
        "{ort|er}/{ort|er}",
        "**{ort|er}**:s dag",
    ],
)
def test_a_field_beside_an_address_is_no_part_of_it(text: str) -> None:
    assert not list(merge_fields.in_addresses(text))
