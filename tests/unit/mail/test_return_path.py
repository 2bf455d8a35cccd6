import pytest

from newsletter_service import tokens
from newsletter_service.mail import return_path

KEYS = tokens.LinkKeys({1: b"k" * 32})


@pytest.mark.parametrize("changed", [str, str.upper, str.title, lambda text: f"<{text}>"])
def test_r_2_24_a_bounce_finds_its_delivery_whatever_servers_did_to_the_case(changed) -> None:  # type: ignore[no-untyped-def]
    token = tokens.delivery_token(KEYS, 12, 345)
    sender = return_path.address(token, "bounce.example.org")
    found = return_path.token_of(changed(sender))
    assert found == token
    assert tokens.read_reference(KEYS, found) == tokens.DeliveryRef(12, 345)


@pytest.mark.parametrize("other", ["", "b+", "b+@example.org", "anna@example.org", "a+b@x.org"])
def test_an_address_that_is_no_return_path_has_no_token(other: str) -> None:
    assert return_path.token_of(other) is None
