"""A model card is true: every section is there, and says what the bundle's own records say."""

import re
from collections.abc import Iterator

from towpath.bundle.read import Bundle
from towpath.core import formats, manifest
from towpath.core.errors import VerificationRefused
from towpath.core.formats import read_record
from towpath.core.sketch import Reference
from towpath.training.card import write_card

SHOWN = 5
ESTIMATOR = re.compile(r"^- estimator: `(.*)`$", re.MULTILINE)  # stands in the card alone


def check_card(bundle: Bundle) -> None:
    """Raises VerificationRefused naming each section that is missing and each line that says something else."""
    where = str(bundle.path / manifest.REFERENCE)
    reference = read_record(bundle.files[manifest.REFERENCE], Reference, formats.REFERENCE, where)
    card = bundle.files[manifest.CARD].decode(errors="replace")
    estimator = found[1] if (found := ESTIMATOR.search(card)) else "not named"
    measured = (bundle.contract, bundle.settings, bundle.data(), bundle.evaluation())
    faults = list(card_faults(card, write_card(*measured, estimator, reference.importances)))
    if faults:
        told = "".join(f"\n  {fault}" for fault in faults[:SHOWN])
        more = f"\n  and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise VerificationRefused(
            f"{bundle.path / manifest.CARD} does not say what was measured:{told}{more}",
            hint=f"towpath train {bundle.contract.service}, then pack: the card is written from the measurements",
        )


def card_faults(card: str, measured: str) -> Iterator[str]:
    """What a card lacks, or says otherwise, beside the one that the measurements give; more sections are welcome."""
    given, wanted = sections_of(card), sections_of(measured)
    for title, lines in wanted.items():
        if title not in given:
            yield f"there is no section {title!r}"
            continue
        for line in lines:
            if line not in given[title]:
                yield f"{title}: {line!r} is missing"
        for line in given[title]:
            if line not in lines:
                yield f"{title}: {line!r} was not measured"


def sections_of(card: str) -> dict[str, list[str]]:
    """The lines of each section by its title; what stands above the first is not looked at."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in card.splitlines():
        if line.startswith("## "):
            title = line[3:]
            found[title] = []
        elif title and line.strip():
            found[title].append(line)
    return found
