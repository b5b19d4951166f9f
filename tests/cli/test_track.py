"""towpath candidate track: what is told where there is no server, or none that answers."""

import pytest

from tests.cli.conftest import Towpath
from towpath.wiring import Project


def test_without_a_server_there_is_nothing_to_send(towpath: Towpath, bank: Project):
    done = towpath("candidate", "track")

    assert done.code == 2
    assert "bank has no tracking server" in done.err and "[tracking]" in done.err


def test_a_server_that_is_down_is_told_and_nothing_is_lost(
    towpath: Towpath, bank: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOWPATH_TRACKING_URL", "http://127.0.0.1:9")  # the port of nobody
    trained, sent = towpath("train", "loans"), towpath("candidate", "track")

    assert trained.code == 0
    assert "warning: http://127.0.0.1:9 cannot be reached: Connection refused" in trained.err
    assert (sent.code, "1 of 1 still to be sent" in sent.err) == (8, True)


def test_a_candidate_that_waits_already_is_sent_once(towpath: Towpath, bank: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOWPATH_TRACKING_URL", "http://127.0.0.1:9")
    towpath("train", "loans")

    assert "1 of 1 still to be sent" in towpath("candidate", "track", "--all").err


def test_an_address_that_is_none_is_refused_before_anything_is_done(
    towpath: Towpath, bank: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOWPATH_TRACKING_URL", "file:./mlruns")
    done = towpath("train", "loans")

    assert (done.code, "TOWPATH_TRACKING_URL is 'file:./mlruns'" in done.err) == (2, True)
