"""The check: a whole newsletter that passes, and for each rule one that breaks it (R part 7)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask_babel import force_locale

from newsletter_service.extensions import db
from newsletter_service.issues import editions, preflight
from newsletter_service.issues.checks.rule import Level
from newsletter_service.mail.message import Letter
from newsletter_service.models import Block, BlockKind
from tests.integration.issues import newsletters, spoiled
from tests.integration.issues.newsletters import Paper, Spoil, organisation, part, text
from tests.integration.issues.spoiled import CASES
from tests.world import World, world

K = BlockKind
MUCH_IN_ENGLISH = " ".join(
    f"House {n} gets new lights, fresh air and a kitchen where all who work here can eat."
    for n in range(12)
)
MUCH = " ".join(
    f"Hus {n} får nytt ljus, ny luft och ett kök där alla som arbetar i parken kan äta."
    for n in range(12)
)


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One installation for the whole file: nothing in it is ever committed."""
    folder = tmp_path_factory.mktemp("check")
    database = folder / "newsletter.db"
    database.write_bytes(sqlite_template.read_bytes())
    with world(f"sqlite:///{database}", folder) as made:
        made.readers(30)
        yield made


@pytest.fixture
def paper(place: World) -> Iterator[Paper]:
    """A newsletter with nothing to find fault with."""
    made = newsletters.good(place.list_id)
    yield made
    made.undo()
    db.session.rollback()


def test_a_good_newsletter_passes_without_even_a_tip(paper: Paper) -> None:
    assert paper.found() == set()


def test_every_rule_has_a_name_of_its_own_and_a_newsletter_that_breaks_it() -> None:
    names = [rule.name for rule in preflight.RULES]

    assert len(names) == len(set(names))
    assert set(names) == set(CASES)


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_finds_its_fault_and_says_what_to_do_in_both_languages(
    paper: Paper, rule: str
) -> None:
    CASES[rule][0](paper)

    mine = paper.findings(rule)
    assert mine
    said = set()
    for locale in ("sv", "en"):
        with force_locale(locale):
            words = mine[0].what, mine[0].remedy
        said.add(words)
        assert words[0].endswith((".", "”", "”.")) or rule == "not_rendered", words
        assert words[1].endswith("."), words
        assert "%(" not in "".join(words)
    assert len(said) == 2


def _long(paper: Paper) -> None:
    """Every kind of part, and some words more in each than anybody would write."""
    issue = paper.issue
    for block in list(issue.blocks):
        values = block.data["sv"]
        grown = {
            name: f"{values[name]} {MUCH}"
            for name in ("summary", "text", "by", "markdown", "place")
            if values.get(name) and block.kind not in (K.BUTTON, K.HEADING)
        }
        block.data = {"sv": values | grown}
        if block.kind in (K.TEXT, K.QUOTE):
            issue.blocks.append(Block(position=90, kind=block.kind, data=dict(block.data)))
    issue.text("sv").introduction += f"\n\n{MUCH}\n\n{MUCH}"


def _long_in_english(paper: Paper) -> None:
    """The same in a newsletter that is written in English alone."""
    spoiled.in_english(paper)
    paper.issue.newsletter.locales = ["en"]
    paper.issue.texts[:] = [one for one in paper.issue.texts if one.locale == "en"]
    for block in list(paper.issue.blocks):
        values = block.data["en"]
        grown = {
            name: f"{value} {MUCH_IN_ENGLISH}"
            for name in ("summary", "text", "by", "markdown", "place")
            if (value := values.get(name)) and block.kind not in (K.BUTTON, K.HEADING)
        }
        block.data = {"en": values | grown}
        if block.kind in (K.TEXT, K.QUOTE):
            paper.issue.blocks.append(Block(position=90, kind=block.kind, data=dict(block.data)))
    paper.issue.text("en").introduction += f"\n\n{MUCH_IN_ENGLISH}\n\n{MUCH_IN_ENGLISH}"


def _short(paper: Paper) -> None:
    """One line of one part, and as few words around it as pass for a letter."""
    words = {"markdown": "[Labbet öppnar](https://fjallangen.se/labb) i dag."}
    paper.issue.blocks[:] = [Block(position=1, kind=K.TEXT, data={"sv": words})]
    text(subject="Hej", preheader="Nytt", introduction="")(paper)


