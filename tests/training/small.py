"""A small project of its own, quick to train: whether a loan is paid back, from three numbers and a purpose."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from towpath.training.run import Run, Wish, train_service
from towpath.wiring import Project, open_project

ROWS = 400

SERVICE = """
from typing import Annotated, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from towpath.declare import *


class Loan(Record):
    amount: Annotated[float, Meta(ge=0)]
    months: Annotated[int, Meta(ge=1, le=120)] | None
    income: Annotated[float, Meta(ge=0)]
    purpose: Literal["car", "house", "other"]


service = Service(
    name="loans",
    record=Loan,
    target=binary("late", positive="late", negative="paid"),
    data=csv("loans.csv", sha256="{sha256}"),
    answer={{"late": decide("late"), "p": probability("late")}},
    threshold=best_for("f1"),
    metrics=[auc(), f1("late")],
    gates=[at_least("auc", 0.6)],
    tune={{
        "logisticregression__C": real(0.001, 10, log=True),
        "logisticregression__fit_intercept": choice(True, False),
    }},
)


@service.build
def build(columns):
    return make_pipeline(columns.encode(numbers="impute"), LogisticRegression(C=1.0, max_iter=500))
"""


def loans(rows: int = ROWS, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    amount, income = random.uniform(1_000, 50_000, rows).round(), random.uniform(10_000, 90_000, rows).round()
    late = random.random(rows) < 1 / (1 + np.exp(-(amount / 12_000 - income / 20_000 + 0.3)))
    months = pd.Series(random.integers(6, 120, rows)).mask(random.random(rows) < 0.05).astype("Int64")
    purpose = random.choice(["car", "house", "other"], rows)
    return pd.DataFrame(
        {"amount": amount, "months": months, "income": income, "purpose": purpose, "late": late.astype(int)}
    )


def make_project(folder: Path, *, frame: pd.DataFrame | None = None) -> Project:
    """The project in this folder, its data beside it."""
    home = folder / "services" / "loans"
    home.mkdir(parents=True)
    content = (loans() if frame is None else frame).to_csv(index=False).encode()
    (folder / "loans.csv").write_bytes(content)
    (home / "service.py").write_text(SERVICE.format(sha256=hashlib.sha256(content).hexdigest()))
    (folder / "towpath.toml").write_text('format = "towpath/project/1"\nname = "bank"\n')
    return reopened(folder)


def reopened(folder: Path, **environ: str) -> Project:
    """The project without what this machine's environment says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOWPATH_", "MLFLOW_"))}
    return open_project(folder, kept | environ)


def edit(project: Project, old: str, new: str) -> None:
    """Change the declaration; what is to be changed must be there."""
    path = project.root / "services" / "loans" / "service.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def trained(project: Project, *, seed: int = 42, said: list[str] | None = None, **wish: Any) -> Run:
    project.make_state()
    say = (said if said is not None else []).append
    asked = Wish(seed, **wish)
    return train_service(project.service("loans"), project.place("loans"), asked, now=datetime.now(UTC), say=say)


def redone(run: Run) -> list[str]:
    """The stages that were not found but done."""
    return [stage.stage for stage in run.ran if not stage.cached]
