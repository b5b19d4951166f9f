"""A worker follows its routes file: what is good is acted upon, whatever else is there leaves what was live."""

import gc
import json
import os
import shutil
import subprocess
import time
import weakref

import pytest
from msgspec import structs

from tests.serving.routed import following, site
from towpath.core.acknowledged import read_acknowledgement
from towpath.core.errors import Exit
from towpath.core.routes import HeaderRule, Routes, RoutesRefused, Shadow
from towpath.core.routes_file import encode
from towpath.core.settings import Overrides, Settings, settings_digest
from towpath.serving.routing import following as module
from towpath.serving.routing import loading
from towpath.serving.routing.acknowledging import Acknowledging


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self):
        self.now = time.monotonic() + 10

    def __call__(self):
        return self.now


@pytest.fixture
def here(bundles, tmp_path):
    return site(tmp_path, bundles["bankchurn"])


@pytest.fixture
def followed(here):
    here.write({7: 100})
    return following(here.path)


def live(followed) -> dict[int, float]:
    return {one.revision: one.percent for one in followed.follower.table.routes.traffic}


def test_a_new_generation_is_acted_upon_at_the_next_look(here, followed):
    here.write({7: 90, 8: 10})

    assert followed.look() and live(followed) == {7: 90, 8: 10}
    assert [table.routes.generation for table in followed.tables] == [1, 2]
    assert followed.follower.table.models[8].bundle.id == here.revision(8).digest


def test_a_file_that_did_not_change_is_not_read_again(here, followed, monkeypatch):
    followed.follower._clock = Clock()
    followed.look()
    monkeypatch.setattr(module, "read_content", lambda path: pytest.fail("it was read"))

    assert not followed.look() and not followed.look()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "wrong_format": lambda path: path.write_bytes(b"{}"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "not_json": lambda path: path.write_bytes(b"<html>"),
    "too_large": lambda path: os.truncate(path, 100 << 20),
    "newer_format": lambda path: path.write_bytes(b'{"format":"towpath/routes/2"}'),
    "schema": lambda path: path.write_bytes(b'{"format":"towpath/routes/1","generation":0}'),
    "checksum": lambda path: path.write_bytes(path.read_bytes().replace(b'"generation":1', b'"generation":2')),
    "missing": lambda path: path.unlink(),
    "not_regular": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.scenario("S054")
@pytest.mark.parametrize(("code", "damage"), DAMAGES.items(), ids=list(DAMAGES))
def test_a_damaged_file_leaves_what_was_live_and_is_told_by_its_code(here, followed, code, damage):
    damage(here.path)

    assert not followed.look() and live(followed) == {7: 100}
    assert (followed.refused, followed.follower.refusals[code]) == (code, 1)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_not_opened_and_not_waited_for(here, followed, kind):
    here.path.rename(here.folder / "away")
    {
        "folder": lambda: here.path.mkdir(),
        "link": lambda: here.path.symlink_to(here.folder / "away"),
        "pipe": lambda: os.mkfifo(here.path),
    }[kind]()
    followed.look()

    assert followed.refused == "not_regular" and live(followed) == {7: 100}


def changed(here, **changes) -> Routes:
    return here.routes({7: 100}, **changes)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("lower_generation", lambda here: changed(here, generation=1)),
        ("changed_generation", lambda here: here.routes({8: 100}, generation=3)),
        ("wrong_environment", lambda here: changed(here, environment="test")),
        ("wrong_service", lambda here: changed(here, service="churn", revisions=(_other(here),))),
    ],
)
def test_what_cannot_follow_is_refused(here, followed, code, make):
    here.write({8: 100})
    here.write({7: 100})
    followed.look()
    here.path.write_bytes(encode(make(here)))

    assert not followed.look() and followed.refused == code and followed.follower.generation == 3


def _other(here):
    return structs.replace(here.revision(7), release="churn@1.0.0")


def broken_bundle(here, change):
    here.revision(8)
    change(here.folder / here.revision(8).bundle)


@pytest.mark.scenario("S054")
@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("bundle_missing", shutil.rmtree),
        ("bundle_refused", lambda bundle: os.truncate(bundle / "graph.onnx", 1000)),
        ("bundle_refused", lambda bundle: (bundle / "extra").write_text("x")),
        ("bundle_refused", lambda bundle: (bundle / "manifest.json").unlink()),
    ],
)
def test_a_bundle_that_cannot_be_opened_leaves_what_was_live(here, followed, code, change):
    broken_bundle(here, change)
    here.write({7: 50, 8: 50})

    assert not followed.look() and followed.refused == code and live(followed) == {7: 100}


