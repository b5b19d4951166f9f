"""The prediction log: what it holds, what it never holds, and that no answer waits for it."""

import errno
import json
import os
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.serving.asking import Asked, Kept, Turns
from tests.serving.conftest import CUSTOMER
from towpath.core.contract import Field
from towpath.core.errors import InfrastructureError
from towpath.core.log import Block, read_segment
from towpath.engine.answers import Seen
from towpath.serving import recording
from towpath.serving.app import App
from towpath.serving.exchange import Exchange, Head, Route
from towpath.serving.model import open_model
from towpath.serving.recording import ROOM, PredictionLog, Source
from towpath.serving.segments import SEGMENTS
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry


def asked_with(bundles, log: PredictionLog, logged: str = "ids", private: tuple[str, ...] = ()) -> Asked:
    """BankChurn, whose contract may log more, and have fields that are nobody's business."""
    turns = Turns()
    model = open_model(bundles["bankchurn"], turns.append)
    fields = [
        msgspec.structs.replace(one, role="private") if one.name in private else one for one in model.contract.record
    ]
    model.contract = msgspec.structs.replace(model.contract, log=logged, record=tuple(fields))
    telemetry = Telemetry()
    service = Service("bankchurn", telemetry, log=log)
    service.install(model)
    log.observe_with(telemetry)
    return Asked(turns, None, app=App([service], telemetry))


def hidden(field: Field) -> Field:
    return msgspec.structs.replace(field, role="private")


def blocks(folder: Path) -> list[Block]:
    return [block for path in sorted(folder.iterdir()) for block in read_segment(path.read_bytes())]


def test_an_answer_is_logged_with_its_request_its_bundle_its_scores_and_its_ids(bundles, tmp_path):
    log = PredictionLog(tmp_path / "log")
    asked = asked_with(bundles, log)
    before = time.time()
    reply = asked.ask("POST", "/predict", CUSTOMER | {"CustomerId": 15634602}, "r-7").json()
    log.close(5)
    (block,) = blocks(tmp_path / "log")

    assert (block.service, block.requests, block.positions) == ("bankchurn", ["r-7"], [0])
    assert block.bundle == asked.service.model.bundle.id and block.release == asked.service.model.release
    assert block.scores == [[reply["churn_probability"]]] and block.decisions == [reply["churn_prediction"]]
    assert before <= block.times[0] <= time.time()
    assert block.ids == {"CustomerId": [15634602]} and block.values == {}


def test_the_records_of_a_batch_are_logged_with_their_positions(bundles, tmp_path):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER | {"CustomerId": i} for i in range(3)]}, "b")
    asked.ask("POST", "/predict", CUSTOMER | {"CustomerId": 9}, "s")
    log.close(5)
    (block,) = blocks(tmp_path)

    assert block.requests == ["b", "b", "b", "s"] and block.positions == [0, 1, 2, 0]
    assert block.ids == {"CustomerId": [0, 1, 2, 9]} and len(block.times) == len(block.scores) == 4


def test_nothing_of_a_record_but_its_ids_is_logged_unless_the_service_says_so(bundles, tmp_path):
    sent = CUSTOMER | {"EstimatedSalary": 54321.5}
    for logged in ("ids", "records"):
        log = PredictionLog(tmp_path / logged)
        asked_with(bundles, log, logged).ask("POST", "/predict", sent)
        log.close(5)

    assert blocks(tmp_path / "ids")[0].values == {}
    assert blocks(tmp_path / "records")[0].values == {name: [value] for name, value in sent.items()}


def test_a_private_field_is_never_logged(bundles, tmp_path):
    log = PredictionLog(tmp_path)
    asked_with(bundles, log, "records", private=("CustomerId",)).ask(
        "POST", "/predict", CUSTOMER | {"CustomerId": "secret-4711"}
    )
    log.close(5)

    assert blocks(tmp_path)[0].ids == {} and "CustomerId" not in blocks(tmp_path)[0].values
    assert b"secret-4711" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_share_of_the_requests_is_logged_and_no_two_workers_choose_the_same(bundles, tmp_path):
    found = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        log = PredictionLog(folder, share=0.25)
        asked = asked_with(bundles, log)
        for i in range(400):
            asked.ask("POST", "/predict", CUSTOMER, f"request-{i}")
        log.close(5)
        found.append([request for block in blocks(folder) for request in block.requests])

    assert found[0] != found[1] and all(60 < len(requests) < 140 for requests in found)


