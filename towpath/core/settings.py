"""settings.json: what an environment may override without a change of contract: decision threshold and band edges."""

from msgspec import Struct

from towpath.core import formats


class Settings(
    Struct, frozen=True, tag_field="format", tag=formats.SETTINGS, omit_defaults=True, forbid_unknown_fields=True
):
    """threshold: the probability of the positive class from which on it is decided, chosen on training rows only.

    bands: the edges of an answer's bands, by the answer's name, where they differ from the declaration.
    """

    threshold: float = 0.5
    bands: dict[str, tuple[tuple[str, float], ...]] = {}
