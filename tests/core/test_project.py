"""towpath.toml: every fault is told with its path."""

from typing import Any

import pytest

from towpath.core.errors import Faulty
from towpath.core.project import Tracking, read_project


def written(**other: Any) -> dict[str, Any]:
    return {"format": "towpath/project/1", "name": "bank", **other}


def faults(**other: Any) -> dict[str, str]:
    with pytest.raises(Faulty) as wrong:
        read_project(written(**other), "towpath.toml")
    return dict(wrong.value.faults)


def test_runs_are_mirrored_nowhere_unless_a_server_is_named():
    assert read_project(written(), "towpath.toml").tracking == Tracking()


def test_a_server_and_the_models_name_can_be_set():
    given = {"mlflow": "https://mlflow.example", "model": "Churn"}

    assert read_project(written(tracking=given), "towpath.toml").tracking == Tracking(**given)


@pytest.mark.parametrize(
    ("tracking", "path", "reason"),
    [
        ("http://x", "tracking", "should be a table"),
        ({"mlfow": "http://x"}, "tracking.mlfow", "is not a setting; known are mlflow, model"),
        ({"mlflow": "sqlite:///x.db"}, "tracking.mlflow", "is 'sqlite:///x.db'; an address is meant"),
        ({"mlflow": 5000}, "tracking.mlflow", "is 5000; an address is meant"),
        ({"model": 3}, "tracking.model", "should be a string"),
    ],
)
def test_what_is_wrong_about_tracking_is_told_with_its_path(tracking: Any, path: str, reason: str):
    assert faults(tracking=tracking)[path].startswith(reason)
