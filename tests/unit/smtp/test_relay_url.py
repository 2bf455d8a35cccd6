"""A relay's address is read strictly and never shows its password (R 2.28)."""

import pytest

from newsletter_service.mail.smtp.relay_url import BadRelayUrlError, RelayUrl, Tls, is_loopback

SECRET = "hemligt"


@pytest.mark.parametrize(
    ("text", "host", "port", "tls"),
    [
        ("smtp://127.0.0.1:2525?tls=none", "127.0.0.1", 2525, Tls.NONE),
        ("smtp://localhost?tls=none", "localhost", 25, Tls.NONE),
        ("smtp://[::1]:2525?tls=none", "::1", 2525, Tls.NONE),
        ("smtp://mail.example.org", "mail.example.org", 587, Tls.STARTTLS),
        ("smtp://mail.example.org:2587?tls=starttls", "mail.example.org", 2587, Tls.STARTTLS),
        ("smtp://mail.example.org?tls=required", "mail.example.org", 587, Tls.STARTTLS),
        ("smtp://mail.example.org:465", "mail.example.org", 465, Tls.IMPLICIT),
        ("smtps://mail.example.org", "mail.example.org", 465, Tls.IMPLICIT),
        ("smtps://MAIL.example.org:2465/?tls=required", "mail.example.org", 2465, Tls.IMPLICIT),
        ("smtps://post.åäö.example", "post.xn--4cab6c.example", 465, Tls.IMPLICIT),
    ],
)
def test_host_port_and_protection_are_read(text: str, host: str, port: int, tls: Tls) -> None:
    relay = RelayUrl.parse(text)
    assert (relay.host, relay.port, relay.tls) == (host, port, tls)


def test_credentials_are_percent_decoded() -> None:
    relay = RelayUrl.parse("smtps://anna%40example.org:a%2Fb%3Ac%C3%A5@mail.example.org")
    assert (relay.user, relay.password) == ("anna@example.org", "a/b:cå")


def test_a_ca_file_may_be_named() -> None:
    relay = RelayUrl.parse("smtps://mail.example.org?ca_file=/etc/our%20ca.pem")
    assert relay.ca_file == "/etc/our ca.pem"


@pytest.mark.parametrize(
    ("words", "signed", "unsigned"),
    [
        ("", True, set()),
        ("?dkim=all", True, set()),
        ("?dkim=none", False, set()),
        ("?dkim=ses", True, {"message-id", "date", "feedback-id"}),
        (
            "?dkim=ses&dkim_without=Reply-To",
            True,
            {"message-id", "date", "feedback-id", "reply-to"},
        ),
        ("?dkim_without=message-id:date", True, {"message-id", "date"}),
    ],
)
def test_r_3_4_what_our_signature_leaves_out_is_read(
    words: str, signed: bool, unsigned: set[str]
) -> None:
    relay = RelayUrl.parse("smtps://mail.example.org" + words)
    assert (relay.signed, relay.unsigned) == (signed, unsigned)


@pytest.mark.parametrize("words", ["dkim=some", "dkim_without=from", "dkim_without=a%20b"])
def test_what_cannot_be_left_out_of_a_signature_is_refused(words: str) -> None:
    with pytest.raises(BadRelayUrlError, match="dkim"):
        RelayUrl.parse("smtps://mail.example.org?" + words)


def test_neither_repr_nor_str_shows_credentials() -> None:
    relay = RelayUrl.parse(f"smtps://anna:{SECRET}@mail.example.org")
    assert SECRET not in repr(relay) + str(relay)
    assert "anna" not in repr(relay) + str(relay)
    assert str(relay) == "smtps://mail.example.org:465"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smtp://mail.example.org?tls=none", "a relay on this machine only"),
        ("smtp://192.0.2.1?tls=none", "a relay on this machine only"),
        ("smtp://localhost.example.org?tls=none", "a relay on this machine only"),
        (f"smtp://anna:{SECRET}@127.0.0.1?tls=none", "never sent without TLS"),
        ("smtp://127.0.0.1?tls=none&ca_file=/x", "no meaning"),
        ("smtp://mail.example.org?tls=maybe", "none, starttls or required"),
        ("smtps://mail.example.org?tls=none", "from the first byte"),
        ("smtp://mail.example.org?tls=starttls&tls=none", "wants one value"),
        ("smtp://mail.example.org?verify=no", "not 'verify'"),
        ("http://mail.example.org", "must begin with"),
        ("mail.example.org:25", "must begin with"),
        ("smtp://", "names no host"),
        ("smtp://:25", "names no host"),
        ("smtp://mail.example.org:0", "from 1 to 65535"),
        ("smtp://mail.example.org:99999", "from 1 to 65535"),
        ("smtp://mail.example.org:x", "from 1 to 65535"),
        ("smtp://mail..example.org", "not a host name"),
        ("smtp://mail.example.org\r\n.test", "blank or a control character"),
        (f"smtps://anna:{SECRET}/x@mail.example.org", "more after the host"),
        (f"smtps://anna:1/{SECRET}@mail.example.org", "more after the host"),
        (f"smtps://anna:{SECRET}%0d%0aRSET@mail.example.org", "control character"),
        ("smtps://anna@mail.example.org", "or neither"),
        (f"smtps://:{SECRET}@mail.example.org", "user name is empty"),
        ("smtp://[::1", "not a URL"),
    ],
)
def test_a_wrong_address_is_refused_in_a_sentence_without_the_password(
    text: str, sentence: str
) -> None:
    with pytest.raises(BadRelayUrlError) as caught:
        RelayUrl.parse(text)
    assert sentence in str(caught.value)
    assert SECRET not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::ffff:192.0.2.1", False),
        ("example.org", False),
    ],
)
def test_loopback_is_this_machine_and_no_other(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
