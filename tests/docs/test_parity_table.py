"""The table of measured combinations is the benchmark's last full run, and shows every combination that there is."""

import importlib.util
import json
import sys
from types import ModuleType

import pytest

from tests.docs.pages import ROOT

RESULTS = json.loads((ROOT / "bench" / "results" / "parity.json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_parity", ROOT / "bench" / "parity.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_combination_of_the_benchmark_was_measured_and_no_other(bench: ModuleType) -> None:
    assert [result["name"] for result in RESULTS] == [name for name, *_ in bench.COMBINATIONS]


def test_every_combination_came_out_as_expected_and_not_a_decision_differs(bench: ModuleType) -> None:
    assert len(RESULTS) >= 30
    assert [result["name"] for result in RESULTS if result["outcome"] != bench.expected(result["name"])] == []
    assert sum(result["flips"] for result in RESULTS) == 0


def test_the_page_names_every_combination() -> None:
    page = (ROOT / "docs" / "estimators.md").read_text(encoding="utf-8")

    assert [result["name"] for result in RESULTS if f"| {result['name']} |" not in page] == []


def test_a_combination_that_is_to_be_refused_says_why() -> None:
    refused = [result for result in RESULTS if result["outcome"] == "refused"]

    assert refused
    assert all(result["refused"] for result in refused)