def test_another_bundle_in_the_place_of_one_is_refused(here, followed):
    there, other = here.revision(8), here.revision(9)
    shutil.rmtree(here.folder / there.bundle)
    (here.folder / other.bundle).rename(here.folder / there.bundle)
    here.write({8: 100})
    followed.look()

    assert followed.refused == "bundle_digest"


def test_settings_that_do_not_come_out_as_said_are_refused(here, followed):
    wrong = structs.replace(here.revision(7), settings_digest="0" * 64)
    here.write({7: 100}, revisions=(wrong,))
    followed.look()

    assert followed.refused == "settings_digest"


def test_settings_that_the_contract_does_not_know_are_refused(here, followed):
    here.revision(8, Overrides(bands={"mood": (("low", 0.5), ("high", 1.0))}))
    here.write({8: 100})
    followed.look()

    assert followed.refused == "settings" and "mood" in str(followed.follower.refused)


def test_a_bundle_that_arrives_late_is_taken_without_another_write(here, followed):
    clock = followed.follower._clock = Clock()
    there = here.folder / here.revision(8).bundle
    there.rename(here.folder / "late")
    here.write({8: 100})
    followed.look()
    (here.folder / "late").rename(there)
    clock.now += 60

    assert followed.refused == "bundle_missing"
    assert followed.look() and live(followed) == {8: 100} and followed.refused == ""


def test_what_is_put_back_is_good_again(here, followed):
    content = here.path.read_bytes()
    here.path.write_bytes(b"")
    followed.look()
    here.path.write_bytes(content)
    followed.look()

    assert followed.refused == "" and len(followed.tables) == 1


def test_a_worker_starts_from_the_newest_generation_that_was_kept(here, followed):
    here.write({7: 40, 8: 60})
    here.path.write_bytes(b"half a fi")

    again = following(here.path)

    assert live(again) == {7: 40, 8: 60} and again.refused == "not_json"


def test_a_worker_whose_newest_bundle_is_broken_starts_with_the_generation_before(here, followed):
    broken_bundle(here, shutil.rmtree)
    here.write({8: 100})

    again = following(here.path)

    assert live(again) == {7: 100} and again.refused == "bundle_missing"


def test_a_worker_starts_without_a_shadow_that_cannot_be_opened_and_takes_it_when_it_is_there(here, followed):
    """Nobody hears what a shadow answers: it must not decide whether there is a service, or which revision is live."""
    away, path = here.folder / "away", here.folder / here.revision(8).bundle
    path.rename(away)
    here.write({9: 100}, shadows=(Shadow(8, 5.0),), also=(8,))
    clock = Clock()

    again = following(here.path, clock=clock)
    assert live(again) == {9: 100} and again.refused == "bundle_missing" and not again.follower.table.shadows
    clock.now += 3
    assert not again.look() and again.refused == "bundle_missing"

    away.rename(path)
    clock.now += 3
    assert again.look() and set(again.follower.table.shadows) == {8} and again.refused == ""


def test_a_worker_goes_back_to_a_generation_without_its_shadow_where_that_is_what_is_broken(here, followed):
    """As when a shadow was promoted and its bundle lost."""
    here.write({7: 100}, shadows=(Shadow(8, 5.0),), also=(8,))
    here.write({8: 100}, also=(7,))
    broken_bundle(here, shutil.rmtree)
    for old in here.folder.glob("*.routes.1.json"):
        old.unlink()

    again = following(here.path)

    assert live(again) == {7: 100} and again.follower.generation == 2 and again.refused == "bundle_missing"


def test_a_generation_of_which_nothing_may_answer_leaves_what_was_live(here, followed):
    bad = frozenset({here.revision(8).digest})
    here.write({8: 100}, also=(7,))

    assert not followed.follower.look(bad) and live(followed) == {7: 100} and followed.refused == "quarantined"


def test_a_worker_starts_with_the_generation_before_a_bundle_that_kills_it(here, followed):
    here.write({8: 100}, also=(7,))
    again = following(here.path, start=False)
    again.follower.begin({here.revision(8).digest})

    assert live(again) == {7: 100} and again.refused == "quarantined"


