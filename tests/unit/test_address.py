import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter_service import address
from newsletter_service.address import InvalidAddress, parse


def test_r_2_20_a_domain_with_swedish_letters_needs_no_smtputf8() -> None:
    found = parse("asa@åäö.se")
    assert found.envelope == "asa@xn--4cab6c.se"
    assert found.as_typed == "asa@åäö.se"
    assert not found.needs_smtputf8


def test_r_2_21_sharp_s_stays_a_domain_of_its_own() -> None:
    assert parse("x@faß.de").domain_ascii == "xn--fa-hia.de"


def test_an_a_label_reads_as_people_read_it() -> None:
    assert parse("x@xn--4cab6c.se").as_typed == "x@åäö.se"


def test_r_2_22_a_local_part_with_swedish_letters_is_kept_and_flagged() -> None:
    found = parse("Åsa@example.org")
    assert found.local == "Åsa"
    assert found.needs_smtputf8


def test_r_2_23_the_local_part_stays_as_typed_and_compares_without_case() -> None:
    found = parse("  Anna.Ek@Example.ORG ")
    assert found.envelope == "Anna.Ek@example.org"
    assert found.normalised == "anna.ek@example.org"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("anna", "no_at_sign"),
        ("a@b@example.org", "several_at_signs"),
        ("a\r\nBcc: b@example.org", "forbidden_character"),
        ("a\0@example.org", "forbidden_character"),
        ("a\u202e@example.org", "forbidden_character"),
        ("a" * 65 + "@example.org", "too_long"),
        ("å" * 33 + "@example.org", "too_long"),
        ("a@" + "b." * 130 + "org", "too_long"),
        ("a b@example.org", "local"),
        ('"a b"@example.org', "local"),
        ("a..b@example.org", "local"),
        (".a@example.org", "local"),
        ("@example.org", "local"),
        ("a@", "domain"),
        ("a@localhost", "domain"),
        ("a@example", "domain"),
        ("a@[127.0.0.1]", "domain"),
        ("a@-example.org", "domain"),
        ("a@exa mple.org", "domain"),
        ("a@example..org", "domain"),
        ("Anna <a@example.org>", "domain"),
    ],
)
def test_r_2_23_a_fault_is_named_by_its_code(text: str, code: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse(text)
    assert caught.value.code == code
    assert text.strip() == "" or text not in str(caught.value)


_ASCII = "abzAZ019_+-.=?'@x-"
_LABELS = st.one_of(
    st.sampled_from(["xn--4cab6c", "ab--c", "org", "test", "local", "Info", "é", "a" * 63]),
    st.text("abZ09-", max_size=5),
)


@given(
    st.one_of(st.sampled_from(["Info", "ABUSE", "a" * 64, "b" * 65]), st.text(_ASCII, max_size=6)),
    st.lists(_LABELS, max_size=5).map(".".join),
)
@example("a" * 63, ".".join(["b" * 63] * 3))
@example("a", "example.123")
@example("a", "home.arpa")
def test_a_plain_address_reads_as_the_validator_reads_it(local: str, domain: str) -> None:
    """The quick way is held against the slow one."""
    text = f"{local}@{domain}"
    plain = address._PLAIN.fullmatch(text)
    if plain is None or not address._is_plain(*plain.groups()):
        return
    slow = address._strictly(text)
    quick = parse(text)
    assert (quick.local, quick.domain_ascii, quick.domain_unicode) == (
        slow.local_part,
        slow.ascii_domain.lower(),
        slow.domain,
    )
    assert len(quick.envelope) <= address.LONGEST_ADDRESS


@given(st.text(max_size=300))
def test_r_2_12_no_accepted_address_can_break_a_header_or_an_envelope(text: str) -> None:
    try:
        found = parse(text)
    except InvalidAddress:
        return
    assert not set("\r\n\0 <>") & set(found.envelope)
    assert len(found.local.encode()) <= 64
    assert len(found.envelope.encode()) <= 254


@given(
    st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20})?@[a-z]{1,20}\.(se|org|test)", fullmatch=True)
)
def test_an_ordinary_address_is_its_own_normal_form(text: str) -> None:
    found = parse(text)
    assert found.normalised == found.envelope == found.as_typed == text


def test_addresses_nobody_reads_are_not_subscribed() -> None:
    assert address.refused_role(parse("Abuse@example.org"))
    assert address.refused_role(parse("postmaster+x@example.org"))
    assert address.refused_role(parse("mailer-daemon@example.org"))
    assert not address.refused_role(parse("info@example.org"))


def test_the_address_key_depends_on_the_address_and_the_key() -> None:
    one = address.address_key("a@example.org", b"k" * 32)
    assert len(one) == 32
    assert one == address.address_key("a@example.org", b"k" * 32)
    assert one != address.address_key("b@example.org", b"k" * 32)
    assert one != address.address_key("a@example.org", b"l" * 32)


def test_a_masked_address_shows_one_letter_and_the_domain() -> None:
    assert address.mask("anna@example.org") == "a•••@example.org"
    assert address.mask(parse("åsa@åäö.se")) == "å•••@åäö.se"


@pytest.mark.parametrize(
    ("typed", "likelier"),
    [
        ("a@gmial.com", "a@gmail.com"),
        ("a@gmail.con", "a@gmail.com"),
        ("Anna.Ek@gmai.com", "Anna.Ek@gmail.com"),
        ("a@hotmial.se", "a@hotmail.se"),
        ("a@outlok.com", "a@outlook.com"),
        ("a@tellia.com", "a@telia.com"),
        ("a@comhen.se", "a@comhem.se"),
        ("a@bredbannd.net", "a@bredband.net"),
        ("a@iclod.com", "a@icloud.com"),
        ("a@live.sse", "a@live.se"),
    ],
)
def test_r_6_11_a_slip_of_the_keys_gets_a_suggestion(typed: str, likelier: str) -> None:
    assert address.typo_suggestion(parse(typed)) == likelier


@pytest.mark.parametrize(
    "typed",
    ["a@gmail.com", "a@mail.com", "a@example.org", "a@live.dk", "a@love.se", "a@outlook.de"],
)
def test_r_6_11_a_real_domain_gets_none(typed: str) -> None:
    assert address.typo_suggestion(parse(typed)) is None


def test_people_see_the_letters_and_not_the_a_labels() -> None:
    assert address.readable("asa@xn--vrd-ula.test") == "asa@vård.test"
    assert address.readable("xn--vrd-ula.test") == "vård.test"
    assert address.readable("xn--asa@example.org") == "xn--asa@example.org"
    assert address.readable("a@xn--999999999.test") == "a@xn--999999999.test"
    assert address.mask("asa@xn--vrd-ula.test") == "a•••@vård.test"


def test_what_people_type_is_looked_for_as_it_is_stored() -> None:
    assert address.as_stored("åsa@vård.test") == "åsa@xn--vrd-ula.test"
    assert address.as_stored("vård.te") == "xn--vrd-ula.te"
    assert address.as_stored("asa") == "asa"
