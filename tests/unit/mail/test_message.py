import dataclasses
import html
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.address import parse
from newsletter_service.mail.message import (
    FixedHeaders,
    Letter,
    MissingValue,
    Prepared,
    Reader,
)
from newsletter_service.mail.quoted import BadValue, quoted_printable, room_for_a_soft_break, value

SLOTS = {"unsubscribe_url": "xslot0unsubscribeurlx", "address": "xslot1addressx"}
FIXED = FixedHeaders(
    from_name="Nytt från Exempelparken",
    from_address="news@example.org",
    reply_to="editors@example.org",
    list_id="nytt.example.org",
    list_name="Nytt från Exempelparken",
    list_help="https://example.org/help",
    list_owner="mailto:editors@example.org",
    list_archive="https://example.org/letters",
    feedback_id="i12:nytt:issue:exempel",
    unsubscribe_mailto="bounce.example.org",
)
URL = "https://news.example.org/unsubscribe/" + "a2" * 80
DATE = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
READER = Reader(
    to=parse("anna.ek@åäö.se").envelope,
    date=DATE,
    message_id="<abc@news.example.org>",
    values={"unsubscribe_url": URL, "address": "anna.ek@åäö.se"},
)
LETTER = Letter(
    subject="Testlabbet öppnar — och tolv nya jobb 🎄 i parken, läs mer i det här brevet",
    html="<p>Hej å</p>\n<p>xslot1addressx</p><a href='xslot0unsubscribeurlx'>Avprenumerera</a>",
    text="Hej å\n.\n..\n.hidden\nFrom here  \nxslot1addressx\n"
    "Avprenumerera: xslot0unsubscribeurlx\nslut",
    locale="sv",
    slots=SLOTS,
)
PLAIN_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"))
WORDS = st.text("abc åäö=.<&\"' \t\n🎄_-é?", max_size=400)
VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), max_size=200
) | st.text("ab =å.\t&<", max_size=120)


def parts_of(raw: bytes) -> tuple[EmailMessage, str, str]:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    text, page = message.iter_parts()
    assert (text.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    return message, text.get_content(), page.get_content()


def filled(content: str, values: dict[str, str], *, is_html: bool) -> str:
    for name, mark in SLOTS.items():
        content = content.replace(mark, html.escape(values[name]) if is_html else values[name])
    return content


def made_the_plain_way(letter: Letter, reader: Reader) -> EmailMessage:
    values = dict(reader.values)
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = letter.subject
    message.set_content(filled(letter.text, values, is_html=False), cte="quoted-printable")
    message.add_alternative(
        filled(letter.html, values, is_html=True), subtype="html", cte="quoted-printable"
    )
    return message


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    def body() -> str:
        runs = draw(st.lists(WORDS | PLAIN_TEXT | st.sampled_from([*SLOTS.values()]), max_size=8))
        return "".join(runs)

    return Letter("Ämne", body(), body(), "sv", SLOTS)


def lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


@given(letters(), VALUES)
def test_the_joined_bytes_say_what_a_message_made_the_plain_way_says(
    letter: Letter, value: str
) -> None:
    reader = READER._replace(values={"unsubscribe_url": URL, "address": value})
    raw = Prepared.of(letter, FIXED).message(reader)
    _, text, page = parts_of(raw)
    plain = made_the_plain_way(letter, reader)
    plain_text, plain_page = (part.get_content() for part in plain.iter_parts())
    assert lines_of(text) == lines_of(plain_text)
    assert lines_of(page) == lines_of(plain_page)


@given(letters(), VALUES)
def test_r_2_15_and_2_16_every_line_is_short_ascii_and_ended_by_crlf(
    letter: Letter, value: str
) -> None:
    reader = READER._replace(values={"unsubscribe_url": URL, "address": value})
    raw = Prepared.of(letter, FIXED).message(reader)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))


def test_r_2_3_every_header_stands_once_and_says_what_it_should() -> None:
    message, text, page = parts_of(Prepared.of(LETTER, FIXED).message(READER))
    assert len(message.keys()) == len({name.lower() for name in message})
    assert str(message["Subject"]) == LETTER.subject
    assert str(message["To"]) == "anna.ek@xn--4cab6c.se"
    assert message["From"].addresses[0].display_name == "Nytt från Exempelparken"
    assert message["Message-ID"] == "<abc@news.example.org>"
    assert parsedate_to_datetime(str(message["Date"])) == DATE
    assert message["Precedence"] == "bulk"
    assert message["List-Post"] == "NO"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Sender" not in message
    assert "\n.\n..\n.hidden\n" in lines_of(text)
    assert URL in text
    assert URL in page


def test_r_2_6_and_a_1_list_unsubscribe_is_raw_at_any_length() -> None:
    raw = Prepared.of(LETTER, FIXED).message(READER)
    token = URL.rpartition("/")[2]
    mailto = f"mailto:u+{token}@bounce.example.org?subject=unsubscribe"
    expected = f"\r\nList-Unsubscribe: <{URL}>,\r\n <{mailto}>\r\n"
    assert expected.encode() in raw


def test_r_1_11_the_one_click_header_is_exact() -> None:
    raw = Prepared.of(LETTER, FIXED).message(READER)
    assert raw.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1


def test_r_1_19_and_2_9_a_notice_carries_no_list_headers_and_says_it_is_automatic() -> None:
    fixed = FixedHeaders("Parken", "news@example.org", auto_submitted=True)
    message, *_ = parts_of(Prepared.of(LETTER, fixed).message(READER))
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.startswith(("List-", "Precedence"))]


