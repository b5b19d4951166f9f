"""A project is found from any folder below it; its settings and services are read or refused by name."""

from pathlib import Path

import pytest

from towpath.core.errors import Faulty, FormatTooNew, UsageError, VerificationRefused
from towpath.wiring import Project, find_project, open_project

TOML = 'format = "towpath/project/1"\nname = "bank"\n'


def project(folder: Path, toml: str = TOML, **environ: str) -> Project:
    (folder / "towpath.toml").write_text(toml)
    return open_project(folder, environ)


@pytest.mark.scenario("S059")
def test_a_project_is_found_from_any_folder_below_it(tmp_path: Path):
    project(tmp_path)
    (tmp_path / "services" / "churn").mkdir(parents=True)

    assert find_project(tmp_path / "services" / "churn", {}).root == tmp_path


def test_without_a_project_the_command_that_begins_one_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"there is no towpath\.toml in") as missing:
        find_project(tmp_path, {})
    assert "towpath new" in missing.value.hint


def test_unknown_and_wrong_settings_are_refused_all_at_once(tmp_path: Path):
    with pytest.raises(Faulty) as refused:
        project(tmp_path, 'format = "towpath/project/1"\nservices = "all"\nport = 3\n')

    assert [path for path, _ in refused.value.faults] == ["port", "name", "services"]


@pytest.mark.parametrize(
    ("toml", "error", "says"),
    [
        ("name = ", UsageError, "is not TOML"),
        ('name = "bank"', Faulty, 'format: is missing; write: format = "towpath/project/1"'),
        ('format = "other/1"', VerificationRefused, "is not a towpath/project file"),
        ('format = "towpath/project/2"\nname = "bank"', FormatTooNew, "reads up to towpath/project/1"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, toml: str, error: type, says: str):
    with pytest.raises(error, match=says):
        project(tmp_path, toml)


def test_a_wrong_service_names_those_there_are(tmp_path: Path):
    with pytest.raises(UsageError, match="bank has no service 'iris'; its services are: none yet"):
        project(tmp_path).service("iris")


def test_folder_and_service_are_named_alike(tmp_path: Path):
    folder = tmp_path / "services" / "rose"
    folder.mkdir(parents=True)
    source = Path(__file__).parents[1] / "examples/portfolio/services/iris/service.py"
    (folder / "service.py").write_text(source.read_text())

    with pytest.raises(UsageError, match="declares 'iris'"):
        project(tmp_path).service("rose")


def test_the_seed_is_the_flags_then_the_environments_then_42(tmp_path: Path):
    assert project(tmp_path).seed(None) == 42
    assert project(tmp_path, TOWPATH_SEED="7").seed(None) == 7
    assert project(tmp_path, TOWPATH_SEED="7").seed(1) == 1
    with pytest.raises(UsageError, match="TOWPATH_SEED is 'x'"):
        project(tmp_path, TOWPATH_SEED="x").seed(None)


def test_data_is_looked_for_where_the_flag_the_environment_and_the_settings_say(tmp_path: Path):
    found = project(tmp_path, TOML + 'data = ["raw"]\n', TOWPATH_DATA="/a:/b").data_folders(Path("/flag"))

    assert found == [Path("/flag"), Path("/a"), Path("/b"), tmp_path / "raw", tmp_path]


def test_the_state_is_its_owners_alone(tmp_path: Path):
    found = project(tmp_path)
    found.make_state()

    assert found.state == tmp_path / ".towpath"
    assert found.state.stat().st_mode & 0o777 == 0o700