def test_who_sends_one_id_again_and_again_is_no_more_and_no_less_in_the_log(bundles, tmp_path):
    log = PredictionLog(tmp_path, share=0.25)
    asked = asked_with(bundles, log)
    for _ in range(400):
        put(log, asked, "mine")
    log.close(5)

    assert 60 < sum(len(block.requests) for block in blocks(tmp_path)) < 140


def test_a_shadow_is_logged_beside_the_live_answer_to_the_same_request_or_neither_is(bundles, tmp_path):
    log = PredictionLog(tmp_path, share=0.5)
    asked = asked_with(bundles, log)
    live = Source(asked.service.model, revision="bankchurn/prod#7")
    shadow = Source(asked.service.model, revision="bankchurn/prod#8", shadow=True)
    for i in range(100):
        put(log, asked, f"r-{i}", live, shadow)
    log.close(5)
    found = {(block.revision, block.shadow): block.requests for block in blocks(tmp_path)}

    assert sorted(found) == [("bankchurn/prod#7", False), ("bankchurn/prod#8", True)]
    assert found["bankchurn/prod#7", False] == found["bankchurn/prod#8", True]
    assert 25 < len(found["bankchurn/prod#7", False]) < 75


def test_shadows_leave_room_for_answers_that_were_given(bundles, tmp_path, monkeypatch):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    monkeypatch.setattr(log, "_take", lambda: time.sleep(0.01) or {})  # nothing is ever written
    live, shadow = Source(asked.service.model), Source(asked.service.model, shadow=True)
    for _ in range(ROOM):
        put(log, asked, "r", shadow)
    dropped = log.crowded
    put(log, asked, "r", live)

    assert dropped == ROOM // 2 and log.crowded == dropped
    log._waiting.clear()
    log.close(5)


def put(log: PredictionLog, asked: Asked, request: str, *sources: Source) -> None:
    """The answer to one request, by each source; live by itself where none is named."""
    model = asked.service.model
    head = Head(Route(lambda exchange: None, lambda status, seconds: None))
    exchange = Exchange(Kept(), head, request.encode())
    record = model.reader.record(json.dumps(CUSTOMER).encode())
    for source in sources or [Source(model)]:
        log.put(source, [exchange], [record], Seen(np.array([[0.25]])))


def test_a_refused_record_is_not_logged(bundles, tmp_path):
    log = PredictionLog(tmp_path)
    asked_with(bundles, log).ask("POST", "/predict", CUSTOMER | {"Age": 7})
    log.close(5)

    assert blocks(tmp_path) == []


@pytest.mark.feature("F294")
def test_the_log_stays_within_its_size(bundles, tmp_path):
    log = PredictionLog(tmp_path, most_bytes=256_000)
    asked = asked_with(bundles, log)
    for _ in range(20):
        asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER] * 300})
        while log.written + log.unwritten < log._put_rows:
            time.sleep(0.001)
    log.close(5)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]

    assert log.written == 6000 and len(sizes) > 1 and 128_000 < sum(sizes) <= 256_000
    assert asked.metric("towpath_prediction_log_written_total") == 6000


