import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service import base32, tokens
from newsletter_service.hiding import hidden
from newsletter_service.tokens import BadToken, DeliveryRef, LinkKeys, NoticeRef, UnsubscribeTarget

OLD = LinkKeys({1: b"a" * 32})
KEYS = LinkKeys({1: b"a" * 32, 7: b"b" * 32})
HANDLES = st.binary(min_size=16, max_size=16)
IDS = st.integers(0, tokens.LARGEST_ID)
HANDLE = bytes(range(16))


@given(st.text(string.ascii_lowercase, min_size=1), st.binary(max_size=60))
def test_a_signed_payload_reads_back_in_either_case(purpose: str, payload: bytes) -> None:
    token = KEYS.sign(purpose, payload)
    assert KEYS.read(purpose, token) == payload
    assert KEYS.read(purpose, token.upper()) == payload


@given(st.binary(max_size=40))
def test_a_token_uses_only_letters_and_digits_that_survive_any_server(payload: bytes) -> None:
    assert set(KEYS.sign("x", payload)) <= set(string.ascii_lowercase + "234567")


@given(IDS, IDS, st.data())
def test_flipping_any_character_makes_a_bad_token(issue: int, n: int, data: st.DataObject) -> None:
    token = tokens.delivery_token(KEYS, issue, n)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567019-=é"))
    damaged = token[:place] + other + token[place + 1 :]
    if other != token[place]:
        with pytest.raises(BadToken):
            tokens.read_reference(KEYS, damaged)


@given(st.text(max_size=80))
def test_no_text_from_outside_passes_or_breaks_the_reader(text: str) -> None:
    with pytest.raises(BadToken):
        KEYS.read("unsubscribe", text)


def test_a_letter_that_only_lower_cases_to_ours_is_refused() -> None:
    token = next(found for n in range(1000) if "k" in (found := tokens.delivery_token(KEYS, 1, n)))
    with pytest.raises(BadToken):
        tokens.read_reference(KEYS, token.replace("k", "\N{KELVIN SIGN}", 1))


def test_a_cut_or_lengthened_token_is_refused() -> None:
    token = tokens.unsubscribe_token(KEYS, HANDLE, 12)
    for damaged in (token[:-1], token + "a", token + "=", token + "aaaaaaaa", " " + token, ""):
        with pytest.raises(BadToken):
            tokens.read_unsubscribe(KEYS, damaged)


def test_a_token_made_under_an_older_key_still_works() -> None:
    token = tokens.unsubscribe_token(OLD, HANDLE, None)
    assert tokens.read_unsubscribe(KEYS, token) == UnsubscribeTarget(HANDLE, None)


def test_a_token_under_a_key_we_never_had_is_refused() -> None:
    stranger = LinkKeys({7: b"c" * 32})
    with pytest.raises(BadToken):
        tokens.read_unsubscribe(KEYS, tokens.unsubscribe_token(stranger, HANDLE, None))
    with pytest.raises(BadToken):
        tokens.read_unsubscribe(OLD, tokens.unsubscribe_token(KEYS, HANDLE, None))


@given(st.lists(st.tuples(IDS, HANDLES), max_size=5), IDS)
def test_the_tokens_of_many_copies_are_those_made_one_by_one(
    copies: list[tuple[int, bytes]], issue: int
) -> None:
    made = tokens.of_copies(KEYS, issue, copies)
    assert made == [
        (
            tokens.unsubscribe_token(KEYS, handle, issue),
            tokens.preferences_token(KEYS, handle),
            tokens.delivery_token(KEYS, issue, n, purpose=tokens.MESSAGE_ID),
            tokens.delivery_token(KEYS, issue, n),
        )
        for n, handle in copies
    ]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_base32_is_that_of_the_standard_library_for_one_and_for_many(raws: list[bytes]) -> None:
    known = [base64.b32encode(raw).decode().rstrip("=").lower() for raw in raws]
    assert base32.encode_many(raws) == known == [base32.encode(raw) for raw in raws]