@pytest.mark.parametrize("spoil", [_long, _long_in_english, _short])
def test_r_7_1_to_7_10_the_longest_and_the_shortest_letter_pass(paper: Paper, spoil: Spoil) -> None:
    spoil(paper)

    report = paper.report()

    assert [(one.rule, one.place, one.values) for one in [*report.must, *report.should]] == []
    (letter,) = compose_letters(paper)
    assert len(letter.html) > (10_000 if spoil is _short else 35_000)
    assert letter.locale == ("en" if spoil is _long_in_english else "sv")


def compose_letters(paper: Paper) -> list[Letter]:
    db.session.flush()
    return list(editions.letters(db.session(), paper.issue).values())


def test_a_language_is_named_and_not_abbreviated(paper: Paper) -> None:
    CASES["translation_missing"][0](paper)

    for locale, word in (("sv", "(engelska)"), ("en", "(English)")):
        with force_locale(locale):
            assert word in paper.findings("translation_missing")[0].what


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_lets_pass_what_is_just_right(paper: Paper, rule: str) -> None:
    CASES[rule][1](paper)

    assert paper.findings(rule) == []


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "https://", "nyheter"),
        *("https://forskningsparken å.se/", "https://å.se/", "http://[::1", "mailto:"),
    ],
)
def test_an_address_that_nobody_can_open_blocks(paper: Paper, url: str) -> None:
    part(K.ITEM, url=url)(paper)

    assert paper.findings("link_broken")


@pytest.mark.parametrize("url", ["mailto:hej@park.se", "tel:+46701234567", "https://park.se/å?q=ö"])
def test_an_address_that_people_can_use_passes(paper: Paper, url: str) -> None:
    part(K.ITEM, url=url)(paper)

    assert paper.found() == set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8100/kryo", "https://www.example.com/kryo"])
def test_in_trial_mode_the_demos_own_addresses_pass(paper: Paper, url: str) -> None:
    organisation(live_at=None)(paper)
    part(K.ITEM, url=url, image_url="http://127.0.0.1:8100/labb.jpg")(paper)

    assert paper.found() == set()


@pytest.mark.parametrize(
    "words",
    [
        *("torsdag 3 december", "Torsdagen den 3 december 2026", "onsdag 24 feb.", "tors 3/12"),
        *("fredag 31 februari", "torsdagen den 3:e december", "3 december (torsdag)"),
        *("Thursday 3 December", "Thursday, December 3rd, 2026", "Thu 3 Dec", "2026-12-03 (Thu)"),
        *("the 3rd of December", "fredagen den 3 april 2026", "24/7", "1/2 liter", "hus 3"),
    ],
)
def test_a_weekday_that_fits_passes(paper: Paper, words: str) -> None:
    text(introduction=f"Vi ses {words} kl. 9")(paper)

    assert paper.findings("weekday_wrong", "day_passed_in_text") == []


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("torsdag 3 april 2026", "fredag"),
        ("Torsdagen den 3:e april 2026", "fredag"),
        ("tors 3/4 2026", "fre"),
        ("3 april 2026 (torsdag)", "fredag"),
        ("torsdag 2026-04-03", "fredag"),
        ("Thursday 3 April 2026", "friday"),
        ("Thursday, April 3, 2026", "friday"),
        ("Thurs the 3rd of April 2026", "fri"),
        ("onsdag 3 december", "torsdag"),
    ],
)
def test_a_weekday_that_is_another_is_named(paper: Paper, words: str, right: str) -> None:
    text(introduction=f"Mässan hålls {words} i aulan.")(paper)

    assert [one.values["weekday"] for one in paper.findings("weekday_wrong")] == [right]


def test_a_day_is_past_only_when_the_issue_leaves_after_it(paper: Paper) -> None:
    part(K.EVENT, starts_on="2026-11-25", last_day=None)(paper)
    assert paper.found() == set()

    paper.issue.send_at = newsletters.NOW + timedelta(days=3)
    assert paper.findings("day_passed")


def test_the_number_is_asked_for_and_not_mended(paper: Paper) -> None:
    CASES["many_more"][0](paper)

    (finding,) = paper.findings("many_more")
    assert (finding.kind, finding.values) == ("type_the_number", {"number": 30, "last": 19})


def test_where_a_second_person_approves_the_number_is_theirs_to_see(paper: Paper) -> None:
    CASES["many_more"][0](paper)
    paper.issue.newsletter.approval_required = True

    assert paper.findings("many_more") == []


def test_what_is_folded_away_is_no_finding_of_the_check(paper: Paper) -> None:
    CASES["spam_words"][0](paper)

    assert preflight.check(db.session(), paper.issue, newsletters.NOW) == []
    assert [one.level for one in paper.report().tips] == [Level.TIP]
