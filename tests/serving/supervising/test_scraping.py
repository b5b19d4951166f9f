"""Who is scraped answers for all, within a moment."""

from dataclasses import dataclass, field
from typing import Any

from towpath.serving.supervising.scraping import WAIT_SECONDS, Scraping
from towpath.serving.supervising.sums import Family

OWN = {"towpath_workers": Family("gauge", "Workers.", {"towpath_workers": 2.0})}


def text(count: int) -> str:
    return f"# HELP towpath_x_total X.\n# TYPE towpath_x_total counter\ntowpath_x_total {count}\n"


@dataclass
class Said:
    """A channel that keeps what is said."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def say(self, **facts: Any) -> None:
        self.messages.append(facts)


@dataclass(eq=False)
class Worker:
    slot: int
    channel: Said = field(default_factory=Said)


def answered(worker: Worker) -> list[int]:
    """The sums that it was given."""
    given = [message["text"] for message in worker.channel.messages if "sum" in message]
    return [int(line.split()[1]) for one in given for line in one.splitlines() if line.startswith("towpath_x_total")]


def two() -> tuple[Worker, Worker, Scraping]:
    one, other = Worker(0), Worker(1)
    return one, other, Scraping(lambda: [(one, True), (other, True)], lambda: OWN)


def test_the_others_are_asked_and_the_sum_is_given_to_who_was_scraped():
    one, other, scraping = two()
    scraping.begin(one, 7, text(3), now=0.0)
    assert other.channel.messages == [{"tell": 1}] and answered(one) == []
    scraping.take(other, 1, text(4))

    assert answered(one) == [7] and one.channel.messages[0]["sum"] == 7
    assert "towpath_workers 2" in one.channel.messages[0]["text"]


def test_after_a_moment_a_silent_worker_counts_with_what_it_said_last():
    one, other, scraping = two()
    scraping.begin(one, 1, text(3), now=0.0)
    scraping.take(other, 1, text(4))
    scraping.begin(one, 2, text(5), now=10.0)
    assert scraping.until() == 10.0 + WAIT_SECONDS
    scraping.expire(10.0 + WAIT_SECONDS)

    assert answered(one) == [7, 9] and scraping.until() is None


def test_what_a_dead_worker_had_counted_stays_in_the_sum():
    one, other, scraping = two()
    scraping.begin(one, 1, text(3), now=0.0)
    scraping.take(other, 1, text(4))
    scraping.forget(other)
    scraping.begin(one, 2, text(3), now=1.0)
    scraping.expire(2.0)

    assert answered(one) == [7, 7]


def test_a_worker_that_dies_while_it_is_asked_holds_nobody_up():
    one, other, scraping = two()
    scraping.begin(one, 1, text(3), now=0.0)
    scraping.take_last(other, text(4))
    scraping.forget(other)

    assert answered(one) == [7]


def test_what_cannot_be_read_counts_as_nothing_said():
    one, other, scraping = two()
    scraping.begin(one, 1, text(3), now=0.0)
    scraping.take(other, 1, "something newer")

    assert answered(one) == [3]