def test_a_token_serves_one_purpose_only() -> None:
    with pytest.raises(BadToken):
        tokens.read_preferences(KEYS, tokens.unsubscribe_token(KEYS, HANDLE, None))
    with pytest.raises(BadToken):
        tokens.read_reference(KEYS, tokens.delivery_token(KEYS, 1, 2), purpose=tokens.MESSAGE_ID)


@given(HANDLES, st.none() | IDS)
def test_an_unsubscribe_token_names_the_subscription_and_the_issue(
    handle: bytes, issue: int | None
) -> None:
    token = tokens.unsubscribe_token(KEYS, handle, issue)
    assert tokens.read_unsubscribe(KEYS, token) == UnsubscribeTarget(handle, issue)


@given(HANDLES)
def test_a_preferences_token_names_the_subscription(handle: bytes) -> None:
    assert tokens.read_preferences(KEYS, tokens.preferences_token(KEYS, handle)) == handle


@given(IDS, IDS, st.sampled_from([tokens.RETURN_PATH, tokens.MESSAGE_ID]))
def test_a_reference_names_its_delivery_or_notice(
    issue: int, n: int, purpose: tokens.Reference
) -> None:
    delivery = tokens.delivery_token(KEYS, issue, n, purpose)
    notice = tokens.notice_token(KEYS, n, purpose)
    assert tokens.read_reference(KEYS, delivery, purpose) == DeliveryRef(issue, n)
    assert tokens.read_reference(KEYS, notice, purpose) == NoticeRef(n)


def test_r_2_24_the_largest_ids_fit_a_local_part() -> None:
    largest = tokens.delivery_token(KEYS, tokens.LARGEST_ID, tokens.LARGEST_ID)
    assert len("b+" + largest) <= 64


def test_a_handle_of_another_length_is_refused_before_signing() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        tokens.preferences_token(KEYS, b"short")


@pytest.mark.parametrize("number", [-1, 2**63])
def test_an_id_outside_63_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not between"):
        tokens.notice_token(KEYS, number)


def test_a_key_ring_that_cannot_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="no link key"):
        LinkKeys({})
    with pytest.raises(ValueError, match="between 0 and 255"):
        LinkKeys({300: b"a" * 32})
    with pytest.raises(ValueError, match="shorter"):
        LinkKeys({1: b"a"})


def test_keys_and_secrets_do_not_show_when_printed() -> None:
    secret = tokens.new_secret()
    assert "aaaa" not in repr(KEYS)
    assert secret.raw not in repr(secret)


def test_a_secret_is_found_again_by_its_digest() -> None:
    one, other = tokens.new_secret(), tokens.new_secret()
    assert one.raw != other.raw
    assert len(one.raw) >= 43
    assert tokens.digest_of(one.raw) == one.digest
    assert len(one.digest) == 32


def test_what_is_sealed_is_unreadable_until_unsealed_with_its_key() -> None:
    sealed = tokens.seal(b"k" * 32, "https://example.org/confirm/åäö")
    assert b"confirm" not in sealed
    assert tokens.unseal(b"k" * 32, sealed) == "https://example.org/confirm/åäö"
    with pytest.raises(BadToken):
        tokens.unseal(b"l" * 32, sealed)
    with pytest.raises(BadToken):
        tokens.unseal(b"k" * 32, sealed[:-2] + b"AA")


def test_tokens_are_hidden_in_what_others_send_back() -> None:
    keys = LinkKeys({1: b"k" * 32})
    returned = tokens.delivery_token(keys, 7, 12)
    leaving = tokens.unsubscribe_token(keys, b"h" * 16, 7)
    secret = tokens.new_secret().raw
    broken = f"{leaving[:20]}=\r\n{leaving[20:]}"
    text = f"<b+{returned}@x> /unsubscribe/{leaving} /confirm/{secret} {broken}"
    shown = hidden(text)
    for token in (returned, leaving, secret):
        assert token[8:] not in shown
    assert leaving[20:] not in shown
    assert shown.startswith(f"<b+{returned[:6]}…@x>")


def test_ordinary_words_of_a_bounce_are_left_as_they_are() -> None:
    text = "550 5.1.1 user unknown\n------------------------------------\nmx-1234.example.org"
    assert hidden(text) == text
