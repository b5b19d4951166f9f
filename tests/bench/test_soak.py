"""A soak of some seconds: real bundles, real workers, real clients; and the same with clients that expect otherwise."""

from dataclasses import replace

import pytest

from bench import soak
from bench.soaking.clients import asking
from bench.soaking.crew import serving
from bench.soaking.expecting import questions
from bench.soaking.judging import broken, conclusion, judged
from bench.soaking.releases import NEW, OLD, label, make_site, trained
from bench.soaking.swapping import Swapping

pytestmark = [pytest.mark.slow, pytest.mark.integration]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def short(monkeypatch):
    for name, value in {"SWAPS": 10, "WARM_SWAPS": 4, "WARM_REQUESTS": 200}.items():
        monkeypatch.setattr(soak, name, value)


def test_swaps_under_load_lose_nothing_and_leave_nothing(sources, tmp_path, short):
    told = soak.soak(tmp_path, sources, 2_000, workers=0, rounds=0)

    assert conclusion(told) == f"0 failed of {told['requests']}", told
    assert told["requests"] >= 2_000 and told["swaps"] >= 10
    assert (told["files_after"], told["threads_after"]) == (told["files_before"], told["threads_before"])


def test_kills_lose_what_the_killed_worker_held_and_upgrades_nothing(sources, tmp_path, short):
    told = soak.soak(tmp_path, sources, 2_000, workers=2, rounds=1)

    assert told["failed"] == 0, told
    assert told["killed_workers"] == 1 and told["lost_with_them"] <= 16, "one at most of each client"


def test_clients_that_expect_the_other_release_call_every_answer_wrong(sources, tmp_path):
    here = make_site(tmp_path, sources)
    asked = questions(here)
    both = asked.given[label(OLD)], asked.given[label(NEW)]
    given = {
        name: replace(one, answers=other.answers)
        for name, one, other in zip(asked.given, both, both[::-1], strict=True)
    }
    here.write({OLD: 100}, also=(OLD, NEW))
    with serving(["--routes", here.path], 0, tmp_path / "acknowledged") as crew:
        swapping = Swapping(here, crew)
        with asking(crew.port, replace(asked, given=given)) as clients:
            clients.wait_for(100)
            clients.stop()
    told = judged(clients.records, swapping.timeline, [])

    assert told["failed"] == told["wrong"] == told["requests"] >= 100
    assert clients.faults[0].startswith(f"{label(OLD)} answered ")


def test_a_swap_that_no_time_line_tells_of_is_found(sources, tmp_path):
    here = make_site(tmp_path, sources)
    here.write({OLD: 100}, also=(OLD, NEW))
    with serving(["--routes", here.path], 0, tmp_path / "acknowledged") as crew:
        swapping = Swapping(here, crew)
        before = swapping.timeline
        with asking(crew.port, questions(here)) as clients:
            clients.wait_for(50)
            here.write({NEW: 100}, also=(OLD, NEW))
            clients.wait_for(clients.asked + 500)
            clients.stop()
    told = judged(clients.records, before, [])

    assert told["wrong"] == told["lost"] == 0 < told["outdated"]
    assert broken(told | soak.grown(crew_at_rest(), crew_at_rest()), 0.05)[0].endswith("0 lost their connection")


def crew_at_rest() -> dict[str, int]:
    return {"files": 1, "threads": 1, "bytes": 1}
