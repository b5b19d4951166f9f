"""Which revision was live when, and which answers came from one that was not."""

from bisect import bisect_left

import numpy as np


class Timeline:
    """A generation is live from when its file is in place until every worker has acknowledged the next one.

    All times are seconds of time.monotonic(); revisions are numbered as the outcomes of records are.
    """

    def __init__(self, revision: int, begin: float):
        self._revisions, self._begins, self._ends = [revision], [begin], [float("inf")]

    def begin(self, revision: int, now: float) -> None:
        """The file of the next generation is in place."""
        self._revisions.append(revision)
        self._begins.append(now)
        self._ends.append(float("inf"))

    def end(self, now: float) -> None:
        """Every worker acts upon the last generation: the one before it may answer no more."""
        self._ends[-2] = now

    def outdated(self, records: np.ndarray) -> np.ndarray:
        """Which answers came from a revision that was live at no moment between question and answer: bool (records,)"""
        found = np.zeros(len(records), bool)
        for revision in set(records["outcome"][records["outcome"] >= 0].tolist()):
            mine = records["outcome"] == revision
            found[mine] = ~self._overlaps(revision, records[mine])
        return found

    def _overlaps(self, revision: int, records: np.ndarray) -> np.ndarray:
        """Its last generation that had begun when the answer came had not ended when the question was sent."""
        own = [index for index, one in enumerate(self._revisions) if one == revision]
        if not own:
            return np.zeros(len(records), bool)
        begins, ends = (np.array([times[index] for index in own]) for times in (self._begins, self._ends))
        last = np.searchsorted(begins, records["answered"], side="right") - 1
        return (last >= 0) & (ends[np.maximum(last, 0)] >= records["asked"])

    def delays(self, records: np.ndarray) -> list[float]:
        """For each swap, seconds from its file in place to the last answer of the one before; 0 where none came."""
        times = {one: np.sort(records["answered"][records["outcome"] == one]).tolist() for one in set(self._revisions)}
        until = [*self._begins[2:], float("inf")]
        return [
            _last_between(times[before], begin, end)
            for before, begin, end in zip(self._revisions, self._begins[1:], until, strict=False)
        ]


def _last_between(times: list[float], begin: float, end: float) -> float:
    """Seconds after begin of the last of these times before the end."""
    index = bisect_left(times, end) - 1
    return max(0.0, times[index] - begin) if index >= 0 else 0.0
