"""What docs/performance.md tells is what the scripts measured."""

import json

import pytest

from bench.racing import results
from tests.bench.samples import speeds
from tests.docs import racing


@pytest.fixture
def race(tmp_path, monkeypatch):
    monkeypatch.setattr(racing, "RACE", tmp_path / "serving.json")
    return tmp_path / "serving.json"


@pytest.mark.parametrize("part", [racing.promises, racing.race])
def test_what_was_not_measured_says_so(race, part):
    assert part() == "Not measured yet: `python bench/serving.py`."


def test_a_promise_that_was_missed_is_told_as_missed(race):
    results.merge(race, {"iris": speeds(ours=100, reference=1)}, {})

    assert (
        "| `RATIO iris reference`: requests a second, ours / theirs | 100 | at least 400 | **missed** |"
        in racing.promises()
    )


def test_ready_made_servers_stand_beside_ours_by_speed(race):
    cases = {"bankchurn-four": speeds(ours=50_000), "peer-ray": speeds(ray=60), "peer-litserve": speeds(litserve=700)}
    results.merge(race, cases, {})

    assert [line.split(" | ")[0] for line in racing.peers().splitlines()[2:]] == [
        "| Towpath, four fields", "| litserve", "| ray"
    ]  # fmt: skip


def test_every_run_that_a_table_is_made_of_is_named(race):
    for date in ("2026-11-20", "2026-11-21"):
        run = {"command": "python bench/serving.py", "date": date, "commit": "0f3a5b7", "rounds": 3}
        results.merge(race, {f"peer-{date}": speeds(ours=1)}, run)

    assert racing.race().count("`python bench/serving.py`, 2026-11-2") == 2


def test_microseconds_are_shown_by_part(tmp_path, monkeypatch):
    told = {"the model": {"one": 15.04, "crowd": 5.0}, "the whole": {"one": 30.0, "crowd": 12.0}}
    path = tmp_path / "microseconds.json"
    path.write_text(json.dumps({"command": "c", "date": "d", "commit": "e", "answers": {"four fields": told}}))
    monkeypatch.setattr(racing, "MICROSECONDS", path)

    assert "| the model | 15.0 | 5.0 |" in racing.microseconds()
