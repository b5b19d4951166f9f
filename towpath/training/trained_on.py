"""Which version of the data each candidate was trained on, and how that version stands today."""

from collections.abc import Iterator
from pathlib import Path

from towpath.core import formats, manifest
from towpath.core.dataset import History, Standing, standing
from towpath.core.errors import TowpathError
from towpath.core.formats import read_record
from towpath.core.lineage import DataLineage
from towpath.training.candidate import read_lineage


def trained_on(candidates: Path, service: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(candidate, sha256 of each of its data files), oldest first; those that cannot be read are left out."""
    home = candidates / service
    numbers = sorted(int(path.name) for path in home.iterdir() if path.name.isdigit()) if home.is_dir() else []
    for number in numbers:
        try:
            sources = read_lineage(home / str(number)).sources
        except TowpathError:
            continue
        yield f"{service}-{number}", tuple(source.sha256 for source in sources)


def packed_on(bundles: Path, service: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(bundle's short id, sha256 of each data file it was trained on); those that cannot be read are left out."""
    for path in sorted((bundles / service).glob(f"[0-9a-f]*/{manifest.DATA}")):
        try:
            lineage = read_record(path.read_bytes(), DataLineage, formats.DATA, str(path))
        except (TowpathError, OSError):
            continue
        yield path.parent.name, tuple(source.sha256 for source in lineage.sources)


def data_standing(path: Path, history: History) -> Standing:
    """How the data of the candidate in this folder stands. Raises as reading it does."""
    return standing(history, [source.sha256 for source in read_lineage(path).sources])
