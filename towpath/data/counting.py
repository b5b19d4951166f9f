"""How many rows something holds for, and which is the first, in words."""

import numpy as np
import pandas as pd


def rows_say(what: str, mask: pd.Series, values: pd.Series | None = None) -> str:
    """`is not whole in 3 rows, the first is row 4: 40.5`; rows are counted from 0, without the header."""
    count = int(mask.sum())
    first = int(np.flatnonzero(mask.to_numpy())[0])
    shown = "" if values is None else f": {values.iloc[[first]].tolist()[0]!r}"
    return f"{what} in {count} row{'s' if count > 1 else ''}, the first is row {first}{shown}"
