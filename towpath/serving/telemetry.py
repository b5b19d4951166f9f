"""Counters and histograms, and their Prometheus text; series exist from the start, so no rate begins with a gap."""

import os
import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate

from msgspec import Struct

from towpath.engine import forest
from towpath.serving import journal
from towpath.version import VERSION

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds of durations: a prediction takes about 0.1 ms, the reference services' 10 ms to 5 s are still told apart."""

SIZES = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
"""Bounds of how many records: up to the largest batch that a service takes unless it says otherwise."""

EXACT = 2**53  # up to which a float is told as the whole number that it is

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        self.value += amount

    def lines(self, name: str, labels: str) -> list[str]:
        return [f"{name}{_braced(labels)} {_number(self.value)}"]


class Histogram:
    """Values, counted by bucket: durations in seconds where nothing else is said."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def lines(self, name: str, labels: str) -> list[str]:
        comma = "," if labels else ""
        upto = list(accumulate(self.counts))
        bounds = [*map(_number, self.bounds), "+Inf"]
        buckets = [
            f'{name}_bucket{{{labels}{comma}le="{bound}"}} {count}' for bound, count in zip(bounds, upto, strict=True)
        ]
        return [
            *buckets,
            f"{name}_sum{_braced(labels)} {_number(self.total)}",
            f"{name}_count{_braced(labels)} {upto[-1]}",
        ]


class Reading(Struct, frozen=True):
    """A number that is read when it is asked for."""

    read: Callable[[], float]

    def lines(self, name: str, labels: str) -> list[str]:
        return [f"{name}{_braced(labels)} {_number(self.read())}"]


class Bins(Struct, frozen=True):
    """One number for each bin, read when it is asked for; the bins' names become the label `bin`."""

    names: list[str]
    read: Callable[[], list[float]]

    def lines(self, name: str, labels: str) -> list[str]:
        start = f"{name}{{{labels},"
        ends = [f"{label_text({'bin': bin})}}} " for bin in self.names]
        return [f"{start}{end}{_number(value)}" for end, value in zip(ends, self.read(), strict=True)]


Told = Callable[[bytes | None], None]
"""Gets an exposition, at once or later; None where there is none to be had."""

Series = Counter | Histogram | Reading | Bins


class Telemetry:
    """All series of a worker, by metric and labels. Asking twice for one series gives the same."""

    def __init__(self) -> None:
        self._metrics: dict[str, tuple[str, str, dict[str, Series]]] = {}
        self.tell: Callable[[Told], None] = lambda told: told(self.exposition())  # or the sum over all workers
        self.before_telling: dict[str, Callable[[], None]] = {}  # by who asks for it: what is put aside is counted

    def counter(self, name: str, about: str, **labels: str) -> Counter:
        return self._series("counter", name, about, labels, Counter)  # type: ignore[return-value]  # made by Counter

    def histogram(self, name: str, about: str, **labels: str) -> Histogram:
        return self._series("histogram", name, about, labels, Histogram)  # type: ignore[return-value]  # made by Histogram

    def sizes(self, name: str, about: str, **labels: str) -> Histogram:
        """A histogram of how many."""
        made = self._series("histogram", name, about, labels, partial(Histogram, SIZES))
        return made  # type: ignore[return-value]  # made by Histogram

    def bins(self, name: str, about: str, bins: Bins, labels: Mapping[str, str]) -> None:
        """A number for each bin: a counter where the name ends in _total, else a gauge."""
        self._family(name, about)[label_text(labels)] = bins

    def reading(self, name: str, about: str, read: Callable[[], float], **labels: str) -> None:
        """A gauge, or where the name ends in _total a counter; the last reading given for the same labels counts."""
        self._family(name, about)[label_text(labels)] = Reading(read)

    def total(self, name: str) -> float:
        """The sum over all series of a counter; 0 where there is none."""
        _, _, series = self._metrics.get(name, ("", "", {}))
        return sum(one.value for one in series.values() if isinstance(one, Counter))

    def forget(self, name: str, **labels: str) -> None:
        """Drop a series whose labels will never be true again."""
        self._metrics[name][2].pop(label_text(labels), None)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        for settle in self.before_telling.values():
            settle()
        lines: list[str] = []
        for name, (kind, about, series) in sorted(self._metrics.items()):
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            for labels, one in series.items():
                lines += one.lines(name, labels)
        return ("\n".join(lines) + "\n").encode()

    def _family(self, name: str, about: str) -> dict[str, Series]:
        return self._metrics.setdefault(name, ("counter" if name.endswith("_total") else "gauge", about, {}))[2]

    def _series(
        self, kind: str, name: str, about: str, labels: Mapping[str, str], make: Callable[[], Series]
    ) -> Series:
        series = self._metrics.setdefault(name, (kind, about, {}))[2]
        text = label_text(labels)
        if text not in series:
            series[text] = make()
        return series[text]


def observe_process(telemetry: Telemetry, began: float) -> None:
    """Memory, processor time and age of this process, and what its log had to drop."""
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    telemetry.reading("towpath_process_resident_bytes", "Memory this worker holds.", lambda: _resident_pages() * page)
    telemetry.reading("towpath_process_cpu_seconds_total", "Processor time this worker has used.", time.process_time)
    requests = partial(telemetry.total, "towpath_requests_total")
    telemetry.reading("towpath_process_requests_total", "Requests that this worker has answered.", requests)
    telemetry.reading(
        "towpath_process_uptime_seconds", "How long this worker has been running.", lambda: time.monotonic() - began
    )
    versions = {"version": VERSION, "python": platform.python_version()}
    versions["trees"] = "compiled" if forest.is_compiled() else "onnxruntime"
    telemetry.reading("towpath_worker_info", "What this worker runs on.", lambda: 1.0, **versions)
    telemetry.reading("towpath_log_dropped_total", "Lines of the log that could not be written.", journal.dropped)


def label_text(labels: Mapping[str, str]) -> str:
    """`service="iris",route="/predict"`, with what would end a value escaped."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _number(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) < EXACT else repr(value)


def _resident_pages() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1])
    except OSError:  # not Linux
        return 0
