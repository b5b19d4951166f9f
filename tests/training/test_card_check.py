"""A model card says what was measured, all of it, or its bundle is refused."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Towpath, portfolio, towpath
from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core import manifest
from towpath.core.errors import VerificationRefused
from towpath.training.card_check import card_faults, check_card, sections_of

__all__ = ["portfolio", "towpath"]

CARD = "# Churn\n\n## Model\n\n- predicts\n\n## Measured on 9 held-out rows\n\n| auc | 0.8 |\n| f1 | 0.6 |\n"


def with_card(bundle: Path, folder: Path, old: str, new: str) -> Path:
    """The same bundle with another card, written as if it were right."""
    files = dict(read_bundle(bundle).files)
    card = files[manifest.CARD].decode()
    assert old in card
    files[manifest.CARD] = card.replace(old, new).encode()
    return write_bundle(read_bundle(bundle).contract.service, files, folder)[1]


@pytest.mark.parametrize("service", ["iris", "bankchurn", "sentiment", "carvision"])
def test_the_card_of_a_bundle_as_it_is_packed_is_true(bundles: dict[str, Path], service: str):
    check_card(read_bundle(bundles[service]))


@pytest.mark.scenario("S013")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("| accuracy | 1.0000 |", "| accuracy | 1.1000 |", "accuracy | 1.1000"),
        ("## Served is what was measured", "## Trust me", "there is no section 'Served is what was measured'"),
        ("- estimator: `RandomForestClassifier`\n", "", "estimator: `not named`"),
    ],
)
def test_another_number_or_a_missing_section_is_refused_by_name(
    bundles: dict[str, Path], tmp_path: Path, old: str, new: str, told: str
):
    changed = read_bundle(with_card(bundles["iris"], tmp_path, old, new))

    with pytest.raises(VerificationRefused, match=r"card\.md does not say what was measured") as refused:
        check_card(changed)
    assert told in str(refused.value)


@pytest.mark.scenario("S013")
def test_verify_refuses_a_card_that_is_wrong_or_gone(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    wrong = towpath("verify", with_card(bundles["iris"], tmp_path, "| 1.0000 |", "| 0.9999 |"))
    gone = Path(shutil.copytree(bundles["iris"], tmp_path / "gone"))
    (gone / "card.md").unlink()

    assert wrong.code == 10
    assert "0.9999" in wrong.err
    assert (missing := towpath("verify", gone)).code == 10
    assert "card.md" in missing.err


def test_more_sections_are_welcome():
    assert list(card_faults(CARD + "\n## Intended use\n\nNot for people.\n", CARD)) == []


def test_a_line_that_nothing_measured_is_told():
    assert list(card_faults(CARD + "| recall | 0.9 |\n", CARD)) == [
        "Measured on 9 held-out rows: '| recall | 0.9 |' was not measured"
    ]


def test_every_fault_is_told():
    faults = list(card_faults("# Churn\n\n## Model\n\n- predicts\n- well\n", CARD))

    assert len(faults) == 2


def test_sections_are_lines_by_title():
    assert sections_of(CARD) == {
        "Model": ["- predicts"],
        "Measured on 9 held-out rows": ["| auc | 0.8 |", "| f1 | 0.6 |"],
    }
