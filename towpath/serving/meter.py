"""Routes whose answers are counted and timed."""

from bisect import bisect_left
from collections.abc import Callable

from towpath.serving.exchange import Exchange, Route
from towpath.serving.telemetry import SECONDS, Telemetry

ASKED, TOLD, PROBED = (200, 400, 422, 500, 503), (200,), (200, 503)
EXPLAINED = (*ASKED, 501)
"""The statuses that routes are known to give, by their kind."""

_REQUESTS = ("towpath_requests_total", "Requests answered, by route and status.")
_DURATION = ("towpath_request_duration_seconds", "Seconds from the whole request to its reply, by route.")


def metered(
    telemetry: Telemetry, service: str, route: str, handle: Callable[[Exchange], None], *statuses: int
) -> Route:
    """A route of a service, or of the worker's own where that is ""; series of these statuses exist from the start."""
    labels = {"service": service, "route": route}
    duration = telemetry.histogram(*_DURATION, **labels)
    buckets = duration.counts
    counters = {status: telemetry.counter(*_REQUESTS, **labels, status=str(status)) for status in statuses}

    def observe(status: int, seconds: float) -> None:
        counter = counters.get(status)
        if counter is None:
            counter = counters[status] = telemetry.counter(*_REQUESTS, **labels, status=str(status))
        counter.value += 1.0
        # What Histogram.observe does, of which this is the one call that every request pays for.
        buckets[bisect_left(SECONDS, seconds)] += 1
        duration.total += seconds

    return Route(handle, observe)
