"""settings.json: what an environment may override without a change of contract: decision threshold and band edges."""

import math
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from towpath.core import formats
from towpath.core.answer import Band
from towpath.core.contract import Contract


class Settings(
    Struct, frozen=True, tag_field="format", tag=formats.SETTINGS, omit_defaults=True, forbid_unknown_fields=True
):
    """threshold: the probability of the positive class from which on it is decided, chosen on training rows only.

    bands: the edges of an answer's bands, by the answer's name, where they differ from the declaration.
    """

    threshold: float = 0.5
    bands: dict[str, tuple[tuple[str, float], ...]] = {}


class Overrides(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an environment says otherwise than a bundle's settings; bands only by the names of answers that have any."""

    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    bands: dict[str, tuple[tuple[str, float], ...]] = {}


def overridden(settings: Settings, overrides: Overrides) -> Settings:
    """The settings that act: the bundle's own, with what the environment says otherwise."""
    threshold = settings.threshold if overrides.threshold is None else overrides.threshold
    return Settings(threshold, settings.bands | overrides.bands)


def settings_digest(settings: Settings) -> str:
    """The sha256 of settings that act; it belongs to the revision, so that going back brings them back."""
    return formats.digest(formats.canonical(settings))


def override_faults(contract: Contract, overrides: Overrides) -> Iterator[str]:
    """What of it this contract's answers do not know: names of bands are the contract's, their edges are not."""
    if overrides.threshold is not None and contract.task.kind != "binary":
        yield f"threshold: a {contract.task.kind} has none"
    banded = {entry.name: entry.item.edges for entry in contract.answer if isinstance(entry.item, Band)}
    for name, edges in overrides.bands.items():
        uppers = [upper for _, upper in edges]
        if name not in banded:
            yield f"bands.{name}: is no answer in bands; there are {', '.join(banded) or 'none'}"
        elif [band for band, _ in edges] != [band for band, _ in banded[name]]:
            yield f"bands.{name}: should name {', '.join(band for band, _ in banded[name])}, in this order"
        elif not all(map(math.isfinite, uppers)) or uppers != sorted(set(uppers)) or uppers[-1] != 1.0:
            yield f"bands.{name}: the upper edges should rise and end at 1.0"
