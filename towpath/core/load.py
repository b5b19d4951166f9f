"""What was measured by a load test, judged by its limits; and how many instances a load takes."""

import math
from typing import Literal

from msgspec import Struct

from towpath.core.latency import Latencies
from towpath.core.load_targets import LATENCIES, Limit, Targets
from towpath.core.stats import wilson_interval

Verdict = Literal["ok", "warning", "broken", "too few"]
DOUBT = 0.05  # that a share is as large as it may be, although nothing of it was seen


class Counted(Struct):
    """What became of requests: latencies of those answered or timed out, and errors by kind.

    late: answers that came only after the seconds were over; they are no throughput.
    """

    latencies: Latencies
    good: int = 0
    late: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = {}

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def requests(self) -> int:
        return self.good + self.failed

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return (self.good - self.late) / self.seconds if self.seconds else 0.0


class Check(Struct, frozen=True):
    """One limit and what was measured. `needed`: how many requests it takes to tell, where there were too few."""

    name: str
    measured: float
    limit: Limit
    verdict: Verdict
    needed: int = 0


def judge(counted: Counted, targets: Targets) -> list[Check]:
    """Each limit with its verdict: ok, warning (beyond the target), broken (beyond what is critical), or too few.

    Too few: fewer requests than it takes to be 95 % sure of the critical limit, and none of it surely broken.
    """
    checks = [_judge_latency(name, share, counted, getattr(targets, name)) for name, share in LATENCIES.items()]
    return [*checks, _judge_errors(counted, targets.errors), _judge_throughput(counted, targets.rps)]


def needed(share: float) -> int:
    """How many requests without one exception show, with 95 % confidence, that fewer than this share are one.

    >>> needed(0.01)
    299
    """
    return math.ceil(math.log(DOUBT) / math.log1p(-share))


def _judge_latency(name: str, share: float, counted: Counted, limit: Limit) -> Check:
    latencies, fewest = counted.latencies, needed(1 - share)
    measured = latencies.quantile(share)
    if latencies.count < fewest:
        surely = _at_least(latencies.above(limit.critical), latencies.count) > 1 - share
        return Check(name, measured, limit, "broken" if surely else "too few", fewest)
    return Check(name, measured, limit, _verdict(measured, limit))


def _judge_errors(counted: Counted, limit: Limit) -> Check:
    measured, fewest = counted.failed / max(counted.requests, 1), needed(limit.critical)
    if counted.requests < fewest:
        surely = _at_least(counted.failed, counted.requests) > limit.critical
        return Check("errors", measured, limit, "broken" if surely else "too few", fewest)
    return Check("errors", measured, limit, _verdict(measured, limit))


def _judge_throughput(counted: Counted, limit: Limit) -> Check:
    measured = counted.per_second
    verdict: Verdict = "ok" if measured >= limit.target else "warning" if measured >= limit.critical else "broken"
    return Check("rps", measured, limit, verdict)


def _at_least(events: int, trials: int) -> float:
    """The smallest share that so many events leave likely."""
    return wilson_interval(events, trials)[0] if trials else 0.0


def _verdict(measured: float, limit: Limit) -> Verdict:
    return "ok" if measured < limit.target else "warning" if measured < limit.critical else "broken"


# --- how many instances --------------------------------------------------------------------------------------------

INSTANCES = ((100.0, "1"), (500.0, "2 to 3"), (1000.0, "3 to 5"))
MORE = "5 or more"
HEADROOM = 0.7  # of what an instance can do: beyond it waiting grows faster than load


def rule_of_thumb(per_second: float) -> str:
    """How many instances of a service of the usual speed, some 100 to 200 requests a second, so many take."""
    return next((instances for upto, instances in INSTANCES if per_second < upto), MORE)
