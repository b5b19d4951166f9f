"""The coverage map believes a claim only where a test of ours really stands behind it."""

import json
from pathlib import Path

import pytest

from tests import coverage_map

ROOT = Path(__file__).resolve().parent.parent
ROWS = """id\tarea\ttitle
F001\tpinning\tExact pins
F002\tpinning\tTwo files
F003\timage\tSmall
S001\tscenario\tRelease
"""
PROVES = "import pytest\n\n@pytest.mark.feature('F001')\ndef test_it_holds():\n    assert 1 + 1 == 2\n"


@pytest.fixture
def mapped(tmp_path):
    """The map of a project with this test file, these declined rows and these other files."""

    def write_and_read(test: str = "", declined: str = "", **others: str) -> coverage_map.CoverageMap:
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests" / "requirements_ids.tsv").write_text(ROWS)
        (tmp_path / "tests" / "declined.md").write_text(f"| id | reason |\n|---|---|\n{declined}")
        (tmp_path / "tests" / "test_it.py").write_text(test)
        for name, text in others.items():
            (tmp_path / "tests" / f"{name}.py").write_text(text)
        return coverage_map.read_map(tmp_path)

    return write_and_read


def faults(found: coverage_map.CoverageMap) -> list[str]:
    return [str(fault) for fault in found.faults]


def test_our_own_claims_are_in_order():
    assert faults(coverage_map.read_map(ROOT)) == []


def test_every_row_of_the_runbooks_is_on_our_list():
    rows = coverage_map.read_rows(ROOT / coverage_map.ROWS)

    assert sum(id.startswith("F") for id in rows) == 747
    assert sum(id.startswith("S") for id in rows) == 118


def test_a_row_is_proved_declined_or_open(mapped):
    found = mapped(PROVES, "| F003 | someone else's |\n")

    assert {id: found.state(id) for id in found.rows} == {
        "F001": "proved", "F002": "open", "F003": "declined", "S001": "open",
    }  # fmt: skip
    assert found.proved == {"F001": ["tests/test_it.py::test_it_holds"]}
    assert found.faults == []


@pytest.mark.parametrize(
    "test",
    [
        "@mark.feature('F001', 'F002')\ndef test_a():\n    assert x\n",
        "@mark.feature('F001')\n@mark.feature('F002')\ndef test_a():\n    assert x\n",
        "pytestmark = [mark.feature('F001'), mark.feature('F002')]\ndef test_a():\n    assert x\n",
        "pytestmark = mark.feature('F001')\n@mark.feature('F002')\ndef test_a():\n    assert x\n",
        "@mark.feature('F001')\nclass TestA:\n    pytestmark = mark.feature('F002')\n"
        "    def test_a(self):\n        assert x\n",
        "@mark.parametrize('n', [param(1, marks=mark.feature('F001')), param(2, marks=[mark.feature('F002')])])\n"
        "def test_a(n):\n    assert n\n",
        "CASES = [param(1, marks=mark.feature('F001', 'F002'))]\n@mark.parametrize('n', CASES)\n"
        "def test_a(n):\n    assert n\n",
        "proves = mark.feature('F001', 'F002')\n@proves\nasync def test_a():\n    assert x\n",
    ],
)
def test_a_marker_is_read_wherever_pytest_reads_it(mapped, test):
    found = mapped("from pytest import mark, param\n" + test)

    assert sorted(found.proved) == ["F001", "F002"]
    assert found.faults == []


def test_an_unknown_row_is_refused_with_file_and_line(mapped):
    found = mapped(PROVES.replace("F001", "F999"), "| F998 | gone |\n")

    assert faults(found) == ["tests/declined.md:3: there is no row F998", "tests/test_it.py:3: there is no row F999"]


def test_a_row_is_not_both_proved_and_declined(mapped):
    assert faults(mapped(PROVES, "| F001 | not ours |\n")) == [
        "tests/test_it.py:3: F001 is proved here and declined in tests/declined.md"
    ]


def test_a_declined_row_has_a_reason_and_one_line(mapped):
    assert faults(mapped("", "| F001 | |\n| F002 | twice |\n| F002 | twice |\n")) == [
        "tests/declined.md:3: F001 is declined without a reason",
        "tests/declined.md:5: F002 is declined twice",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "check_pins([])",
        "assert True",
        "helper()",
        "raises(ValueError)",
        "seen = [1]\n    seen.sort()",
        "client.helper()",
        "test_it()",
    ],
)
def test_a_claim_without_an_assertion_is_refused(mapped, body):
    found = mapped(
        f"import pytest\ndef helper():\n    return 1\n@pytest.mark.feature('F001')\ndef test_it():\n    {body}\n"
    )

    assert faults(found) == ["tests/test_it.py:5: test_it carries a marker and asserts nothing"]