def test_r_2_9_an_issue_does_not_say_it_is_automatic() -> None:
    message, *_ = parts_of(Prepared.of(LETTER, FIXED).message(READER))
    assert "Auto-Submitted" not in message


def test_p_4_two_calls_and_two_preparations_give_the_same_bytes() -> None:
    prepared = Prepared.of(LETTER, FIXED)
    assert prepared.message(READER) == prepared.message(READER)
    assert prepared.message(READER) == Prepared.of(LETTER, FIXED).message(READER)


def test_r_2_19_the_boundary_is_shared_by_readers_and_differs_between_letters() -> None:
    def boundary(letter: Letter) -> bytes:
        found = re.search(rb'boundary="(.*?)"', Prepared.of(letter, FIXED).message(READER))
        assert found
        return found[1]

    assert boundary(LETTER) == boundary(LETTER)
    assert boundary(LETTER) != boundary(dataclasses.replace(LETTER, text="annat"))


def test_a_value_is_escaped_in_html_and_left_alone_in_text() -> None:
    values = {"unsubscribe_url": "https://example.org/?a=1&b=2", "address": '"<b>"@example.org'}
    raw = Prepared.of(LETTER, FIXED).message(READER._replace(values=values))
    _, text, page = parts_of(raw)
    assert '"<b>"@example.org' in text
    assert "&quot;&lt;b&gt;&quot;@example.org" in page
    assert "https://example.org/?a=1&amp;b=2" in page


def test_two_readers_differ_in_their_own_values_only() -> None:
    prepared = Prepared.of(LETTER, FIXED)
    other = READER._replace(values={**READER.values, "address": "bo@example.org"})
    one, two = prepared.message(READER), prepared.message(other)
    differing = list(zip(one.split(b"\r\n"), two.split(b"\r\n"), strict=True))
    assert sum(a != b for a, b in differing) == 2


@pytest.mark.parametrize("value", ["a\r\nBcc: b", "a\nb", "a\rb", "a\0b"])
def test_r_2_12_a_value_with_a_line_break_or_nul_is_refused_unseen(value: str) -> None:
    prepared = Prepared.of(LETTER, FIXED)
    for name in SLOTS:
        reader = READER._replace(values={**READER.values, name: value})
        with pytest.raises(BadValue, match=name) as caught:
            prepared.message(reader)
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    "to", ["a@example.org\r\nBcc: b@example.org", "a b@example.org", "a@b@c", "<a@example.org>", ""]
)
def test_r_2_4_a_recipient_that_would_break_the_header_is_refused(to: str) -> None:
    with pytest.raises(BadValue):
        Prepared.of(LETTER, FIXED).message(READER._replace(to=to))


@pytest.mark.parametrize("url", ["https://a/b c", "https://a/>", "javascript:x", "https://a/å", ""])
def test_r_1_10_an_unsubscribe_link_no_client_would_follow_is_refused(url: str) -> None:
    values = {**READER.values, "unsubscribe_url": url}
    with pytest.raises(BadValue):
        Prepared.of(LETTER, FIXED).message(READER._replace(values=values))


@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=170))
def test_p_4_a_plain_value_is_encoded_as_any_other(text: str) -> None:
    assert value("any", text) == room_for_a_soft_break(quoted_printable(text.encode()))


def test_a_missing_value_is_named() -> None:
    with pytest.raises(MissingValue, match="address"):
        Prepared.of(LETTER, FIXED).message(READER._replace(values={"unsubscribe_url": URL}))
    with pytest.raises(MissingValue, match="unsubscribe_url"):
        Prepared.of(LETTER, FIXED).message(READER._replace(values={}))


def test_a_date_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 12, 3)  # noqa: DTZ001  (that is what is tested)
    with pytest.raises(BadValue, match="time zone"):
        Prepared.of(LETTER, FIXED).message(READER._replace(date=naive))


def test_r_2_22_a_local_part_outside_ascii_is_written_as_it_is() -> None:
    raw = Prepared.of(LETTER, FIXED).message(READER._replace(to=parse("åsa@example.org").envelope))
    assert "\r\nTo: åsa@example.org\r\n".encode() in raw


@pytest.mark.parametrize("last", ["a", "="])
def test_r_2_15_a_value_may_begin_where_a_line_is_full(last: str) -> None:
    fill = "b" * (76 - (3 if last == "=" else 1)) + last
    slots = {"unsubscribe_url": "xslot0x"}
    letter = Letter(subject="Nytt", html="", text=f"{fill}xslot0x", locale="sv", slots=slots)
    reader = READER._replace(values={"unsubscribe_url": URL})
    raw = Prepared.of(letter, FIXED).message(reader)
    body = raw.partition(b"\r\n\r\n")[2]

    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    _, text, _page = parts_of(raw)
    assert text.startswith(fill + URL)


@given(st.text(alphabet=".=ab å\n", max_size=300))
def test_no_line_of_a_copy_begins_with_a_dot(words: str) -> None:
    letter = Letter(subject="Hej", html=f"<p>{words}</p>", text=words, locale="sv", slots={})
    message = Prepared.of(letter, FIXED).message(READER)
    assert not any(line.startswith(b".") for line in message.split(b"\r\n"))
    body = message_from_bytes(message, policy=policy.SMTP).get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == words.rstrip("\n")