def test_what_answers_alone_and_is_quarantined_answers_no_more(here, followed):
    assert followed.follower.look(frozenset({here.revision(7).digest}))
    assert followed.follower.table.main is None and followed.follower.generation == 1


def test_a_worker_starts_although_all_that_it_has_is_quarantined(here, followed):
    again = following(here.path, start=False)
    again.follower.begin({here.revision(7).digest})

    assert again.follower.table.main is None


def test_refused_generations_do_not_fill_the_memory(here):
    here.write({7: 100})
    followed = following(here.path, warm_bytes=1)
    broken_bundle(here, shutil.rmtree)
    for number in (9, 10, 11):
        here.write({number: 50, 8: 50})
        followed.look()

    assert followed.refused == "bundle_missing" and followed.pool.warm_ids() == []


def test_a_worker_without_anything_to_start_from_says_why(here):
    with pytest.raises(RoutesRefused) as caught:
        following(here.path)

    assert caught.value.reason == "missing" and caught.value.exit_code == Exit.REFUSED


def test_a_file_that_flaps_leaks_nothing(here, followed):
    here.write({8: 100})
    followed.look()
    here.write({7: 50, 8: 50})
    followed.look()
    files, content = len(os.listdir("/proc/self/fd")), here.path.read_bytes()
    sessions = followed.pool.changes
    for turn in range(300):
        here.path.write_bytes(content if turn % 2 else content[:-1])
        followed.look()

    assert len(os.listdir("/proc/self/fd")) == files and followed.pool.changes == sessions
    assert followed.follower.refusals["truncated"] == 150


def test_one_trouble_is_told_once_however_often_it_comes(here, followed, monkeypatch):
    told = []
    monkeypatch.setattr(module.journal, "tell", lambda event, **facts: told.append((event, facts.get("code"))))
    content = here.path.read_bytes()
    for _ in range(20):
        for damage in (b"", content, b"{}", content):
            here.path.write_bytes(damage)
            followed.look()

    assert [one for one in told if one[0] == "routes_refused"] == [
        ("routes_refused", "empty"),
        ("routes_refused", "wrong_format"),
    ]


def test_going_back_opens_nothing(here, followed, monkeypatch):
    here.write({8: 100}, also=(7,))
    followed.look()
    before = followed.tables[0].models[7]
    shutil.rmtree(here.folder / "bundles")
    here.write({7: 100})

    assert followed.look() and followed.follower.table.models[7] is before


def test_what_is_listed_for_a_return_is_opened_ahead(here, followed):
    here.write({8: 100}, also=(9,))
    followed.look()
    followed.follower.warm()

    assert followed.pool.warm_ids() == sorted({here.revision(7).digest, here.revision(9).digest})


def test_only_as_much_stays_warm_as_the_budget_holds(here, bundles):
    here.write({7: 100})
    followed = following(here.path, warm_bytes=1)
    before = weakref.ref(followed.follower.table.models[7])
    here.write({8: 100}, also=(7, 9))
    followed.look()
    followed.follower.warm()
    followed.tables.clear()
    gc.collect()

    assert followed.pool.warm_ids() == [] and before() is None


def test_a_revision_acts_with_its_own_settings(here, followed):
    here.revision(8, Overrides(threshold=0.01))
    here.write({8: 100})
    followed.look()
    (model,) = followed.follower.table.models.values()

    assert model.engine.settings.threshold == 0.01 and model.bundle.settings.threshold == 0.08
    assert b"X-Towpath-Revision: bankchurn/prod#8\r\n" in model.identity and model.release == "bankchurn@1.8.0"


def test_two_revisions_of_one_bundle_share_what_was_opened(here, followed):
    again = structs.replace(
        here.revision(7),
        number=8,
        settings=Overrides(threshold=0.3),
        settings_digest=settings_digest(Settings(threshold=0.3)),
    )
    here.revisions[8] = again
    here.write({7: 50, 8: 50})
    followed.look()
    models = followed.follower.table.models

    assert models[7].engine.model is models[8].engine.model and models[7].engine.settings != models[8].engine.settings