@pytest.mark.parametrize(
    "body",
    [
        "assert 1",
        "for n in range(3):\n        assert n",
        "with pytest.raises(ValueError):\n        int('x')",
        "pytest.fail('always')",
        "numpy.testing.assert_allclose(1, 1)",
        "helper()",
        "shared()",
        "through(shared)",
    ],
)
def test_an_assertion_counts_in_the_test_or_in_a_helper_of_ours(mapped, body):
    test = (
        "import numpy, pytest\nfrom tests.support import shared\n"
        "def helper():\n    assert 2 > 1\ndef through(check):\n    helper()\n"
        f"@pytest.mark.feature('F001')\ndef test_it():\n    {body}\n"
    ).replace("assert 1\n", "assert 1 + 1\n")

    assert mapped(test, support="def shared():\n    assert 2 > 1\n").faults == []


@pytest.mark.parametrize("mark", ["skip", "skip(reason='later')", "xfail", "xfail(strict=True)"])
def test_a_claim_on_a_test_that_never_passes_is_refused(mapped, mark):
    (fault,) = faults(mapped(PROVES.replace("@", f"@pytest.mark.{mark}\n@")))

    assert fault.endswith("test_it_holds carries a marker and is always skipped or expected to fail")


def test_a_claim_on_a_test_that_runs_on_some_systems_counts(mapped):
    found = mapped(PROVES.replace("@", "@pytest.mark.skipif(sys.platform == 'win32', reason='no fork')\n@"))

    assert (found.faults, list(found.proved)) == ([], ["F001"])


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("feature()", "feature() names no row"),
        ("feature(ROW)", "feature(ROW) should name a row as text, like F001"),
        ("feature('S001')", "feature('S001') should name a row as text, like F001"),
        ("scenario('F001')", "scenario('F001') should name a row as text, like S001"),
    ],
)
def test_a_marker_names_its_rows_as_plain_text(mapped, marker, reason):
    assert faults(mapped(PROVES.replace("feature('F001')", marker))) == [f"tests/test_it.py:3: {reason}"]


def test_a_marker_that_is_not_on_a_test_is_refused(mapped):
    found = mapped(
        PROVES.replace("test_it_holds", "holds"), support="import pytest\nx = pytest.mark.scenario('S001')\n"
    )

    assert faults(found) == [
        "tests/support.py:2: this marker is not on a test, so it proves nothing",
        "tests/test_it.py:3: this marker is not on a test, so it proves nothing",
    ]


def run(capsys, root: Path, *words: str) -> tuple[int, str, str]:
    return coverage_map.main(list(words), root), *capsys.readouterr()


def test_the_map_is_an_aligned_table_with_totals(mapped, tmp_path, capsys):
    mapped(PROVES, "| F003 | someone else's |\n")

    assert run(capsys, tmp_path)[1].splitlines() == [
        "area          rows    proved  declined      open",
        "image            1         0         1         0",
        "pinning          2         1         0         1",
        "scenario         1         0         0         1",
        "all              4         1         1         2",
    ]


def test_proved_rows_are_listed_with_their_tests_and_open_ones_with_their_titles(mapped, tmp_path, capsys):
    mapped(PROVES)
    _, out, _ = run(capsys, tmp_path, "--proved", "--open", "--area", "pinning")

    assert out.splitlines()[2:] == [
        "",
        "proved:",
        "  F001  Exact pins",
        "        tests/test_it.py::test_it_holds",
        "",
        "open:",
        "  F002  Two files",
    ]


def test_machines_get_the_same_as_json(mapped, tmp_path, capsys):
    mapped(PROVES)
    _, out, _ = run(capsys, tmp_path, "--json")
    document = json.loads(out)

    assert document["areas"][1] == {"area": "pinning", "rows": 2, "proved": 1, "declined": 0, "open": 1}
    assert document["open"] == ["F002", "F003", "S001"]


def test_a_fault_is_told_on_stderr_and_fails_the_run(mapped, tmp_path, capsys):
    mapped(PROVES.replace("F001", "F999"))
    code, _, err = run(capsys, tmp_path)

    assert (code, err) == (1, "tests/test_it.py:3: there is no row F999\n")


def test_an_area_that_is_not_there_is_a_usage_error(mapped, tmp_path, capsys):
    mapped()
    code, _, err = run(capsys, tmp_path, "--area", "pining")

    assert (code, err) == (2, "no area 'pining'; there are: image, pinning, scenario\n")
