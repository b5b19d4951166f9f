"""run.json: one training as experiment trackers know it: parameters, metrics, tags and the files worth keeping."""

from typing import Any

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import UsageError
from towpath.core.evaluation import Evaluation, Metric

RESERVED = ("latest",)  # MLflow's own word; so is v with a number


class TrackedRun(Struct, frozen=True, tag_field="format", tag=formats.RUN, forbid_unknown_fields=True):
    """One training run. at is in seconds since 1970, UTC; files are names inside the candidate's folder."""

    service: str
    candidate: str
    at: float
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    files: tuple[str, ...] = ()


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """Every metric with the ends of its interval, `auc`, `auc_lo`, `auc_hi`; of slices `slices/Gender/Male/recall`."""
    found = {metric.name: metric for metric in evaluation.metrics}
    for one in evaluation.slices:
        if one.metric:
            found[f"slices/{plain(one.field)}/{plain(one.group)}/{one.name}"] = one.metric
    return {name: number for stem, metric in found.items() for name, number in _with_interval(plain(stem), metric)}


def params_of(params: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}


def plain(name: str) -> str:
    """A name of the characters that trackers take."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in name)


def check_alias(name: str) -> None:
    """Raises UsageError for a name that MLflow keeps for itself."""
    if name in RESERVED or (name[:1] in "vV" and name[1:].isdigit()):
        raise UsageError(
            f"{name!r} cannot be the alias of a model version; MLflow keeps it for itself",
            hint="use an environment's name, such as prod",
        )


def _with_interval(name: str, metric: Metric) -> list[tuple[str, float]]:
    return [(name, metric.value), (f"{name}_lo", metric.low), (f"{name}_hi", metric.high)]
