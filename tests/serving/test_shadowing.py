"""Copies for shadows: nobody waits for them, whatever the shadow does, and they take no more than their share."""

import threading
from itertools import repeat

import pytest
from msgspec import structs

from tests.serving.asking import Kept
from tests.serving.conftest import CUSTOMER
from tests.serving.routed import following, site
from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core import formats
from towpath.core.contract import Field
from towpath.core.log import read_segment
from towpath.core.routes import Shadow
from towpath.serving.exchange import Exchange, Head, Route
from towpath.serving.recording import PredictionLog
from towpath.serving.routing.shadowing import ROOM, ROOM_BYTES, Shadowing
from towpath.serving.telemetry import Telemetry

PATIENCE_SECONDS = 10
FIRST = repeat(0)  # positions that every shadow wants


class Loop:
    """A loop's call_soon_threadsafe, whose turns a test lets pass."""

    def __init__(self):
        self.turns, self.news = [], threading.Condition()

    def call_soon(self, turn):
        with self.news:
            self.turns.append(turn)
            self.news.notify_all()

    def run(self, turns: int):
        """So many turns, which the thread of the shadows brings."""
        for _ in range(turns):
            with self.news:
                assert self.news.wait_for(lambda: self.turns, PATIENCE_SECONDS)
                turn = self.turns.pop(0)
            turn()


class Shadowed:
    """BankChurn with revision 7 live and 8 its shadow."""

    def __init__(self, bundles, folder, share=1.0, percent=100.0, log=None, change=lambda here: None):
        here = site(folder, bundles["bankchurn"])
        change(here)
        here.write({7: 100}, also=(8,), shadows=(Shadow(8, percent),))
        self.table = following(here.path).follower.table
        self.live, self.shadow = self.table.models[7], self.table.shadows[8]
        self.loop, self.telemetry = Loop(), Telemetry()
        self.shadowing = Shadowing("bankchurn", self.telemetry, self.loop.call_soon, log, share)
        self.shadowing.use(self.table)
        self.customer = self.live.reader._kind(**CUSTOMER)

    def offer(self, times: int = 1, positions=FIRST) -> None:
        for _ in range(times):
            self.shadowing.offer([exchange()], self.live, [self.customer], positions)

    def counted(self) -> dict[str, int]:
        lines = self.telemetry.exposition().decode().splitlines()
        found = [line for line in lines if line.startswith("towpath_shadow_total")]
        return {line.split('outcome="')[1].split('"')[0]: int(line.rpartition(" ")[2]) for line in found}


def exchange() -> Exchange:
    return Exchange(Kept(), Head(Route(lambda exchange: None, lambda status, seconds: None)), b"r-1")


@pytest.fixture
def shadowed(bundles, tmp_path):
    return Shadowed(bundles, tmp_path)


def hang(model, until: threading.Event) -> None:
    see = model.engine.see

    def wait(rows):
        assert until.wait(PATIENCE_SECONDS)
        return see(rows)

    model.engine.see = wait


def test_what_was_asked_is_answered_beside_and_counted(shadowed):
    shadowed.offer(3)
    shadowed.loop.run(3)

    assert shadowed.counted() == {"answered": 3, "failed": 0, "refused": 0, "dropped": 0}


def test_a_shadow_that_hangs_keeps_nobody_waiting_and_copies_are_dropped(shadowed):
    release = threading.Event()
    hang(shadowed.shadow, release)
    shadowed.offer(ROOM + 50)

    assert shadowed.counted()["dropped"] == 50
    release.set()
    shadowed.loop.run(ROOM)
    assert shadowed.counted()["answered"] == ROOM


def test_a_shadow_that_fails_on_one_record_fails_on_that_alone(shadowed):
    see, spoilt = shadowed.shadow.engine.see, shadowed.live.reader._kind(**CUSTOMER | {"Age": 66})

    def fail(rows):
        if any(66.0 in list(row) for row in rows):
            raise RuntimeError("of this row")
        return see(rows)

    shadowed.shadow.engine.see = fail
    customers = [shadowed.customer, spoilt, shadowed.customer]
    shadowed.shadowing.offer([exchange() for _ in customers], shadowed.live, customers, FIRST)
    shadowed.loop.run(1)

    assert shadowed.counted() == {"answered": 2, "failed": 1, "refused": 0, "dropped": 0}


