"""Measurements are kept by case."""

import json

from bench.racing import measure, results, table
from tests.bench.samples import sample, speeds


def test_a_run_leaves_the_cases_of_others_alone(tmp_path):
    path = tmp_path / "results" / "serving.json"
    results.merge(path, {"iris": speeds(ours=1), "telecom": speeds(ours=2)}, {"date": "2026-11-20"})
    results.merge(path, {"iris": speeds(ours=3)}, {"date": "2026-11-21"})

    assert {name: case["date"] for name, case in results.read(path)["cases"].items()} == {
        "iris": "2026-11-21",
        "telecom": "2026-11-20",
    }


def test_what_is_kept_is_what_was_measured(tmp_path):
    path = tmp_path / "serving.json"
    results.merge(path, {"iris": speeds(ours=1)}, {"rounds": 3})

    assert results.servers_of(results.read(path)) == {"iris": speeds(ours=1)}


def test_what_an_older_script_wrote_is_not_read(tmp_path):
    path = tmp_path / "serving.json"
    path.write_text(json.dumps({"rounds": 3, "cases": {"iris": {}}}))

    assert results.read(path)["cases"] == {}


def test_the_table_has_medians_and_the_smallest_and_largest_speed():
    told = table.markdown({"iris": {"ours": [sample(1000), sample(3000), sample(2000)]}})

    assert told.splitlines()[2] == (
        "| iris | ours | 2,000 [1,000-3,000] | 0.100 | 1.00 | 1.50 | 20 | 80 | 200 | 5 | 0 |"
    )


def test_samples_that_others_disturbed_are_counted():
    calm, disturbed = sample(), {**sample(), "others": 0.4}

    assert measure.disturbed({"iris": {"ours": [calm]}}) == ""
    assert measure.disturbed({"iris": {"ours": [calm, disturbed]}}).startswith("1 of 2 samples were disturbed")
