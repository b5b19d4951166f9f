"""The seven reference services, trained and packed once for a whole run: on real data where it is, else generated."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from towpath.bundle.write import write_bundle
from towpath.data.table import read_rows
from towpath.training import candidate
from towpath.training.train import Trained, train
from towpath.wiring import Project, open_project

PORTFOLIO = Path(__file__).resolve().parent.parent / "examples" / "portfolio"
SERVICES = ("iris", "ml-service", "sentiment", "ml-api", "bankchurn", "carvision", "telecom")


def portfolio(state: Path, environment: Mapping[str, str] = os.environ) -> Project:
    """The reference project with its state elsewhere, so that the checkout stays clean."""
    return open_project(PORTFOLIO, environment, state)


def train_service(project: Project, name: str, *, seed: int = 42) -> Trained:
    service = project.service(name)
    rows = read_rows(service, project.objects, project.data_folders(), seed=seed)
    return train(service, rows, seed=seed, say=lambda line: None)


def pack_service(project: Project, name: str) -> Path:
    """The path of a freshly trained and packed bundle; its candidate is kept too."""
    trained = train_service(project, name)
    candidate.save_candidate(project.candidates, name, trained, seed=42, code="0" * 64, now=datetime.now(UTC))
    return write_bundle(name, trained.files, project.bundles / name)[1]
