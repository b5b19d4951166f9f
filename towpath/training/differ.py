"""What a client would notice between two models: changes of the contract, then of the answers to the same rows."""

from typing import Literal

from msgspec import Struct

from towpath.core.behaviour import Behaviour, behaviour_diff
from towpath.core.contract_diff import Change, Step, contract_diff, smallest_step
from towpath.core.errors import TowpathError
from towpath.training import metrics
from towpath.training.contender import Contender
from towpath.training.same_rows import SameRows


class Difference(Struct, frozen=True):
    """The smallest step of a version from old to new, why, and what it rests on.

    behaviour is None where the old contract cannot be asked about the new one's rows, with the reason in `unasked`.
    """

    step: Step
    why: str
    contract: tuple[Change, ...]
    behaviour: Behaviour | None = None
    unasked: str = ""


def differ(old: Contender, new: Contender, rows: SameRows | str) -> Difference:
    """rows: held-out rows of the new one, or why there are none."""
    changes = contract_diff(old.contract, new.contract)
    step = smallest_step(changes)
    found, unasked = (None, rows) if isinstance(rows, str) else _behaviour(old, new, rows)
    if step == "patch" and (found is None or found.noticeable):
        reason = "answers change beyond the tolerance" if found else "nobody can tell whether answers change"
        return Difference("minor", reason, changes, found, unasked)
    return Difference(step, _why(step, changes), changes, found, unasked)


def _why(step: Literal["major", "minor", "patch"], changes: tuple[Change, ...]) -> str:
    match step:
        case "major":
            count = sum(change.kind == "breaking" for change in changes)
            return f"{count} change{'s break' if count > 1 else ' breaks'} what clients rely on"
        case "minor":
            return "something is added, nothing breaks"
    return (
        "clients notice nothing but words" if changes else "the contract is the same, answers are within the tolerance"
    )


def _behaviour(old: Contender, new: Contender, rows: SameRows) -> tuple[Behaviour | None, str]:
    try:
        scores = [one.scores(rows.features) for one in (old, new)]
    except TowpathError as error:
        return None, str(error)
    task = new.contract.task
    decided = [
        metrics.predicted(task, rows.targets, score, one.engine.settings.threshold).decisions
        for one, score in zip((old, new), scores, strict=True)
    ]
    return behaviour_diff(*scores, *decided, is_value=task.kind == "regression"), ""
