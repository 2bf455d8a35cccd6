"""Dates told in Swedish and English words."""

from datetime import date

import pytest

from newsletter_service.news.when import Told, day_of, told

PUBLISHED = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("Panel om vård. Torsdag 3 december kl. 13 i Ljusgården.", date(2026, 12, 3)),
        ("Välkommen till frukost torsdagen den 14 januari", date(2027, 1, 14)),
        ("Öppet hus 10 december kl 16.30", date(2026, 12, 10)),
        ("Join us on Thursday, December 3rd at 9 am", date(2026, 12, 3)),
        ("Seminar: 12 January 2027 at 13:00", date(2027, 1, 12)),
        ("Webbinarium 2027-01-12 kl. 13", date(2027, 1, 12)),
        ("Konferens 7–8 maj 2027 i Lund", date(2027, 5, 7)),
    ],
)
def test_an_event_is_found_with_its_day(text: str, starts: date) -> None:
    assert told(text, PUBLISHED).starts_on == starts


@pytest.mark.parametrize(
    "text",
    [
        "Huset invigdes 3 mars 2020.",
        "Frukost tisdag 3 december kl. 8",  # that day is a Thursday
        "Bolaget grundades den 3 december och har 14 anställda",
        "Seminarium 31 februari kl. 9",
        "Version 3.12.2026 av rapporten",
        "",
    ],
)
def test_what_is_no_coming_event_is_left_alone(text: str) -> None:
    assert told(text, PUBLISHED).starts_on is None


@pytest.mark.parametrize(
    "text",
    [
        "Tävling! Sista dag 15 januari.",
        "Sista dag att lämna bidrag är 15 januari",
        "Skicka ditt bidrag senast den 15 januari.",
        "The deadline is 15 January 2027.",
        "Deadline: January 15",
        "Enter by 15 January",
        "Ansök senast 15 jan.",
    ],
)
def test_the_last_day_of_a_competition_is_found_and_is_no_event(text: str) -> None:
    assert told(text, PUBLISHED) == Told(last_day=date(2027, 1, 15))


def test_an_event_keeps_its_place_and_its_last_day_to_register() -> None:
    text = "Anmäl dig senast 27 november till frukosten 2 december kl. 8. Plats: Matsalen, plan 2."
    assert told(text, PUBLISHED) == Told(
        date(2026, 12, 2), None, "Matsalen, plan 2", date(2026, 11, 27)
    )


def test_several_days_have_an_end() -> None:
    assert told("Hackathon 7–9 maj 2027", PUBLISHED).ends_on == date(2027, 5, 9)


def test_machine_written_days_are_read() -> None:
    assert day_of("2026-12-03T13:00:00+01:00") == day_of("20261203T120000Z") == date(2026, 12, 3)
    assert day_of("2026-13-03") is day_of("soon") is day_of(None) is day_of(7) is None
