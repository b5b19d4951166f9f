"""Counts what a model answers, off the way of the answers: they are put aside first and summed up many at a time."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from msgspec import Struct

from towpath.core.reference import shares
from towpath.engine.answers import Seen, together
from towpath.serving.exchange import Exchange
from towpath.serving.model import Model, Observe
from towpath.serving.sketches import Live, Sketches
from towpath.serving.telemetry import Bins, Telemetry

LARGE = 4096  # bytes of a request, from which on its records do not wait for others: long texts would add up
CHUNK = 512  # answers summed up at once: 0.15 ms with ten features, which no single request notices
MOST = 640  # a chunk and what came with its last request

Metric = tuple[str, str]

Decide = Callable[[np.ndarray], np.ndarray]
"""Scores to the positions of their classes."""

PREDICTED = ("towpath_predictions_total", "Predictions made, by class.")
BATCH = ("towpath_batch_rows", "Records answered, by request; a single one counts 1.")
FEATURE_BIN = ("towpath_feature_bin_total", "Values of a feature, by bin of the bundle's reference.")
FEATURE_EXCESS = ("towpath_feature_excess_total", "How far values lie from their bin's edge, summed up by bin.")
FEATURE_MISSING = ("towpath_feature_missing_total", "Records without a value of a feature.")
FEATURE_UNSEEN = ("towpath_feature_unseen_total", "Values of a feature that are in no bin of the reference.")
FEATURE_SHARE = ("towpath_reference_share", "Share of a feature's values by bin, in the bundle's reference.")
SCORE_BIN = ("towpath_score_bin_total", "Scores, by bin of the bundle's reference.")
SCORE_EXCESS = ("towpath_score_excess_total", "How far scores lie from their bin's edge, summed up by bin.")
SCORE_SHARE = ("towpath_score_reference_share", "Share of the scores by bin, in the bundle's reference.")


class Observer:
    """What one bundle was asked and answered in one service; its series exist from the start."""

    def __init__(self, telemetry: Telemetry, service: str, model: Model):
        self._decide = _decides(model)
        self._sketches = Sketches(model.contract, model.bundle.reference(), model.bundle.plan)
        self._call_soon = model.call_soon
        self._predicted = [telemetry.counter(*PREDICTED, service=service, **{"class": one}) for one in model.classes]
        self._rows = telemetry.sizes(*BATCH, service=service)
        self._records: list[Struct] = []
        self._waiting = 0  # answers that are not summed up yet
        self._seen: list[tuple[Decide | None, Seen]] = []  # each with how its model decides
        self._batches: list[int] = []  # how many of these records came together, where it was more than one
        self._folding = False
        self._labels = {"service": service, "bundle": model.short_id}
        self._told: list[tuple[str, dict[str, str]]] = []
        self._tell(telemetry)

    def observing(self, model: Model) -> Observe:
        """What is told of the answers of a model of this bundle; others of it may decide by other settings."""
        return partial(self.observe, decide=_decides(model))

    def observe(
        self, exchanges: Sequence[Exchange], records: Sequence[Struct], seen: Seen, decide: Decide | None = None
    ) -> None:
        """Requests of a record each, or all records of one, were answered; decided by the first model's settings."""
        count = len(records)
        self._waiting += count
        self._seen.append((decide or self._decide, seen))
        if self._sketches.reads_records:  # else they are not kept: memory that is used again at once is still near
            self._records += records
        if count != len(exchanges):
            self._batches.append(count)
        if not self._folding and (self._waiting >= CHUNK or self._is_large(exchanges)):
            self._folding = True
            self._call_soon(self._fold_next)

    def _is_large(self, exchanges: Sequence[Exchange]) -> bool:
        return self._sketches.reads_records and max([len(one.body) for one in exchanges]) > LARGE

    def fold(self) -> None:
        """Sum up all that was put aside: before anybody looks."""
        if not self._waiting:
            return
        records, self._records = self._records, []
        aside, self._seen = self._seen, []
        seen = together([one for _, one in aside])
        batches, self._batches = self._batches, []
        waited, self._waiting = self._waiting, 0
        for size in batches:
            self._rows.observe(size)
        self._rows.observe(1.0, waited - sum(batches))
        step = waited if waited <= MOST else CHUNK
        for start in range(0, waited, step):
            self._sketches.add(records[start : start + step], seen[start : start + step])
        self._count_decided(aside)

    def forget(self, telemetry: Telemetry) -> None:
        """Its series are told no more."""
        for name, labels in self._told:
            telemetry.forget(name, **labels)

    def _fold_next(self) -> None:
        self._folding = False
        self.fold()

    def _count_decided(self, aside: Sequence[tuple[Decide | None, Seen]]) -> None:
        alike: dict[Decide | None, list[Seen]] = {}
        for decide, seen in aside:
            alike.setdefault(decide, []).append(seen)
        for decide, some in alike.items():
            decided = np.bincount(decide(together(some).scores)) if decide else [sum(map(len, some))]
            for count, predicted in zip(decided, self._predicted, strict=False):
                predicted.value += float(count)

    def _tell(self, telemetry: Telemetry) -> None:
        for live in self._sketches.features:
            labels = self._labels | {"feature": live.reference.name}
            self._tell_bins(telemetry, live, (FEATURE_BIN, FEATURE_EXCESS, FEATURE_SHARE), labels)
            for metric, which in ((FEATURE_MISSING, "missing"), (FEATURE_UNSEEN, "unseen")):
                telemetry.reading(*metric, partial(getattr, live, which), **labels)
                self._told.append((metric[0], labels))
        for live in self._sketches.scores:
            labels = self._labels | {"score": live.reference.name}
            self._tell_bins(telemetry, live, (SCORE_BIN, SCORE_EXCESS, SCORE_SHARE), labels)

    def _tell_bins(self, telemetry: Telemetry, live: Live, metrics: Sequence[Metric], labels: dict[str, str]) -> None:
        """Counts, excess where it is one of numbers, and the shares of the reference."""
        given = shares(live.reference)
        excess = None if live.reference.categories else live.excess.tolist
        for metric, read in zip(metrics, (live.counts.tolist, excess, lambda: given), strict=True):
            if read:
                telemetry.bins(*metric, Bins(live.bins, read), labels)
                self._told.append((metric[0], labels))


def _decides(model: Model) -> Decide | None:
    """None where there is nothing to decide."""
    return model.engine.answerer.decide_all if len(model.classes) > 1 else None