def test_only_what_may_answer_is_opened(here, followed):
    here.write({7: 100, 8: 0}, also=(9, 10), headers=(HeaderRule("x-canary", "yes", 9),), shadows=(Shadow(10, 5.0),))
    followed.look()
    table = followed.follower.table

    assert (set(table.models), set(table.shadows)) == ({7, 9}, {10})


def test_a_shadow_that_also_answers_has_an_engine_of_its_own(here, followed):
    here.write({7: 50, 8: 50}, shadows=(Shadow(8, 5.0),))
    followed.look()
    table = followed.follower.table

    assert table.models[8].engine is not table.shadows[8].engine


def test_what_is_quarantined_is_left_out_and_comes_back_when_it_no_longer_is(here, followed):
    here.write({7: 50, 8: 50})
    followed.look()
    bad = frozenset({here.revision(8).digest})

    assert followed.follower.look(bad) and set(followed.follower.table.models) == {7}
    assert not followed.follower.look(bad)
    assert followed.follower.look() and set(followed.follower.table.models) == {7, 8}


def test_what_is_quarantined_is_left_out_even_while_the_file_is_broken(here, followed):
    here.write({7: 50, 8: 50})
    followed.look()
    here.path.write_bytes(b"")
    followed.look()

    assert followed.follower.look(frozenset({here.revision(8).digest}))
    assert set(followed.follower.table.models) == {7} and followed.refused == "empty"


def test_a_shadow_that_is_quarantined_is_asked_no_more_and_again_when_it_no_longer_is(here, followed):
    here.write({7: 100}, also=(8,), shadows=(Shadow(8, 5.0),))
    followed.look()
    bad = frozenset({here.revision(8).digest})

    assert followed.follower.look(bad) and followed.follower.table.shadows == {} == dict(followed.follower.table.copies)
    assert followed.follower.look() and set(followed.follower.table.shadows) == {8}


def test_a_worker_that_lives_goes_back_as_one_that_starts_where_nothing_else_may_answer(here, followed):
    clock = followed.follower._clock = Clock()
    here.write({8: 100}, also=(7,))
    followed.look()
    bad = frozenset({here.revision(8).digest})

    assert followed.follower.look(bad) and live(followed) == {7: 100} and followed.refused == "quarantined"
    clock.now += 60
    assert not followed.follower.look(bad) and followed.refused == "quarantined"
    clock.now += 60
    assert followed.follower.look() and live(followed) == {8: 100} and followed.refused == ""


def test_a_worker_goes_back_to_no_generation_of_another_environment(here, followed):
    here.write({7: 100})
    followed.look()
    (here.folder / "bankchurn.routes.1.json").write_bytes(
        encode(here.routes({8: 100}, generation=1, environment="test"))
    )

    assert followed.follower.look(frozenset({here.revision(7).digest}))
    assert followed.follower.table.main is None and followed.follower.table.routes.environment == "prod"


def test_a_worker_that_starts_acts_upon_no_lower_generation_than_those_before_it_did(here, followed):
    old = here.path.read_bytes()
    here.write({8: 100})
    here.write({8: 90, 7: 10})
    here.path.write_bytes(old)
    followed.look()
    again = following(here.path)

    assert (live(again), again.refused, again.follower.generation) == ({8: 90, 7: 10}, "lower_generation", 3)


def test_a_worker_that_starts_rather_acts_upon_a_lower_generation_than_upon_none(here, followed):
    old = here.path.read_bytes()
    here.write({8: 100})
    broken_bundle(here, shutil.rmtree)
    here.path.write_bytes(old)
    (here.folder / "bankchurn.routes.1.json").unlink()
    again = following(here.path)

    assert live(again) == {7: 100} and again.refused == "lower_generation"


def test_generations_of_another_environment_in_the_same_folder_are_not_before_these(here, followed):
    (here.folder / "bankchurn.routes.9.json").write_bytes(encode(changed(here, generation=9, environment="test")))
    again = following(here.path)

    assert live(again) == {7: 100} and again.refused == ""


def test_a_file_from_the_future_is_not_tried_again_at_every_look(here, followed):
    clock = followed.follower._clock = Clock()
    there = here.folder / here.revision(8).bundle
    there.rename(here.folder / "late")
    here.write({8: 100})
    os.utime(here.path, (2**32, 2**32))
    followed.look()
    (here.folder / "late").rename(there)

    assert not followed.look() and followed.refused == "bundle_missing"
    clock.now += 60
    assert followed.look() and live(followed) == {8: 100}


