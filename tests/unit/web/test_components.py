"""The components: what they promise to readers of screens and to the CSP."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

ROOT = Path(__file__).parents[3]
WEB = ROOT / "newsletter_service" / "web"
COMPONENTS = sorted((WEB / "templates" / "components").glob("*.html"))
FRAMES = sorted((WEB / "templates").glob("base_*.html"))

Render = Callable[..., str]


@pytest.fixture(scope="module")
def env() -> Environment:
    env = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    env.filters["numberformat"] = "{:,}".format
    env.globals.update(
        csrf_token=lambda: "the-token",
        csp_nonce=lambda: "the-nonce",
        url_for=lambda endpoint, filename: f"/{endpoint}/{filename}",
        get_flashed_messages=lambda with_categories: [("error", "It did not work.")],
    )
    return env


@pytest.fixture
def render(env: Environment) -> Render:
    def call(component: str, source: str, **values: Any) -> str:
        macros = re.findall(r"macro ([a-z]\w*)\(", (WEB / "templates" / component).read_text())
        head = f'{{% from "{component}" import {", ".join(macros)} %}}'
        return env.from_string(head + source).render(**values)

    return call


class _Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(markup: str, name: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in _Tags(markup).found if tag == name]


def show_all(env: Environment) -> str:
    return env.get_template("desk/components.html").render(
        nav=[{"label": "News", "url": "/desk/nyheter", "active": True}],
        brand={"name": "The park"},
        locale="en",
        trial=True,
        current_person={"name": "Anna", "email": "anna@example.org"},
    )


# -- content security policy -----------------------------------------------------------------


def test_r_8_6_no_component_has_inline_style_or_script(env: Environment) -> None:
    for tag, attrs in _Tags(show_all(env)).found:
        assert tag != "style"
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if tag == "script":
            assert attrs["src"]
            assert attrs["nonce"] == "the-nonce"


def test_htmx_is_told_to_evaluate_nothing_and_write_no_styles(env: Environment) -> None:
    config = next(meta for meta in tags(show_all(env), "meta") if meta.get("name") == "htmx-config")
    assert '"allowEval": false' in str(config["content"])
    assert '"includeIndicatorStyles": false' in str(config["content"])


def test_what_others_wrote_is_kept_with_its_licence() -> None:
    for vendor in (WEB / "static" / "vendor").iterdir():
        assert (vendor / "LICENSE").is_file()


# -- language --------------------------------------------------------------------------------


def test_no_template_formats_a_written_out_number() -> None:
    """Jinja works such a filter out when it compiles, in the language of the first request."""
    for template in (WEB / "templates").rglob("*.html"):
        assert not re.findall(r"\d ?\| ?number(?:format)?\b", template.read_text()), template


# -- documentation ---------------------------------------------------------------------------


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda path: path.name)
def test_every_macro_stands_in_the_documentation_with_its_arguments(component: Path) -> None:
    documented = (ROOT / "docs" / "components.md").read_text()
    for macro in re.findall(r"macro ([a-z]\w*\(.*?\)) -?%\}", component.read_text(), re.DOTALL):
        assert re.sub(r"\s+", " ", macro) in documented


def test_every_component_is_shown_on_the_components_page() -> None:
    in_use = (WEB / "templates/components/_showcase.html").read_text()
    in_use += "".join(page.read_text() for page in FRAMES)
    in_use += (WEB / "templates/desk/components.html").read_text()
    parts_of_others = {"_showcase.html", "csrf.html"}
    assert not [
        component.name
        for component in COMPONENTS
        if component.name not in in_use and component.name not in parts_of_others
    ]


# -- every id once, every label for something --------------------------------------------------


def test_the_page_with_everything_has_no_id_twice(env: Environment) -> None:
    ids = [attrs["id"] for _, attrs in _Tags(show_all(env)).found if attrs.get("id")]
    assert sorted(ids, key=str) == sorted(set(ids), key=str)


def test_what_points_at_an_id_finds_it(env: Environment) -> None:
    found = _Tags(show_all(env)).found
    ids = {attrs["id"] for _, attrs in found if attrs.get("id")}
    for _, attrs in found:
        for name in ("for", "aria-describedby", "aria-labelledby", "data-dialog", "data-selection"):
            assert set(str(attrs.get(name) or "").split()) <= ids


# -- single components -----------------------------------------------------------------------


def test_a_field_ties_hint_and_error_to_its_input(render: Render) -> None:
    markup = render(
        "components/field.html", '{{ field("email", "E-mail", type="email", hint="h", error="e") }}'
    )
    [box] = tags(markup, "input")
    assert box["aria-describedby"] == "email-hint email-error"
    assert box["aria-invalid"] == "true"
    assert (box["autocomplete"], box["inputmode"]) == ("email", "email")
    assert tags(markup, "label")[0]["for"] == "email"


def test_a_field_keeps_what_was_typed_and_escapes_it(render: Render) -> None:
    typed = '"><script>alert(1)</script>'
    markup = render("components/field.html", '{{ field("a", "A", typed) }}', typed=typed)
    assert tags(markup, "script") == []
    assert tags(markup, "input")[0]["value"] == typed


def test_a_text_area_keeps_a_first_empty_line(render: Render) -> None:
    markup = render("components/field.html", '{{ textarea("a", "A", "\\nText") }}')
    assert ">\n\nText</textarea>" in markup


def test_a_password_is_never_written_back(render: Render) -> None:
    markup = render("components/field.html", '{{ field("p", "P", "secret", type="password") }}')
    assert "secret" not in markup


def test_the_chosen_options_are_marked(render: Render) -> None:
    options = [(1, "One"), (2, "Two")]
    chosen = render("components/field.html", '{{ select("s", "S", o, value="2") }}', o=options)
    assert [option.get("value") for option in tags(chosen, "option") if "selected" in option] == [
        "2"
    ]
    group = render("components/field.html", '{{ check_group("s", "S", o, value=[1]) }}', o=options)
    assert [box["value"] for box in tags(group, "input") if "checked" in box] == ["1"]


def test_an_error_summary_leads_to_the_fields_and_is_absent_without_errors(render: Render) -> None:
    source = "{{ error_summary(errors) }}"
    markup = render("components/error_summary.html", source, errors={"email": "Enter an address."})
    assert tags(markup, "a")[0]["href"] == "#email"
    assert tags(markup, "div")[0]["role"] == "alert"
    assert render("components/error_summary.html", source, errors={}).strip() == ""


def test_a_button_is_a_link_only_when_it_leads_somewhere(render: Render) -> None:
    assert tags(render("components/button.html", '{{ button("Go", href="/x") }}'), "a")
    assert (
        tags(render("components/button.html", '{{ button("Go") }}'), "button")[0]["type"]
        == "submit"
    )
    barred = render("components/button.html", '{{ button("Go", href="/x", disabled=True) }}')
    assert "disabled" in tags(barred, "button")[0]


def test_a_button_that_posts_carries_the_token(render: Render) -> None:
    markup = render("components/button.html", '{{ post_button("Stop", "/stop", {"id": 7}) }}')
    hidden = {box["name"]: box["value"] for box in tags(markup, "input")}
    assert hidden == {"csrf_token": "the-token", "id": "7"}
    assert tags(markup, "form")[0]["method"] == "post"


def test_a_table_names_each_cell_for_phones(render: Render) -> None:
    columns = ["Queue", {"label": "Waiting", "numeric": True}]
    source = '{{ table("Queues", columns, [["send", "12"]]) }}'
    markup = render("components/table.html", source, columns=columns)
    [cell] = tags(markup, "td")
    assert (cell["data-label"], cell["class"]) == ("Waiting", "number")
    assert tags(markup, "caption")


def test_a_bad_notice_is_an_alert_and_a_good_one_a_status(render: Render) -> None:
    for kind, role in (("bad", "alert"), ("good", "status")):
        markup = render("components/notice.html", '{{ notice("x", kind, live=True) }}', kind=kind)
        assert tags(markup, "div")[0]["role"] == role


def test_a_statement_that_does_not_balance_says_so(render: Render) -> None:
    lines = [{"label": "Sent", "count": 9, "kind": "good"}, {"label": "Refused", "count": 0}]
    source = "{{ statement(audience, lines) }}"
    balanced = render("components/statement.html", source, audience=9, lines=lines)
    off = render("components/statement.html", source, audience=10, lines=lines)
    assert "does not balance" not in balanced
    assert "does not balance" in off


def test_plots_and_progress_stand_without_any_value(render: Render) -> None:
    assert render("components/plot.html", '{{ sparkline([], "Nothing yet") }}')
    assert render("components/plot.html", '{{ bars("Unsubscribed", []) }}')
    assert render("components/statement.html", "{{ statement(0, []) }}")
    assert tags(render("components/progress.html", '{{ progress("Sending", 0, 0) }}'), "progress")


def test_a_dialog_is_reached_without_javascript_by_a_page(render: Render) -> None:
    link = render("components/dialog.html", '{{ dialog_link("Change", "/change", "d") }}')
    assert tags(link, "a")[0] == {
        "class": "button button--secondary",
        "href": "/change",
        "data-dialog": "d",
    }
    page = render("components/dialog.html", '{% call dialog("d", "T", page=True) %}x{% endcall %}')
    assert tags(page, "section")
    assert not tags(page, "dialog")


def test_the_letter_is_framed_without_scripts(render: Render) -> None:
    [frame] = tags(render("components/mail_frame.html", '{{ mail_frame("/l", "T") }}'), "iframe")
    assert "allow-scripts" not in str(frame["sandbox"])
    assert frame["title"] == "T"


@pytest.mark.parametrize("frame", FRAMES, ids=lambda path: path.name)
def test_a_frame_stands_without_person_menu_or_logo(env: Environment, frame: Path) -> None:
    page = env.get_template(frame.name).render(brand={"name": "The park"}, locale="en")
    assert tags(page, "html")[0]["lang"] == "en"
    assert tags(page, "main")[0]["id"] == "main"
    assert "It did not work." in page
