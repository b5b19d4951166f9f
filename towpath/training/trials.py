"""The trials of a search in Optuna's journal: a file that grows, so that a killed search can be gone on with."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from towpath.core.errors import InfrastructureError
from towpath.declare.tuning import Choice, Search, Space, Whole

STUDY = "towpath"
FOLDS, DECLARED, PARAMS = "folds", "declared", "params"
DIGITS = 3  # of a number that is tried: more say nothing, and nobody wants to read them in service.py


def load_optuna() -> Any:
    """The library, its own chatter off. Raises InfrastructureError naming the extra."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import optuna
    except ModuleNotFoundError as error:
        raise InfrastructureError(
            "tuning needs optuna, which is not installed", hint='pip install "towpath[tuning]"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class Trials:
    """What was tried, and what to try next. What is tried depends on the seed and on what is finished, nothing else,
    so a search that was interrupted finds what an uninterrupted one does.
    """

    def __init__(self, journal: Path, sign: int, seed: int):
        self._optuna = load_optuna()
        self._seed = seed
        self._sign = sign
        journal.parent.mkdir(parents=True, exist_ok=True)
        drop_torn_line(journal)
        Path(f"{journal}.lock").unlink(missing_ok=True)  # left by a killed search; ours is the only one, see tune.py
        backend = self._optuna.storages.journal.JournalFileBackend(str(journal))
        self._study = self._optuna.create_study(
            study_name=STUDY,
            storage=self._optuna.storages.JournalStorage(backend),
            direction="maximize" if sign > 0 else "minimize",
            pruner=self._optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
            load_if_exists=True,
        )

    @property
    def declared(self) -> list[float]:
        """What the declared parameters reach, once it is known."""
        return list(self._study.user_attrs.get(DECLARED, []))

    @declared.setter
    def declared(self, folds: list[float]) -> None:
        self._study.set_user_attr(DECLARED, folds)

    @property
    def done(self) -> int:
        return len(self._finished())

    @property
    def pruned(self) -> int:
        return self._count("PRUNED")

    @property
    def failed(self) -> int:
        return self._count("FAIL")

    @property
    def best_value(self) -> float:
        """The best mean of the trials that went through all folds, the declared parameters counted."""
        found = self.best()
        means = [float(np.mean(self.declared)), *([float(np.mean(found[1]))] if found else [])]
        return max(means) if self._sign > 0 else min(means)

    def best(self) -> tuple[dict[str, Any], list[float]] | None:
        """Parameters and folds of the best trial; of equals the first."""
        complete = [trial for trial in self._finished() if trial.state.name == "COMPLETE"]
        if not complete:
            return None
        best = max(complete, key=lambda trial: (self._sign * trial.value, -trial.number))
        return dict(best.user_attrs[PARAMS]), list(best.user_attrs[FOLDS])

    def ask(self, search: Search) -> "Trial":
        """The next parameters to try."""
        # A sampler remembers nothing between two sessions, so each trial gets one of its own.
        sampler = self._optuna.samplers.TPESampler(seed=(self._seed + 7919 * self.done) % 2**32)
        self._study.sampler = sampler
        trial = self._study.ask()
        params = {name: suggest(trial, name, space) for name, space in search.space.items()}
        trial.set_user_attr(PARAMS, params)
        return Trial(self._study, trial, params)

    def _finished(self) -> list[Any]:
        """A trial that was running when its process was killed counts for nothing."""
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def _count(self, state: str) -> int:
        return sum(trial.state.name == state for trial in self._finished())


class Trial:
    """One set of parameters being tried."""

    def __init__(self, study: Any, trial: Any, params: dict[str, Any]):
        self._study = study
        self._trial = trial
        self.params = params
        self._stopped = False

    def should_stop(self, fold: int, mean: float) -> bool:
        """Whether it does worse after this fold than half of the trials before it did."""
        self._trial.report(mean, fold)
        self._stopped = bool(self._trial.should_prune())
        return self._stopped

    def finish(self, folds: list[float]) -> None:
        state = load_optuna().trial.TrialState
        self._trial.set_user_attr(FOLDS, folds)
        self._study.tell(self._trial, state=state.PRUNED if self._stopped else state.COMPLETE,
                         values=None if self._stopped else float(np.mean(folds)))  # fmt: skip

    def fail(self, reason: str) -> None:
        self._trial.set_user_attr("reason", reason)
        self._study.tell(self._trial, state=load_optuna().trial.TrialState.FAIL)


def suggest(trial: Any, name: str, space: Space) -> Any:
    match space:
        case Whole(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case Choice(values=values):
            return trial.suggest_categorical(name, list(values))
        case _:
            number = trial.suggest_float(name, space.low, space.high, log=space.log)
            return min(max(float(f"{number:.{DIGITS}g}"), space.low), space.high)


def drop_torn_line(journal: Path) -> None:
    """The last line of a killed writer may lack its end, and what is written after it could not be read."""
    if not journal.is_file():
        return
    content = journal.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        journal.write_bytes(whole)
