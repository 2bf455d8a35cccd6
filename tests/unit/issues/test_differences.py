"""What has changed between two looks, part by part."""

from typing import Any

from newsletter_service.issues.differences import Change, between


def content(*blocks: tuple[int, str], subject: str = "Hej") -> dict[str, Any]:
    return {
        "texts": {"sv": {"subject": subject, "preheader": "", "introduction": ""}},
        "blocks": [
            {"id": one, "kind": "text", "data": {"sv": {"markdown": text}}} for one, text in blocks
        ],
    }


def test_nothing_differs_from_itself() -> None:
    one = content((1, "Ett"), (2, "Två"))
    assert between(one, one) == []


def test_words_are_marked_where_they_differ() -> None:
    found = between(content((1, "Öppet hus på onsdag")), content((1, "Öppet hus på torsdag")))

    assert (found[0].place, found[0].change) == ("block:1", Change.CHANGED)
    assert [(run.mark, run.text) for run in found[0].lines[0][1]] == [
        ("=", "Öppet hus på "),
        ("-", "onsdag"),
        ("+", "torsdag"),
    ]


def test_only_what_was_taken_elsewhere_counts_as_moved() -> None:
    found = between(
        content((1, "a"), (2, "b"), (3, "c"), (4, "d")),
        content((4, "d"), (1, "a"), (2, "b"), (3, "c")),
    )
    assert [(one.place, one.change) for one in found] == [("block:4", Change.MOVED)]


def test_new_and_removed_parts_show_their_words() -> None:
    found = between(content((1, "Gammal")), content((2, "Färsk"), subject="Hej igen"))

    assert [(one.kind, one.change) for one in found] == [
        ("subject", Change.CHANGED),
        ("text", Change.ADDED),
        ("text", Change.REMOVED),
    ]
    assert found[2].lines[0][1][0].text == "Gammal"


def test_before_a_first_look_nothing_is_compared() -> None:
    assert between({}, content((1, "a"))) == []


def test_in_whose_letter_a_part_stands_is_compared_where_it_was_kept() -> None:
    before, after = content((1, "Ett")), content((1, "Ett"))
    after["blocks"][0]["only_locale"] = "en"
    assert between(before, after) == []  # stored before it was kept

    before["blocks"][0]["only_locale"] = ""
    (found,) = between(before, after)
    assert found.change == Change.CHANGED
    assert [(name, [run.text for run in line]) for name, line in found.lines] == [
        ("only_locale", ["en"])
    ]
