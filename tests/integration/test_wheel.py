"""The service works from a wheel: everything it reads is inside, wherever it is started."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "newsletter_service"
MAIL = ROOT / "templates" / "email"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [made] = folder.glob("*.whl")
    return ZipFile(made)


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_package_and_every_mail(wheel: ZipFile) -> None:
    wanted = {f"newsletter_service/{name}" for name in files_below(PACKAGE)}
    wanted |= {f"newsletter_service/templates/email/{name}" for name in files_below(MAIL)}
    assert wanted - set(wheel.namelist()) == set()
    assert any(name.endswith("/sv/LC_MESSAGES/messages.mo") for name in wanted)


def test_a_database_is_made_from_the_wheel_in_any_directory(wheel: ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "installed")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "newsletter_service", "db", "upgrade"],
        cwd=elsewhere,
        env=kept | {"PYTHONPATH": str(tmp_path / "installed"), "NEWSLETTER_DATA_DIR": "data"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "data" / "newsletter.db").exists()
