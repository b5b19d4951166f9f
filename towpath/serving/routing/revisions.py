"""What each revision was asked and how it went: so that whoever shifts traffic can compare the new with the old."""

from collections.abc import Sequence
from time import perf_counter

from towpath.serving.exchange import Exchange
from towpath.serving.telemetry import Counter, Histogram, Telemetry

TOLD = 8  # revisions of a service: those that answer beside each other, and some before them
OUTCOMES = ("answered", "refused", "failed", "busy")

_REQUESTS = ("towpath_revision_requests_total", "Requests, by the revision that they went to and how it went.")
_DURATION = ("towpath_revision_duration_seconds", "Seconds from the whole request to its answer, by revision.")


class Revision:
    """The series of one revision."""

    def __init__(self, telemetry: Telemetry, labels: dict[str, str]):
        self._telemetry, self._labels = telemetry, labels
        self.outcomes: dict[str, Counter] = {
            one: telemetry.counter(*_REQUESTS, **labels, outcome=one) for one in OUTCOMES
        }
        self.duration: Histogram = telemetry.histogram(*_DURATION, **labels)

    def answered(self, exchanges: Sequence[Exchange]) -> None:
        """These requests have just been answered."""
        now, observe = perf_counter(), self.duration.observe
        self.outcomes["answered"].value += len(exchanges)
        for exchange in exchanges:
            observe(now - exchange.began)

    def forget(self) -> None:
        for one in OUTCOMES:
            self._telemetry.forget(_REQUESTS[0], **self._labels, outcome=one)
        self._telemetry.forget(_DURATION[0], **self._labels)


class Revisions:
    """Revisions(telemetry).of("bankchurn", "bankchurn/prod#7"); those asked for longest ago are told no more."""

    def __init__(self, telemetry: Telemetry):
        self._telemetry = telemetry
        self._known: dict[str, Revision] = {}

    def of(self, service: str, label: str) -> Revision:
        known = self._known.pop(label, None)
        self._known[label] = known or Revision(self._telemetry, {"service": service, "revision": label})
        while len(self._known) > TOLD:
            self._known.pop(next(iter(self._known))).forget()
        return self._known[label]

    def note(self, label: str, outcome: str) -> None:
        """A request went so; of a revision that is told no more it is not counted."""
        if known := self._known.get(label):
            known.outcomes[outcome].value += 1
