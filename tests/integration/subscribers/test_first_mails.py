"""The one reminder and the welcome in the list's own words, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter_service.extensions import db
from newsletter_service.mail import letter
from newsletter_service.models import BounceEvent, NewsletterList, writing
from newsletter_service.operations import tidy
from newsletter_service.subscribers import first_mails, opt_in, opt_out, reminders
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.first_mails import FirstMails, TooLong
from newsletter_service.subscribers.links import Confirmed
from newsletter_service.tokens import unseal
from tests.integration.subscribers.parken import NOW, Desk

ANNA = "anna@example.org"
CONTEXT = RequestContext()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def sign_up(address: str = ANNA, slug: str = "nytt") -> None:
    opt_in.subscribe(slug, address, "sv", CONTEXT, NOW)


def choose(**wanted: object) -> None:
    first_mails.change(list_id(), FirstMails(**wanted), actor="ada@staff.test")  # type: ignore[arg-type]


def list_id() -> int:
    found = db.session.scalars(select(NewsletterList).where(NewsletterList.slug == "nytt")).one().id
    db.session.rollback()
    return found


def reminded(desk: Desk) -> int:
    return len(desk.notices("reminder"))


def test_r_5_14_nobody_is_reminded_unless_the_list_wants_it(desk: Desk) -> None:
    sign_up()
    assert reminders.remind_due(NOW + 3 * DAY) == 0


def test_r_5_14_one_reminder_after_two_days_and_never_another(desk: Desk) -> None:
    choose(reminder=True)
    sign_up()
    sign_up("bea@example.org", "jobb")  # a list that reminds nobody
    assert reminders.remind_due(NOW + 2 * DAY - HOUR) == 0
    assert reminders.remind_due(NOW + 2 * DAY) == 1
    for days in (2, 3, 5, 6.9):
        assert reminders.remind_due(NOW + days * DAY) == 0
    assert [each.address for each in desk.notices("reminder")] == [ANNA]
    raw = unseal(desk.settings.secret_key, desk.notices("reminder")[0].sealed or b"")
    assert isinstance(opt_in.confirm(raw, "sv", CONTEXT, NOW + 6.9 * DAY), Confirmed)


def test_a_reminders_link_lives_no_longer_than_the_first(desk: Desk) -> None:
    choose(reminder=True)
    sign_up()
    reminders.remind_due(NOW + 6 * DAY)
    assert desk.notices("reminder")[0].expires_at == NOW + 7 * DAY
    assert reminders.remind_due(NOW + 6.8 * DAY) == 0
    assert tidy.retain(NOW + 13.9 * DAY)["unconfirmed_sign_ups"] == 0
    assert tidy.retain(NOW + 14.1 * DAY)["unconfirmed_sign_ups"] == 1


def test_who_confirmed_left_blocked_or_bounced_is_not_reminded(desk: Desk) -> None:
    choose(reminder=True)
    for n in range(4):
        sign_up(f"a{n}@example.org")
    opt_in.confirm(desk.link(0), "sv", CONTEXT, NOW + HOUR)
    opt_in.block(desk.link(1), CONTEXT, NOW + HOUR)
    opt_out.unsubscribe(desk.leave_token("a2@example.org"), opt_out.Scope.LIST, CONTEXT, NOW + HOUR)
    with writing() as session:
        session.add(
            BounceEvent(
                address_key=desk.key("a3@example.org"), kind="hard", reason="userunknown",
                source="listener", at=NOW + HOUR,
            )
        )  # fmt: skip
    assert reminders.remind_due(NOW + 3 * DAY) == 0


def test_the_welcome_is_in_the_lists_own_words(desk: Desk) -> None:
    choose(subjects={"sv": " Hej  och\nvälkommen "}, texts={"sv": "Kul att **du** är här."})
    sign_up()
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)
    [notice] = desk.notices("welcome")
    frame = {"list": {"name": "Nytt", "organisation": "Parken"}, "footer": {"organisation": "P"}}
    made = letter.render("welcome", frame | notice.values, "sv")
    assert made.subject == "Hej och välkommen"
    assert "<strong>du</strong>" in made.html
    assert "Kul att" in made.text
    assert made.slots["unsubscribe_url"] in made.text


def test_a_list_may_send_no_welcome(desk: Desk) -> None:
    choose(welcome=False)
    sign_up()
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)
    assert desk.notices("welcome") == []
    with pytest.raises(TooLong) as fault:
        choose(texts={"sv": "x" * 3000})
    assert fault.value.fields == ["text_sv"]
