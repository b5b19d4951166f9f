"""The exposition: what Prometheus reads."""

from towpath.serving.telemetry import SECONDS, Telemetry, label_text, observe_process


def test_a_series_is_there_before_anything_happened():
    telemetry = Telemetry()
    telemetry.counter("towpath_requests_total", "Requests.", service="iris", status="200")

    expected = [
        "# HELP towpath_requests_total Requests.",
        "# TYPE towpath_requests_total counter",
        'towpath_requests_total{service="iris",status="200"} 0',
    ]
    assert telemetry.exposition().decode().splitlines() == expected


def test_one_series_asked_for_twice_is_one():
    telemetry = Telemetry()
    telemetry.counter("a_total", "A.", x="1").add()
    telemetry.counter("a_total", "A.", x="1").add(2)

    assert b'a_total{x="1"} 3\n' in telemetry.exposition()


def test_buckets_count_upwards_and_the_last_holds_all():
    histogram = Telemetry().histogram("seconds", "Seconds.")
    for seconds in (0.00005, 0.0001, 0.3, 99.0):
        histogram.observe(seconds)
    lines = histogram.lines("seconds", "")

    assert lines[0] == 'seconds_bucket{le="0.0001"} 2'  # the bound itself belongs to its bucket
    assert 'seconds_bucket{le="0.5"} 3' in lines and 'seconds_bucket{le="+Inf"} 4' in lines
    assert lines[-1] == "seconds_count 4" and len(lines) == len(SECONDS) + 3


def test_a_label_cannot_break_out_of_its_quotes():
    assert label_text({"a": 'x"} 1\n\\'}) == 'a="x\\"} 1\\n\\\\"'


def test_the_process_tells_its_memory_and_time():
    telemetry = Telemetry()
    observe_process(telemetry, 0.0)
    lines = dict(line.split(" ") for line in telemetry.exposition().decode().splitlines() if not line.startswith("#"))

    assert float(lines["towpath_process_resident_bytes"]) > 1 << 20
    assert float(lines["towpath_process_cpu_seconds_total"]) > 0
    assert float(lines["towpath_log_dropped_total"]) == 0


def test_a_series_that_is_forgotten_is_told_no_more_and_the_others_are():
    telemetry = Telemetry()
    for name in ("iris", "wine"):
        telemetry.reading("towpath_ready", "Ready.", lambda: 1.0, service=name)
    telemetry.forget("towpath_ready", service="wine")

    assert b"iris" in telemetry.exposition() and b"wine" not in telemetry.exposition()
