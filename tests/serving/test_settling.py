"""A process made ready to serve, and what it logs of its loop."""

import asyncio
import json
import resource

from towpath.serving import journal, settling
from towpath.serving.limits import Limits
from towpath.serving.settling import OTHER_FILES, settle_process
from towpath.serving.worker import LoopFaults


def test_with_files_enough_the_limits_are_as_they_were(monkeypatch):
    monkeypatch.setattr(settling, "_raise_files", lambda wanted: wanted)

    assert settle_process(Limits()) == Limits()


def test_with_few_files_there_are_fewer_connections_and_the_log_says_so(monkeypatch, capfd):
    monkeypatch.setattr(settling, "_raise_files", lambda wanted: 1024)
    given = settle_process(Limits())
    journal.flush()
    told = json.loads(capfd.readouterr().err)

    assert 1024 - 256 - 100 < given.connections < 1024 - 256
    assert told["event"] == "few_files" and told["connections"] == given.connections and "ulimit" in told["hint"]


def test_files_are_asked_for_up_to_what_the_system_allows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert settling._raise_files(300) == 300
        assert settling._raise_files(200) == 300, "never lowered"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert OTHER_FILES > 0


def test_out_of_files_a_loop_says_so_once_a_second_and_other_faults_each_time(capfd):
    loop = asyncio.new_event_loop()
    faults = LoopFaults()
    for _ in range(100):
        faults.tell(loop, {"message": "socket.accept() out of system resource", "exception": OSError(24, "files")})
    for _ in range(2):
        faults.tell(loop, {"message": "Task was destroyed but it is pending!"})
    loop.close()
    journal.flush()
    told = [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()]

    assert len(told) == 3 and told[0].startswith("socket.accept()")