def test_a_shadow_that_worked_its_share_of_the_time_rests(bundles, tmp_path):
    shadowed = Shadowed(bundles, tmp_path, share=1e-9)
    shadowed.shadowing._saved = 1e-6
    shadowed.offer()
    shadowed.loop.run(1)
    shadowed.offer(10)

    assert shadowed.counted()["answered"] == 1 and shadowed.counted()["dropped"] == 10


def test_a_shadow_gets_its_share_of_the_requests_and_no_others(bundles, tmp_path):
    shadowed = Shadowed(bundles, tmp_path, percent=25.0)
    shadowed.offer(4, iter([0, 2_499, 2_500, 9_999]))
    shadowed.loop.run(2)

    assert shadowed.counted()["answered"] == 2


def test_a_batch_is_copied_as_a_whole(shadowed):
    shadowed.shadowing.offer([exchange()], shadowed.live, [shadowed.customer] * 100, FIRST)
    shadowed.loop.run(1)

    assert shadowed.counted()["answered"] == 100


def test_without_shadows_there_is_no_thread(shadowed, bundles, tmp_path):
    before = threading.active_count()
    (tmp_path / "plain").mkdir()
    here = site(tmp_path / "plain", bundles["bankchurn"])
    here.write({7: 100})
    thread = shadowed.shadowing._thread
    shadowed.shadowing.use(following(here.path).follower.table)
    thread.join(PATIENCE_SECONDS)

    assert not thread.is_alive() and threading.active_count() == before - 1 and not shadowed.shadowing.wanted


def test_copies_that_wait_take_only_so_many_bytes(shadowed, monkeypatch):
    release = threading.Event()
    hang(shadowed.shadow, release)
    large = exchange()
    large.body = b"x" * (ROOM_BYTES // 4)
    for _ in range(6):
        shadowed.shadowing.offer([large], shadowed.live, [shadowed.customer], FIRST)

    assert shadowed.counted()["dropped"] == 2
    release.set()
    shadowed.loop.run(4)
    shadowed.offer()
    shadowed.loop.run(1)
    assert shadowed.counted()["answered"] == 5


def test_a_shadow_that_hung_and_was_taken_away_leaves_its_room_to_the_next(shadowed, bundles, tmp_path):
    (tmp_path / "plain").mkdir()
    here = site(tmp_path / "plain", bundles["bankchurn"])
    here.write({7: 100})
    release, thread = threading.Event(), shadowed.shadowing._thread
    hang(shadowed.shadow, release)
    shadowed.offer(ROOM)
    shadowed.shadowing.use(following(here.path).follower.table)
    shadowed.shadowing.use(shadowed.table)
    shadowed.offer()

    assert shadowed.counted()["dropped"] == 0
    release.set()
    thread.join(PATIENCE_SECONDS)
    shadowed.loop.run(ROOM + 1)
    assert shadowed.counted()["answered"] == ROOM + 1


def test_what_a_shadow_with_another_contract_saw_is_logged_as_it_reads_it(bundles, tmp_path):
    log = PredictionLog(tmp_path / "log")
    shadowed = Shadowed(bundles, tmp_path, log=log, change=with_a_card)
    shadowed.offer(3)
    shadowed.loop.run(3)
    log.close(PATIENCE_SECONDS)
    (path,) = (tmp_path / "log").glob("*.log")
    blocks = list(read_segment(path.read_bytes()))

    assert shadowed.counted()["answered"] == 3 and log.failed == 0
    assert [block.ids["CardId"] for block in blocks if block.shadow] == [[None] * 3]


def with_a_card(here) -> None:
    """Revision 8 with a contract that knows one id more."""
    old = read_bundle(here.folder / here.revision(8).bundle)
    card = Field("CardId", "string", role="id", nullable=True, default=None)
    contract = structs.replace(old.contract, record=(*old.contract.record, card))
    files = old.files | {"contract.json": formats.canonical(contract)}
    identity, path = write_bundle("bankchurn", files, here.folder / "bundles")
    here.revisions[8] = structs.replace(here.revision(8), bundle=str(path.relative_to(here.folder)), digest=identity)
