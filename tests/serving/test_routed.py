"""A real worker that follows a routes file: who answers, in which mode, what the shadows get, and that it goes on."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving.conftest import CUSTOMER, FLOWER
from tests.serving.process import Reply, Running, serving, start
from tests.serving.routed import Site, site
from towpath.core.acknowledged import read_acknowledgement
from towpath.core.errors import Exit
from towpath.core.log import Block, read_segment
from towpath.core.routes import HeaderRule, Mode, Shadow, Sticky
from towpath.core.settings import Overrides

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 20


class Routed:
    """A worker with its routes."""

    def __init__(self, here: Site, worker: Running):
        self.here, self.worker = here, worker

    def write(self, shares, also=(), **said) -> None:
        """The next generation, once the worker acts upon it."""
        generation = self.here.write(shares, also, **said).generation
        until(lambda: self.acknowledged().generation == generation)

    def acknowledged(self):
        until(lambda: bool(said(self.here.folder / "ack")))
        return said(self.here.folder / "ack")[0].services["bankchurn/prod"]

    def predict(self, record=CUSTOMER, **headers: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.worker.ask("POST", "/predict", json.dumps(record), given)

    def who(self, record=CUSTOMER, **headers: str) -> int:
        """The number of the revision that answers."""
        return int(self.predict(record, **headers).headers["x-towpath-revision"].partition("#")[2])

    def metric(self, start: str) -> float:
        return sum(self.worker.metrics(start).values())


def said(folder: Path):
    return [read_acknowledgement(path.read_bytes(), str(path)) for path in folder.glob("*.json")]


def until(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < patience, "it did not come to hold"
        time.sleep(0.01)


@contextmanager
def routed(bundle: Path, folder: Path, *words: object, shares=None, **first) -> Iterator[Routed]:
    here = site(folder, bundle)
    here.write(shares or {7: 100}, **first)
    with serving("--routes", here.path, "--acknowledge", folder / "ack", *words) as worker:
        yield Routed(here, worker)


@pytest.fixture
def one(bundles, tmp_path) -> Iterator[Routed]:
    with routed(bundles["bankchurn"], tmp_path) as worker:
        yield worker


@pytest.mark.scenario("S040")
def test_going_back_to_an_older_revision_is_at_once_and_needs_nothing_but_the_file(one):
    one.write({8: 100}, also=(7,))
    assert one.who() == 8
    shutil.rmtree(one.here.folder / "bundles")
    one.write({7: 100}, also=(8,))
    reply = one.predict()

    assert reply.headers["x-towpath-revision"] == "bankchurn/prod#7"
    assert reply.headers["x-towpath-release"] == reply.json()["model_version"] == "bankchurn@1.7.0"
    assert one.acknowledged().live == [one.here.revision(7).digest]
    assert one.worker.metrics("towpath_revision_share") == {
        'towpath_revision_share{service="bankchurn",revision="bankchurn/prod#7"}': 1.0
    }


@pytest.mark.scenario("S040")
def test_a_request_under_way_is_answered_by_the_revision_that_it_began_with(one):
    one.here.revision(8)
    replies: list[Reply] = []
    stopped = threading.Event()
    batch = json.dumps({"customers": [CUSTOMER] * 1000})

    def ask() -> None:
        while not stopped.is_set():
            replies.append(one.worker.ask("POST", "/predict_batch", batch))

    asking = threading.Thread(target=ask)
    asking.start()
    for shares in [{8: 100}, {7: 100}] * 5:
        one.write(shares, also=(7, 8))
    stopped.set()
    asking.join()

    for reply in replies:
        named = {answer["model_version"] for answer in reply.json()["predictions"]}
        assert reply.status == 200 and named == {reply.headers["x-towpath-release"]}


@pytest.mark.scenario("S041")
def test_ten_percent_get_the_new_revision_until_all_do(one):
    one.write({7: 90, 8: 10})
    got = Counter(one.who() for _ in range(300))
    one.write({8: 100}, also=(7,))

    assert abs(got[8] - 30) <= 4 and got[7] + got[8] == 300
    assert {one.who() for _ in range(20)} == {8}
    assert one.metric('towpath_revision_requests_total{service="bankchurn",revision="bankchurn/prod#7"') == got[7]


def test_a_customer_stays_where_they_are_while_the_share_of_the_new_one_grows(one):
    customers = [CUSTOMER | {"CustomerId": number} for number in range(60)]
    moved: dict[int, int] = {}
    for percent in (5, 25, 60, 100):
        one.write({7: 100 - percent, 8: percent}, sticky=Sticky(field="CustomerId"))
        for number, customer in enumerate(customers):
            revision = one.who(customer)
            assert revision >= moved.get(number, 7)
            moved[number] = revision

    assert set(moved.values()) == {8}


def test_a_header_leads_to_a_revision_that_gets_no_traffic(one):
    one.write({7: 100}, also=(8,), headers=(HeaderRule("x-canary", "yes", 8),))

    assert (one.who(X_Canary="yes"), one.who(X_Canary="no"), one.who()) == (8, 7, 7)
    one.write({7: 100}, also=(8,), headers=(HeaderRule("x-other", "yes", 8),))
    assert (one.who(X_Canary="yes"), one.who(X_Other="yes")) == (7, 8)


def test_every_endpoint_that_takes_records_follows_the_routes_and_says_so(one):
    one.write({7: 100}, also=(8,), headers=(HeaderRule("x-canary", "yes", 8),))
    bodies = {
        "/predict": CUSTOMER,
        "/predict_batch": {"customers": [CUSTOMER]},
        "/explain": CUSTOMER,
        "/v2/models/bankchurn/infer": {
            "inputs": [
                {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
                for name, value in CUSTOMER.items()
            ]
        },
    }
    for path, body in bodies.items():
        for given, status in ((body, 200), ({}, None)):
            reply = one.worker.ask("POST", path, json.dumps(given), {"X-Canary": "yes"})
            assert reply.headers["x-towpath-revision"] == "bankchurn/prod#8" and status in (reply.status, None)


def test_the_settings_of_an_environment_act_on_the_answers_of_their_revision(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.revision(7, Overrides(threshold=0.0))
    here.revision(8, Overrides(threshold=1.0))
    here.write({7: 100}, also=(8,), headers=(HeaderRule("x-canary", "yes", 8),))
    with serving("--routes", here.path) as worker:
        one = Routed(here, worker)

        assert one.predict().json()["churn_prediction"] == 1
        assert one.predict(X_Canary="yes").json()["churn_prediction"] == 0
        assert worker.get("/model_info").json()["model_metadata"]["settings"]["threshold"] == 0.0


@pytest.mark.scenario("S054")
def test_a_broken_file_and_a_broken_bundle_leave_the_service_as_it_was_and_are_told(one):
    content = one.here.path.read_bytes()
    for damage, code in ((b"", "empty"), (content[:300], "truncated"), (b"{}", "wrong_format")):
        one.here.path.write_bytes(damage)
        until(lambda code=code: one.acknowledged().refused == code)
        assert one.worker.get("/ready").json()["routes"] == {"generation": 1, "refused": code}
        assert one.who() == 7 and one.metric("towpath_routes_behind") == 1
    one.here.path.write_bytes(content)
    until(lambda: one.acknowledged().refused == "")
    os.truncate(one.here.folder / one.here.revision(8).bundle / "graph.onnx", 100)
    one.here.write({8: 100})
    until(lambda: one.acknowledged().refused == "bundle_refused")

    assert one.who() == 7 and one.worker.get("/health").status == 200
    assert one.metric('towpath_routes_refused_total{service="bankchurn",code="bundle_refused"}') == 1


def test_a_paused_service_keeps_requests_and_answers_them_when_it_goes_on(one):
    one.write({7: 100}, mode=Mode("paused", wait_seconds=30))
    replies: list[Reply] = []
    asking = [threading.Thread(target=lambda: replies.append(one.predict())) for _ in range(5)]
    for thread in asking:
        thread.start()
    until(lambda: one.metric("towpath_paused_requests") == 5)
    ready = one.worker.get("/ready").json()

    assert replies == [] and one.worker.get("/health").status == 200
    assert (ready["ready"], ready["mode"]) == (True, "paused")
    one.write({8: 100})
    for thread in asking:
        thread.join()
    assert [(reply.status, reply.headers["x-towpath-revision"]) for reply in replies] == [(200, "bankchurn/prod#8")] * 5


def test_who_waits_too_long_for_a_paused_service_is_told_when_to_come_back(one):
    one.write({7: 100}, mode=Mode("paused", wait_seconds=0.2, retry_seconds=9))
    reply = one.predict()

    assert (reply.status, reply.headers["retry-after"]) == (503, "9") and "paused" in reply.body.decode()


def test_a_worker_that_is_stopped_while_paused_keeps_nobody_waiting(one):
    one.write({7: 100}, mode=Mode("paused", wait_seconds=60))
    replies: list[Reply] = []
    asking = threading.Thread(target=lambda: replies.append(one.predict()))
    asking.start()
    until(lambda: one.metric("towpath_paused_requests") == 1)

    assert one.worker.stop() == Exit.DONE
    asking.join()
    assert replies[0].status == 503


def test_maintenance_answers_at_once_with_its_message(one):
    one.write({7: 100}, mode=Mode("maintenance", message="moving house until noon", retry_seconds=60))
    reply = one.predict()

    assert (reply.status, reply.headers["retry-after"]) == (503, "60") and "moving house" in reply.body.decode()
    assert one.worker.get("/health").status == 200 and one.worker.get("/ready").json()["mode"] == "maintenance"
    one.write({7: 100})
    assert one.predict().status == 200


def blocks(folder: Path) -> list[Block]:
    return [block for path in sorted(folder.glob("*.log")) for block in read_segment(path.read_bytes())]


@pytest.mark.feature("F201")
def test_a_shadow_is_asked_the_same_and_its_answers_are_paired_in_the_log(bundles, tmp_path):
    log = tmp_path / "log"
    with routed(bundles["bankchurn"], tmp_path, "--log", log) as one:
        one.write({7: 100}, also=(8,), shadows=(Shadow(8, 100.0),))
        for number in range(40):
            assert one.who(CUSTOMER | {"CustomerId": number}) == 7
        batch = {"customers": [CUSTOMER | {"CustomerId": 100 + i} for i in range(10)]}
        assert one.worker.post("/predict_batch", batch).headers["x-towpath-revision"].endswith("#7")
        until(lambda: one.metric('towpath_shadow_total{service="bankchurn",outcome="answered"}') == 50)
        assert one.metric("towpath_predictions_total") == 50
        one.worker.stop()
    found = {shadow: [one for one in blocks(log) if one.shadow == shadow] for shadow in (False, True)}
    keyed = {
        shadow: {
            (request, position): (block.revision, score)
            for block in some
            for request, position, score in zip(block.requests, block.positions, block.scores, strict=True)
        }
        for shadow, some in found.items()
    }

    assert keyed[False].keys() == keyed[True].keys() and len(keyed[True]) == 50
    assert {revision for revision, _ in keyed[True].values()} == {"bankchurn/prod#8"}
    assert all(keyed[False][key][1] == score for key, (_, score) in keyed[True].items())


def test_a_shadow_with_another_contract_reads_records_its_own_way_and_refuses_what_it_must(bundles, tmp_path):
    with routed(bundles["bankchurn"], tmp_path) as one:
        stricter(one.here, 8)
        one.write({7: 100}, also=(8,), shadows=(Shadow(8, 100.0),))
        for age in (40, 60, 80, 82):
            assert one.predict(CUSTOMER | {"Age": age}).status == 200
        until(lambda: one.metric("towpath_shadow_total") == 4)

        assert one.metric('towpath_shadow_total{service="bankchurn",outcome="refused"}') == 2
        assert one.metric("towpath_errors_total") == 0 == one.metric("towpath_rejected_total")


def stricter(here: Site, number: int) -> None:
    """A revision whose contract takes nobody over 70."""
    import msgspec

    from towpath.bundle.read import read_bundle
    from towpath.bundle.write import write_bundle
    from towpath.core import formats

    old = read_bundle(here.folder / here.revision(number).bundle)
    fields = [msgspec.structs.replace(one, le=70.0) if one.name == "Age" else one for one in old.contract.record]
    contract = msgspec.structs.replace(old.contract, record=tuple(fields))
    golden = b"".join(
        line + b"\n" for line in old.files["golden.jsonl"].splitlines() if json.loads(line)["record"]["Age"] <= 70
    )
    files = old.files | {"contract.json": formats.canonical(contract), "golden.jsonl": golden}
    identity, path = write_bundle("bankchurn", files, here.folder / "bundles")
    here.revisions[number] = msgspec.structs.replace(
        here.revision(number), bundle=str(path.relative_to(here.folder)), digest=identity
    )


def test_services_of_bundles_and_of_routes_live_in_one_worker(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    with serving(bundles["iris"], "--routes", here.path) as worker:
        routes = worker.post("/bankchurn/predict", CUSTOMER)

        assert routes.headers["x-towpath-revision"] == "bankchurn/prod#7"
        assert worker.post("/iris/predict", FLOWER).json()["class_name"] == "setosa"
        assert "x-towpath-revision" not in worker.post("/iris/predict", FLOWER).headers


def test_a_worker_cold_starts_from_the_newest_generation_that_was_kept(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    here.write({8: 100})
    here.path.write_bytes(b"{")
    with serving("--routes", here.path) as worker:
        assert Routed(here, worker).who() == 8
        assert worker.get("/ready").json()["routes"] == {"generation": 2, "refused": "truncated"}


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, told = process.communicate(timeout=20)
        return process.returncode, told
    finally:
        process.kill()


def test_a_worker_without_routes_to_start_from_says_why(tmp_path):
    code, told = ended(start("--routes", tmp_path / "none.json", "--port", 0))

    assert code == Exit.REFUSED and "there is no" in told and "Traceback" not in told
    assert "docs/routes.md" in told.partition("hint: ")[2] and "it was there before" not in told


def test_a_worker_may_wait_for_its_first_routes(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    with serving("--routes", here.path, "--allow-unready") as worker:
        assert worker.get("/health").status == 503
        here.write({7: 100})
        until(lambda: worker.get("/health").status == 200)

        assert Routed(here, worker).who() == 7


def test_two_files_of_one_service_are_refused(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    (tmp_path / "again.json").write_bytes(here.path.read_bytes())
    code, told = ended(start("--routes", here.path, "--routes", tmp_path / "again.json", "--port", 0))

    assert code == Exit.USAGE and "bankchurn" in told


def test_a_service_comes_from_a_bundle_or_from_routes(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    code, told = ended(start(bundles["bankchurn"], "--routes", here.path, "--port", 0))

    assert code == Exit.USAGE and "a bundle and a routes file are both of bankchurn" in told


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_swapping_a_hundred_times_leaves_no_files_and_no_threads_behind(one):
    def counted() -> tuple[int, int]:
        process = Path(f"/proc/{one.worker.process.pid}")
        return len(os.listdir(process / "fd")), len(os.listdir(process / "task"))

    for shares in ({8: 100}, {7: 100}):
        one.write(shares, also=(7, 8))
    before = counted()
    for turn in range(100):
        one.write({7 + turn % 2: 100}, also=(7, 8), shadows=(Shadow(8 - turn % 2, 10.0),))
    one.write({7: 100}, also=(8,))
    until(lambda: counted()[1] <= before[1])

    assert counted() <= before and one.metric("towpath_routes_swaps_total") == 104


def test_a_file_that_changes_a_hundred_times_a_second_is_followed_to_its_end_and_leaks_nothing(one):
    """Fault F-31."""
    for shares in ({8: 100}, {7: 100}):
        one.write(shares, also=(7, 8))
    files = Path(f"/proc/{one.worker.process.pid}/fd")
    before, swaps = len(os.listdir(files)), one.metric("towpath_routes_swaps_total")
    for turn in range(200):
        one.here.write({7 + turn % 2: 100}, also=(7, 8))
        if turn % 10 == 0:
            assert one.predict().status == 200
        time.sleep(0.005)
    one.write({7: 100}, also=(8,))

    until(lambda: len(os.listdir(files)) <= before)
    assert one.who() == 7
    assert one.metric("towpath_routes_swaps_total") - swaps <= 201 and one.metric("towpath_routes_behind") == 0


def test_a_hanging_disk_of_the_routes_does_not_stop_answers(one):
    """A pipe in place of the file is what would block for ever."""
    one.here.path.unlink()
    os.mkfifo(one.here.path)
    until(lambda: one.acknowledged().refused == "not_regular")

    assert one.who() == 7


def test_a_killed_worker_leaves_its_word_and_the_next_one_in_its_place_takes_it_over(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    with serving("--routes", here.path, "--acknowledge", tmp_path / "ack") as worker:
        until(lambda: bool(said(tmp_path / "ack")))
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
    (left,) = said(tmp_path / "ack")

    assert left.pid == worker.process.pid and left.services["bankchurn/prod"].generation == 1
