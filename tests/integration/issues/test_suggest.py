"""The suggested issue, and the news it is made of."""

from datetime import timedelta

import pytest

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, suggest
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import Issue, Item, writing
from newsletter_service.news import desk as news_desk
from newsletter_service.news import sources, tabs
from tests.integration.issues.conftest import NOW
from tests.world import World


def _suggested(desk: World) -> Issue:
    made = suggest.suggest(suggest.Wish(desk.list_id), actor="anna@park.test", now=NOW)
    issue = db.session.get(Issue, made)
    assert issue is not None
    return issue


def _rows(desk: World, tab: str, search: str = "") -> list[tabs.Row]:
    return tabs.rows(desk.list_id, tabs.Wanted(tab, NOW, NOW.date(), search))


def _titles(issue: Issue) -> list[str]:
    return [b.data["sv"].get("title") or b.data["sv"]["text"] for b in issue.blocks]


@pytest.mark.usefixtures("news")
def test_a_suggestion_leads_with_the_picture_and_ends_with_what_happens_soonest(
    desk: World,
) -> None:
    issue = _suggested(desk)

    assert _titles(issue) == [
        *("Nytt labb i hus 3", "Vinn en lunch", "Händer snart", "Öppet hus", "Frukost om regler")
    ]
    assert issue.blocks[0].data["sv"]["lead"] is True
    assert issue.text("sv").subject == "Nytt labb i hus 3"
    assert issue.text("sv").preheader.startswith("Vinn en lunch · Öppet hus")
    assert [block.position for block in issue.blocks] == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("news")
def test_each_part_says_why_it_stands_there(desk: World) -> None:
    issue = _suggested(desk)

    assert [block.why for block in issue.blocks] == [
        *("lead:picture", "last_day", "", "event", "event")
    ]


def test_news_told_before_under_another_name_is_left_out(desk: World, news: list[int]) -> None:
    issue = _suggested(desk)
    elsewhere = sources.add(
        desk.list_id, sources.NewSource("https://bolag.test/feed"), actor="anna", now=NOW
    )
    with writing() as session:
        again = Item(source_id=elsewhere.id, guid="a", title="Nytt labb i Hus 3!", compared=True)
        fresh = Item(source_id=elsewhere.id, guid="b", title="Bolaget anställer tre", compared=True)
        for item in (again, fresh):
            item.published_at = item.fetched_at = item.changed_at = NOW
            session.add(item)

    (block,) = _suggested(desk).blocks
    assert block.data["sv"]["title"] == "Bolaget anställer tre"
    assert block.why == "lead:only"
    assert issue.number == 1


def test_summaries_fit_their_places(desk: World, news: list[int]) -> None:
    long = "En mening som är lagom lång och slutar med en punkt. " * 20
    with writing() as session:
        for item_id in news:
            session.get_one(Item, item_id).summary = long

    lead, closing, _heading, soon, _late = [b.values("sv") for b in _suggested(desk).blocks]
    assert 200 < len(lead["summary"]) <= 400
    assert 110 < len(closing["summary"]) <= 220
    assert 70 < len(soon["summary"]) <= 140
    assert lead["summary"].endswith(".")


@pytest.mark.usefixtures("news")
def test_what_an_issue_carries_is_not_suggested_again(desk: World) -> None:
    _suggested(desk)

    with pytest.raises(suggest.NothingNew):
        _suggested(desk)


@pytest.mark.usefixtures("news")
def test_numbers_follow_each_other_on_a_list(desk: World) -> None:
    first = _suggested(desk)
    second = suggest.empty(desk.list_id, actor="anna@park.test", now=NOW)

    assert (first.number, db.session.get_one(Issue, second).number) == (1, 2)


def test_news_stands_under_the_tab_it_belongs_to(desk: World, news: list[int]) -> None:
    today = NOW.date()
    counts = tabs.counts(desk.list_id, NOW, today)

    assert counts == {"new": 4, "coming": 3, "used": 0, "hidden": 1, "sent_in": 0}
    coming = _rows(desk, "coming")
    assert [row.item.title for row in coming] == ["Öppet hus", "Vinn en lunch", "Frukost om regler"]


@pytest.mark.usefixtures("news")
def test_used_news_says_in_which_issue(desk: World) -> None:
    issue = _suggested(desk)
    used = _rows(desk, "used")

    assert {number for row in used for number in row.used_in} == {issue.number}


@pytest.mark.usefixtures("news")
def test_a_search_takes_percent_signs_and_capitals_as_they_are_written(desk: World) -> None:
    assert [r.item.guid for r in _rows(desk, "new", search="LABB")] == ["story"]
    assert _rows(desk, "new", search="%") == []


def test_hidden_news_can_be_shown_again(desk: World, news: list[int]) -> None:
    news_desk.hide(news[:2], NOW)
    assert tabs.counts(desk.list_id, NOW, NOW.date())["hidden"] == 3

    news_desk.hide(news, None)
    assert tabs.counts(desk.list_id, NOW, NOW.date())["hidden"] == 0


def test_a_headline_typed_in_is_news_of_the_list(desk: World) -> None:
    item = news_desk.type_in(desk.list_id, news_desk.Typed("  Fika på <b>fredag</b> "), NOW)

    rows = _rows(desk, "new")
    assert [(row.item.id, row.item.title) for row in rows] == [(item, "Fika på fredag")]

    news_desk.change(item, news_desk.Typed("Fika på torsdag", url="https://park.se/fika"), NOW)
    assert _rows(desk, "new")[0].item.title == "Fika på torsdag"


def test_an_item_without_a_headline_is_refused(desk: World) -> None:
    with pytest.raises(ValueError, match="headline"):
        news_desk.type_in(desk.list_id, news_desk.Typed(" "), NOW)


def test_news_from_a_feed_is_not_changed_by_hand(desk: World, news: list[int]) -> None:
    with pytest.raises(LookupError):
        news_desk.change(news[0], news_desk.Typed("Annat"), NOW)


def test_news_is_added_to_a_draft_once(desk: World, news: list[int]) -> None:
    made = suggest.empty(desk.list_id, actor="anna@park.test", now=NOW)
    edit = Edit(1, "anna@park.test", NOW + timedelta(minutes=1))
    version = blocks.add_items(made, [news[0], news[3], news[0]], edit)
    blocks.add_items(made, [news[0]], Edit(version, "anna@park.test", NOW))

    issue = db.session.get_one(Issue, made)
    assert [block.kind for block in issue.blocks] == ["item", "event"]
    assert issue.blocks[1].data["sv"]["place"] == "Aulan"


def test_english_news_in_a_swedish_newsletter_keeps_its_words(desk: World, news: list[int]) -> None:
    with writing() as session:
        session.get_one(Item, news[0]).language = "en"
    made = suggest.empty(desk.list_id, actor="anna@park.test", now=NOW)
    blocks.add_items(made, [news[0]], Edit(1, "anna@park.test", NOW))

    block = db.session.get_one(Issue, made).blocks[0]
    assert block.values("sv")["title"] == db.session.get_one(Item, news[0]).title
