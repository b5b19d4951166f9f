"""Groups side by side: how often each is decided to be positive, and how well the true ones are found in it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from towpath.core import stats
from towpath.core.evaluation import Fairness, GroupRates, Metric
from towpath.training import metrics
from towpath.training.groups import Group, groups_of
from towpath.training.metrics import Predicted, settle


def measure_fairness(names: Sequence[str], seen: Predicted, rows: pd.DataFrame, *, seed: int) -> tuple[Fairness, ...]:
    """Each field's groups; rows has the fields, one row for each prediction. A field the rows do not have has none."""
    return tuple(_field(name, groups_of(name, rows[name]) if name in rows else [], seen, seed) for name in names)


def _field(name: str, groups: list[Group], seen: Predicted, seed: int) -> Fairness:
    large = [group for group in groups if not group.is_small]
    small = tuple(group.name for group in groups if group.is_small)
    rates = {group.name: _rates(seen.only(group.rows)) for group in large}
    selected = {group.name: rates[group.name]["selected"] for group in large}
    reference = max(selected, key=lambda one: selected[one]) if selected else ""
    top = selected.get(reference, 0.0)
    told = tuple(_told(group, rates.get(group.name), top) for group in groups)
    by_name = {group.name: group for group in large}
    recalls = {name: rate["recall"] for name, rate in rates.items()}
    return Fairness(
        name, told, reference, _impact(by_name, selected, seen, seed), _gap(by_name, recalls, seen, seed), small
    )


def _rates(seen: Predicted) -> dict[str, float]:
    said, true = seen.decisions == 1, seen.truth == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "selected": float(said.mean()),
            "recall": float(np.divide((said & true).sum(), true.sum())),
            "false_positives": float(np.divide((said & ~true).sum(), (~true).sum())),
            "precision": float(np.divide((said & true).sum(), said.sum())),
        }


def _told(group: Group, rates: dict[str, float] | None, top: float) -> GroupRates:
    if rates is None:
        return GroupRates(group.name, len(group.rows))
    known = {name: settle(rate) for name, rate in rates.items() if np.isfinite(rate)}
    impact = settle(rates["selected"] / top) if top > 0 else None
    return GroupRates(group.name, len(group.rows), **known, impact=impact)


def _impact(groups: dict[str, Group], selected: dict[str, float], seen: Predicted, seed: int) -> Metric | None:
    """The least selected group's share over the most selected one's.  (29 CFR 1607.4 D: four fifths)"""
    if len(groups) < 2 or max(selected.values()) == 0:
        return None
    least, most = min(selected, key=lambda one: selected[one]), max(selected, key=lambda one: selected[one])
    said = seen.decisions == 1
    shares = [_share(groups[one], said, np.ones(len(seen), dtype=bool)) for one in (least, most)]
    drawn = metrics.resampled({"ratio": lambda weights: shares[0](weights) / shares[1](weights)}, len(seen), seed=seed)
    return _metric("impact", selected[least] / selected[most], drawn["ratio"], seen)


def _gap(groups: dict[str, Group], recalls: dict[str, float], seen: Predicted, seed: int) -> Metric | None:
    """The largest recall less the smallest: equal opportunity.  (Hardt, Price and Srebro, 2016)"""
    if len(groups) < 2 or not all(np.isfinite(recall) for recall in recalls.values()):
        return None
    least, most = min(recalls, key=lambda one: recalls[one]), max(recalls, key=lambda one: recalls[one])
    found, true = (seen.decisions == 1) & (seen.truth == 1), seen.truth == 1
    shares = [_share(groups[one], found, true) for one in (least, most)]
    drawn = metrics.resampled({"gap": lambda weights: shares[1](weights) - shares[0](weights)}, len(seen), seed=seed)
    return _metric("gap", recalls[most] - recalls[least], drawn["gap"], seen)


def _share(group: Group, part: np.ndarray, whole: np.ndarray) -> stats.Statistic:
    """Of the group's rows in `whole`, the share in `part`, under weights."""
    inside = np.zeros(len(part), dtype=bool)
    inside[group.rows] = True
    columns = np.column_stack([part & inside, whole & inside]).astype(np.float64)

    def share(weights: np.ndarray) -> np.ndarray:
        hits, count = (weights @ columns).T
        return np.asarray(hits / count)

    return share


def _metric(name: str, value: float, drawn: np.ndarray, seen: Predicted) -> Metric:
    low, high = stats.interval(drawn[np.isfinite(drawn)])
    return Metric(name, settle(value), settle(low), settle(high), len(seen))
