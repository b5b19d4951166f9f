"""How many threads every part of a fitted pipeline uses."""

from typing import Any


def set_threads(pipeline: Any, threads: int) -> Any:
    """n_jobs of every part that was given one, whatever holds it: 1 is one thread, -1 is one for each core."""
    for part in _parts(pipeline):
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = threads
    return pipeline


def _parts(pipeline: Any) -> list[Any]:
    """Every estimator inside, the fitted ones too."""
    found, waiting = [], [pipeline]
    while waiting:
        part = waiting.pop()
        found.append(part)
        inner = [step for _, step in getattr(part, "steps", [])] + list(getattr(part, "estimators_", []))
        inner += [step for _, step, _ in getattr(part, "transformers_", [])]
        waiting += [one for one in inner if hasattr(one, "get_params")]
    return found