@pytest.mark.parametrize("bundle", ["nul\0byte", "long" * 900])
def test_a_bundle_whose_path_no_system_knows_leaves_what_was_live_and_lets_workers_start(here, followed, bundle):
    here.write({8: 100}, revisions=(structs.replace(here.revision(8), bundle=bundle),))
    followed.look()

    assert live(followed) == {7: 100} and followed.refused.startswith("bundle_")
    assert live(following(here.path)) == {7: 100}


def test_a_bundle_that_brings_what_nobody_foresaw_leaves_what_was_live_and_lets_workers_start(
    here, followed, monkeypatch
):
    monkeypatch.setattr(loading, "prove", lambda engine, golden: 1 / 0)
    here.write({8: 100}, also=(7,))
    followed.look()
    monkeypatch.setattr(loading, "prove", lambda engine, golden: engine.settings.threshold == 0.08 and 1 / 0)

    assert live(followed) == {7: 100} and followed.refused == "bundle_refused"
    assert live(following(here.path)) == {7: 100}


def test_what_was_live_a_moment_ago_stays_before_what_was_only_opened_ahead(here, followed, monkeypatch):
    here.write({8: 100}, also=(7, 5, 6))
    followed.look()
    pool, files = followed.pool, loading._files_size(here.folder / here.revision(6).bundle)
    pool._warm_bytes = pool._opened[here.revision(7).digest].size + files
    monkeypatch.setattr(loading, "resident_bytes", iter(range(0, 1 << 40, 1 << 30)).__next__)
    followed.follower.warm()

    assert pool.warm_ids() == [here.revision(7).digest]


def test_who_has_said_farewell_acknowledges_nothing_more(here, followed, tmp_path):
    acknowledging = Acknowledging(tmp_path / "a", "2")
    acknowledging.withdraw()
    acknowledging.tell([followed.follower], followed.pool)

    assert not (tmp_path / "a").exists()


def test_a_fault_of_our_own_leaves_what_was_live(here, followed, monkeypatch):
    monkeypatch.setattr(module, "decode", lambda content, what: 1 / 0)
    here.write({8: 100})
    followed.look()

    assert followed.refused == "unexpected" and live(followed) == {7: 100}


def test_an_acknowledgement_says_what_is_acted_upon_and_what_is_refused(here, followed, tmp_path):
    acknowledging = Acknowledging(tmp_path / "acknowledged", "2")
    here.write({8: 100})
    followed.look()
    acknowledging.tell([followed.follower], followed.pool)
    here.path.write_bytes(b"")
    followed.look()
    acknowledging.tell([followed.follower], followed.pool)
    path = tmp_path / "acknowledged" / f"2-{os.getpid()}.json"
    said = read_acknowledgement(path.read_bytes(), str(path))
    one = said.services["bankchurn/prod"]

    assert (said.worker, said.pid, one.generation, one.refused) == (path.stem, os.getpid(), 2, "empty")
    assert (one.live, one.warm) == ([here.revision(8).digest], [here.revision(7).digest])
    assert json.loads(path.read_bytes())["format"] == "towpath/acknowledged/1"
    acknowledging.withdraw()
    assert list(path.parent.iterdir()) == []


def test_an_acknowledgement_that_somebody_removed_is_written_again(here, followed, tmp_path):
    acknowledging, path = Acknowledging(tmp_path / "a"), tmp_path / "a" / f"{os.getpid()}.json"
    acknowledging.tell([followed.follower], followed.pool)
    path.unlink()
    acknowledging.tell([followed.follower], followed.pool)

    assert path.exists()


def test_what_killed_workers_in_this_place_left_is_removed(tmp_path):
    ended = _pid_of_nobody()
    names = [f"2-{ended}.json", f"2-{os.getpid()}.json", f"3-{ended}.json", "2-x.json"]
    for name in names:
        (tmp_path / name).write_text("{}")
    Acknowledging(tmp_path, "2").clear()

    assert sorted(path.name for path in tmp_path.glob("*.json")) == sorted(names[1:])


def _pid_of_nobody() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_disk_that_is_full_keeps_no_swap_from_happening(here, followed, tmp_path):
    (tmp_path / "file").write_text("no folder")

    Acknowledging(tmp_path / "file", "2").tell([followed.follower], followed.pool)
