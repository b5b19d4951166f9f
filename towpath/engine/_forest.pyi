"""Written in C: _forest.c tells how it walks."""

from typing import Any

Forest = Any  # a capsule

def build(
    columns: int,
    targets: int,
    features: Any,
    splits: Any,
    trues: Any,
    falses: Any,
    true_leafs: Any,
    false_leafs: Any,
    missings: Any,
    equals: Any,
    leaf_targets: Any,
    leaf_weights: Any,
    roots: Any,
) -> Forest: ...
def walk(forest: Forest, rows: Any, sums: Any) -> None: ...
def integers(message: Any) -> bytes: ...
