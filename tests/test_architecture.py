"""What holds for the whole house, whoever works in it."""

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from newsletter_service import jobs, schema
from newsletter_service.background import create_background
from newsletter_service.models import BlockKind
from newsletter_service.queue import QUEUES, WORK
from newsletter_service.settings import PREFIX, Settings
from scripts import check_translations

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "newsletter_service"
MAIL = ROOT / "templates" / "email"
MAIL_PARTS = {"subject.txt", "body.html", "body.txt"}
SHARED_BY_MAILS = {"_base", "blocks"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
PURE = {
    "address",
    "send_windows",
    "tokens",
    "base32",
    "hiding",
    "operators",
    "verdict_rules",
    "verdicts",
    "mail.dkim",
    "mail.dkim_check",
    "mail.reader_links",
    "mail.headers",
    "mail.letter",
    "mail.message",
    "mail.quoted",
    "mail.return_path",
    "bounces.classify",
    "bounces.formats",
    "bounces.mailbox_url",
    "bounces.parse",
    "bounces.providers",
    "bounces.summary",
    "delivery.adaptive",
    "delivery.pace",
    "delivery.retry",
    "issues.choice",
    "news.alike",
    "news.discover",
    "news.feeds",
}


def exists(module: str) -> bool:
    place = PACKAGE / module.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").exists()


def python_files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "versions" not in p.parts)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_point_down() -> None:
    # in a process of its own: it silences every logger of the one it runs in
    act = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    found = subprocess.run(
        [sys.executable, "-c", act], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


def test_every_pure_module_is_held_to_it() -> None:
    (contract,) = (c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "pure")
    held = {name.removeprefix("newsletter_service.") for name in contract["source_modules"]}

    assert held == {module for module in PURE if exists(module)}


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        shown(path)
        for path in sorted(PACKAGE.rglob("__init__.py"))
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_no_import_hides_in_a_function() -> None:
    hidden = [
        f"{shown(path)}:{inner.lineno}"
        for path in python_files()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


def test_every_mail_has_its_three_parts_and_nothing_else() -> None:
    folders = {path for path in MAIL.iterdir() if path.name not in SHARED_BY_MAILS}

    assert folders
    assert {f.name: {p.name for p in f.iterdir()} for f in folders} == {
        f.name: MAIL_PARTS for f in folders
    }


def test_every_kind_of_block_has_its_html_and_its_text() -> None:
    parts = {path.name for path in (MAIL / "blocks").iterdir()}

    assert parts == {f"{kind.value}.{part}" for kind in BlockKind for part in ("html", "txt")}


def test_every_part_of_the_base_is_used() -> None:
    sources = [p for p in (*MAIL.rglob("*"), *(PACKAGE / "mail").rglob("*.py")) if p.is_file()]
    texts = {path: path.read_text() for path in sources}
    orphans = [
        shown(part)
        for part in (MAIL / "_base").iterdir()
        if not any(part.name in text for path, text in texts.items() if path != part)
    ]

    assert orphans == []


@pytest.mark.parametrize("locale", check_translations.LOCALES)
def test_every_translation_is_complete(locale: str) -> None:
    assert check_translations.faults(locale) == []


def test_every_setting_is_documented_and_no_other() -> None:
    documented = set(
        re.findall(rf"`({PREFIX}[A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text())
    )
    known = {PREFIX + setting.name.upper() for setting in fields(Settings)}
    secrets = {
        f"{PREFIX}{setting.name.upper()}_FILE"
        for setting in fields(Settings)
        if setting.metadata["secret"]
    }

    assert known - documented == set()
    assert documented - known - secrets == set()


def test_every_kind_of_work_has_a_queue_and_every_queue_work() -> None:
    assert set(WORK.values()) == set(QUEUES)
    for name in QUEUES:
        assert set(jobs.of(name)) == {work for work, where in WORK.items() if where == name}


def test_migrations_have_one_head() -> None:
    assert len(ScriptDirectory(str(schema.MIGRATIONS)).get_heads()) == 1


def test_migrations_match_the_models(any_database_url: str, tmp_path: Path) -> None:
    settings = Settings.from_env(
        {"NEWSLETTER_DATABASE_URL": any_database_url, "NEWSLETTER_DATA_DIR": str(tmp_path)}
    )
    with create_background(settings).app_context():
        schema.check()


def test_every_dependency_is_locked_with_hashes() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(d for extra in extras.values() for d in extra)]
    names = {re.split(r"[\[<>=~ ]", requirement)[0] for requirement in wanted}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", LOCK, re.MULTILINE))

    assert names - locked == set()
    assert LOCK.count("==") <= LOCK.count("--hash=sha256:")


def test_the_lock_names_no_machine() -> None:
    assert re.findall(r"\w+://\S+|file:\S+|--(?:extra-)?index-url|--find-links", LOCK) == []


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)

    assert set(phony.split()) == set(explained)
