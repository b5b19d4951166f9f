"""Expositions of several workers added up."""

import pytest

from towpath.core.errors import TowpathError
from towpath.serving.supervising.sums import kept, read_exposition, summed, without_retired, written_exposition
from towpath.serving.telemetry import Telemetry


def told(count: float, ready: float = 1.0, bundle: str = "a") -> str:
    """What a worker tells that has counted so much."""
    telemetry = Telemetry()
    telemetry.counter("towpath_requests_total", "Requests.", service="iris").add(count)
    telemetry.counter("towpath_feature_missing_total", "Missing.", bundle=bundle).add(count)
    telemetry.histogram("towpath_seconds", "Seconds.").observe(0.001, int(count))
    telemetry.reading("towpath_ready", "Ready.", lambda: ready)
    telemetry.reading("towpath_connections", "Open.", lambda: 2.0)
    telemetry.reading("towpath_worker_info", "Info.", lambda: 1.0, version="1")
    telemetry.reading("towpath_process_resident_bytes", "Memory.", lambda: 100 * count)
    return telemetry.exposition().decode()


def lines(*workers: str, gone: str = "") -> set[str]:
    told = [(slot, read_exposition(text)) for slot, text in enumerate(workers)]
    return set(written_exposition(summed(told, kept({}, read_exposition(gone)))).splitlines())


def test_what_one_worker_tells_is_told_as_it_is_but_for_its_own_process():
    text = told(3)

    assert lines(text) == {
        line.replace("resident_bytes 300", 'resident_bytes{worker="0"} 300') for line in text.splitlines()
    }


def test_counters_and_histograms_add_up():
    found = lines(told(3), told(4))

    assert 'towpath_requests_total{service="iris"} 7' in found
    assert 'towpath_seconds_bucket{le="0.001"} 7' in found and 'towpath_seconds_bucket{le="+Inf"} 7' in found
    assert "towpath_seconds_count 7" in found and "towpath_seconds_sum 0.007" in found


def test_gauges_are_combined_as_fits_each():
    found = lines(told(3, ready=1), told(4, ready=0))

    assert {"towpath_ready 0", "towpath_connections 4", 'towpath_worker_info{version="1"} 1'} <= found
    assert 'towpath_process_resident_bytes{worker="0"} 300' in found
    assert 'towpath_process_resident_bytes{worker="1"} 400' in found


def test_of_a_worker_that_ended_its_counts_stay_and_nothing_else():
    found = lines(told(3), gone=told(5))

    assert {'towpath_requests_total{service="iris"} 8', "towpath_connections 2"} <= found
    assert not any('worker="1"' in line for line in found)


def test_series_of_a_bundle_that_nobody_tells_any_more_are_dropped():
    gone, here = kept({}, read_exposition(told(5, bundle="old"))), read_exposition(told(1, bundle="new"))
    left = without_retired(gone, [here])

    assert left["towpath_feature_missing_total"].series == {}
    assert left["towpath_requests_total"].series == {'towpath_requests_total{service="iris"}': 5}


def test_label_values_may_hold_anything_that_a_label_may():
    telemetry = Telemetry()
    telemetry.counter("towpath_rejected_total", "Rejected.", field='a b"c\\d} 7').add(2)
    text = telemetry.exposition().decode()

    assert written_exposition(read_exposition(text)) == text


@pytest.mark.parametrize("text", ["towpath_x 1", "# TYPE towpath_x counter\ntowpath_x one", "# HELP towpath_x"])
def test_another_text_is_told_to_be_one(text):
    with pytest.raises(TowpathError, match="no exposition"):
        read_exposition(text)
