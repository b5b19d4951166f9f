"""towpath new: what it makes, what it refuses. That what it makes works is told in tests/stories."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Towpath
from towpath.wiring import open_project

REFUSED = ["9_Lives", "Ünder", "a" * 40, "", "../up", "shop\n"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to begin in."""
    folder = tmp_path / "shops"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("kind", ["tabular", "text"])
def test_an_empty_folder_becomes_a_project_with_a_service(towpath: Towpath, here: Path, kind: str):
    done = towpath("--json", "new", "corner-shop", "--kind", kind)

    assert done.data["files"] == [
        f"services/corner-shop/{name}"
        for name in ("examples.csv", "examples.py", "service.py", "tests/test_corner_shop.py")
    ]
    project = open_project(here, {})
    assert project.settings.name == "shops"
    assert project.service("corner-shop").name == "corner-shop"


def test_the_data_is_known_by_its_digest(towpath: Towpath, here: Path):
    towpath("new", "shop")
    home = here / "services/shop"

    digest = hashlib.sha256((home / "examples.csv").read_bytes()).hexdigest()
    assert f'sha256="{digest}"' in (home / "service.py").read_text()
    assert 'csv("services/shop/examples.csv", ' in (home / "service.py").read_text()


def test_nothing_of_the_template_is_left_to_fill_in(towpath: Towpath, here: Path):
    towpath("new", "shop")
    towpath("new", "mail", "--kind", "text")
    written = [path.read_text() for path in here.rglob("*") if path.suffix in (".py", ".toml")]

    assert len(written) == 7
    assert [text for text in written if re.search("SERVICE|DIGEST|FOLDER/|PROJECT", text)] == []


def test_the_same_name_makes_the_same_files_everywhere(towpath: Towpath, here: Path, tmp_path: Path):
    towpath("new", "shop")
    (tmp_path / "elsewhere").mkdir()
    towpath("--project", tmp_path / "elsewhere", "new", "shop")

    def content(root: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (root / "services").rglob("*") if path.is_file()}

    assert content(here) == content(tmp_path / "elsewhere")


def test_in_a_project_the_service_joins_the_others(towpath: Towpath, portfolio: Path, monkeypatch: pytest.MonkeyPatch):
    toml = (portfolio / "towpath.toml").read_text()
    monkeypatch.chdir(portfolio / "services" / "iris")
    done = towpath("new", "shop")

    assert done.code == 0
    assert (portfolio / "services/shop/service.py").is_file()
    assert (portfolio / "towpath.toml").read_text() == toml


def test_services_live_where_the_project_says(towpath: Towpath, here: Path):
    (here / "towpath.toml").write_text('format = "towpath/project/1"\nname = "x"\nservices = ["one", "models/all/*"]\n')
    towpath("new", "shop")

    assert 'csv("models/all/shop/examples.csv"' in (here / "models/all/shop/service.py").read_text()


def test_a_project_that_lists_its_services_one_by_one_is_told_how_to_change(towpath: Towpath, here: Path):
    (here / "towpath.toml").write_text('format = "towpath/project/1"\nname = "x"\nservices = ["one"]\n')
    done = towpath("new", "shop")

    assert done.code == 2
    assert 'services = ["services/*"]' in done.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        *((name, "use 1 to 39 of a-z, 0-9 and '-', beginning with a letter") for name in REFUSED),
        ("metrics", "'metrics' is the name of a route"),
    ],
)
def test_a_name_that_no_declaration_may_have_is_refused(towpath: Towpath, here: Path, name: str, says: str):
    done = towpath("new", name)

    assert done.code == 2
    assert says in done.err
    assert list(here.iterdir()) == []


def test_what_is_there_is_left_alone(towpath: Towpath, portfolio: Path):
    before = (portfolio / "services/iris/service.py").read_bytes()
    done = towpath("new", "iris")

    assert done.code == 6
    assert "is there already" in done.err
    assert (portfolio / "services/iris/service.py").read_bytes() == before


def test_a_service_is_there_whole_or_not_at_all(towpath: Towpath, here: Path, monkeypatch: pytest.MonkeyPatch):
    def disk_full(home: Path) -> str:
        raise OSError(28, "No space left on device", str(home))

    monkeypatch.setattr("towpath.cli.new.make_examples", disk_full)

    assert towpath("new", "shop").code == 8
    assert list((here / "services").iterdir()) == []