def test_a_full_disk_fails_no_prediction_and_what_is_lost_is_counted(bundles, tmp_path, monkeypatch):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    full, write = threading.Event(), os.write
    full.set()

    def refuse(file: int, content: bytes) -> int:
        if not full.is_set() or threading.current_thread().name != "prediction log":
            return write(file, content)
        if len(content) > 10:
            return write(file, content[:10])  # what fits is written, as a disk does
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(recording, "REST_SECONDS", 0.01)
    assert asked.ask("POST", "/predict", CUSTOMER, "lost").status == 200
    until(lambda: log.unwritten == 1)
    full.clear()
    time.sleep(recording.EVERY_SECONDS * 2)
    assert asked.ask("POST", "/predict", CUSTOMER, "kept").status == 200
    log.close(5)

    assert [block.requests for block in blocks(tmp_path)] == [["kept"]] and len(list(tmp_path.iterdir())) == 1
    assert asked.metric('towpath_prediction_log_dropped_total{reason="disk"}') == 1


def test_who_predicts_does_not_wait_for_a_slow_disk_and_the_room_is_bounded(bundles, tmp_path, monkeypatch):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    stuck, write = threading.Event(), os.write

    def wait(file: int, content: bytes) -> int:
        if threading.current_thread().name == "prediction log":
            stuck.wait(20)
        return write(file, content)

    monkeypatch.setattr(os, "write", wait)
    slowest = 0.0
    for _ in range(ROOM // 100 + 30):
        began = time.perf_counter()
        assert asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER] * 100}).status == 200
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 1 and log.crowded > 0
    assert log._put_rows - log._taken_rows <= ROOM + 100

    stuck.set()
    log.close(10)
    assert log.written + log.crowded == (ROOM // 100 + 30) * 100


def test_files_that_are_not_the_logs_stay_where_they_are(bundles, tmp_path):
    foreign = [tmp_path / f"app{i:02}.log" for i in range(30)]
    for path in foreign:
        path.write_bytes(b"x" * 1000)
    log = PredictionLog(tmp_path, most_bytes=16_000)
    asked_with(bundles, log).ask("POST", "/predict", CUSTOMER)
    log.close(5)

    assert log.written == 1 and all(path.exists() for path in foreign)


def test_workers_that_start_and_are_asked_nothing_cost_no_answer_that_is_logged(bundles, tmp_path):
    log = PredictionLog(tmp_path)
    asked_with(bundles, log).ask("POST", "/predict", CUSTOMER, "first")
    log.close(5)
    for _ in range(2 * SEGMENTS):
        PredictionLog(tmp_path).close(5)

    assert [block.requests for block in blocks(tmp_path)] == [["first"]] and len(list(tmp_path.iterdir())) == 1


def test_an_id_larger_than_64_bits_is_logged_as_its_digits(bundles, tmp_path):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    for one in (10**25, 7):
        assert asked.ask("POST", "/predict", CUSTOMER | {"CustomerId": one}).status == 200
    log.close(5)

    assert [value for block in blocks(tmp_path) for value in block.ids["CustomerId"]] == [str(10**25), 7]


def test_what_cannot_be_encoded_is_counted_and_ends_no_log(bundles, tmp_path, monkeypatch):
    log = PredictionLog(tmp_path)
    asked = asked_with(bundles, log)
    with monkeypatch.context() as broken:
        broken.setattr(recording.Source, "block", lambda *_: 1 / 0)
        asked.ask("POST", "/predict", CUSTOMER, "lost")
        until(lambda: log.failed == 1)
    asked.ask("POST", "/predict", CUSTOMER, "kept")
    log.close(5)

    assert [block.requests for block in blocks(tmp_path)] == [["kept"]]
    assert asked.metric('towpath_prediction_log_dropped_total{reason="failed"}') == 1


def test_two_workers_with_one_number_in_one_second_write_two_files(bundles, tmp_path):
    logs = [PredictionLog(tmp_path) for _ in range(2)]
    for log in logs:
        asked_with(bundles, log).ask("POST", "/predict", CUSTOMER)
        log.close(5)

    assert [log.written for log in logs] == [1, 1] and len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_to_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(InfrastructureError, match="the prediction log cannot be written to"):
        PredictionLog(tmp_path / "file" / "log")


def test_nobody_else_may_read_it(bundles, tmp_path):
    log = PredictionLog(tmp_path / "log")
    log.close(5)

    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "log").iterdir())


def until(true) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)
