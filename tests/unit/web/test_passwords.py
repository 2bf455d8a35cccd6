"""What may be a password (R 8.8)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.accounts import passwords


@pytest.mark.parametrize(
    "password",
    [
        "tulpaner blommar sent i Umeå",
        "korrekt häst batteri klammer",
        "V4%kq!9zP#m2&Lw8",
        "日本語のパスワードはとても長いものです",
        "   leading spaces are fine   ",
    ],
)
def test_a_long_password_of_ones_own_is_taken(password: str) -> None:
    passwords.check(password)


@pytest.mark.parametrize("password", ["", "short", "fourteen chars"])
def test_asvs_6_2_1_fewer_than_fifteen_characters_are_refused(password: str) -> None:
    with pytest.raises(passwords.PasswordRefused, match="short"):
        passwords.check(password)


@pytest.mark.parametrize(
    "password",
    [
        "password12345678",
        "Lösenord123456789",
        "nyhetsbrev2026!!!",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "12345678901234567890",
        "qwertyuiopasdfghjkl",
        "sommarsommar2026",
    ],
)
def test_asvs_6_2_4_what_everybody_thinks_of_is_refused(password: str) -> None:
    with pytest.raises(passwords.PasswordRefused, match="common"):
        passwords.check(password)


def test_asvs_6_2_9_long_passwords_are_allowed() -> None:
    passwords.check("en lång mening om tulpaner " * 5)


def test_asvs_6_2_8_nothing_is_cut_off() -> None:
    kept = passwords.hashed("x" * 300 + "a")
    assert passwords.matches(kept, "x" * 300 + "a")
    assert not passwords.matches(kept, "x" * 300 + "b")


def test_asvs_11_4_2_passwords_are_kept_as_argon2id() -> None:
    kept = passwords.hashed("tulpaner blommar sent")
    assert kept.startswith("$argon2id$")
    assert not passwords.outdated(kept)


def test_no_password_matches_nobody() -> None:
    assert not passwords.matches("", "nobody has this password")
    assert not passwords.matches("broken", "x")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_taken_or_refused_and_never_breaks(password: str) -> None:
    with contextlib.suppress(passwords.PasswordRefused):
        passwords.check(password, [password[:5], "Ängsparken"])
