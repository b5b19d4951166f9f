"""A small service whose data comes month by month, and a home for it on the disk."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd

from towpath.core.formats import digest
from towpath.data.history import FILE, Ledger
from towpath.data.objects import ObjectStore
from towpath.data.versions import Act, DataHome
from towpath.declare import Meta, Record, Service, auc, binary, csv, lines, probability

ANA = Act("Ana <ana@example.com>", "2026-06-01T08:00:00Z")


class Customer(Record):
    Age: Annotated[int, Meta(ge=18, le=100)]
    Balance: Annotated[float, Meta(ge=0)]


def month(rows: int = 120, **columns: Any) -> pd.DataFrame:
    """Labelled customers; columns replace or add some."""
    return pd.DataFrame(
        {
            "CustomerId": range(rows),
            "Age": [20 + i % 60 for i in range(rows)],
            "Balance": [100.5 * i for i in range(rows)],
            "Exited": [int(i % 4 == 0) for i in range(rows)],
        }
        | columns
    )


def content(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def written(folder: Path, frame: pd.DataFrame, name: str = "churn.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content(frame))
    return folder / name


def service(sha256: str = "", **parts: Any) -> Service:
    declared: dict[str, Any] = {
        "record": Customer,
        "target": binary("Exited", positive="churn"),
        "data": csv("churn.csv", sha256=sha256),
        "answer": {"p": probability("churn")},
        "metrics": [auc()],
    }
    return Service("churn", **(declared | parts))


class Sentence(Record):
    text: str


def moods() -> Service:
    """Two files of texts in one folder, without sha256."""
    return Service(
        "moods",
        record=Sentence,
        target=binary("label", positive="good", negative="bad", labels=("bad", "good")),
        data=lines({"bad": "reviews/bad.txt", "good": "reviews/good.txt"}),
        answer={"p": probability("good")},
        metrics=[auc()],
    )


def texts(folder: Path) -> list[Path]:
    """The files of `moods`, written."""
    (folder / "reviews").mkdir(parents=True, exist_ok=True)
    for label in ("bad", "good"):
        (folder / "reviews" / f"{label}.txt").write_text("".join(f"{label} text {i}\n" for i in range(60)))
    return [folder / "reviews/bad.txt", folder / "reviews/good.txt"]


def home(folder: Path, declared: Service | None = None, *folders: Path, remote: Path | None = None) -> DataHome:
    """Where the data of a service lives in this folder."""
    ledger = Ledger(folder / FILE, folder / "lock")
    return DataHome(declared or service(), ledger, ObjectStore(folder / "objects", remote), folders)


def sha256_of(frame: pd.DataFrame) -> str:
    return digest(content(frame))


def alter(store: ObjectStore, sha256: str) -> Path:
    """Change one byte of a stored object, as a bad disk does; returns its path."""
    path = store.path(sha256)
    path.chmod(0o644)
    spoiled = bytearray(path.read_bytes())
    spoiled[-2] ^= 1
    path.write_bytes(bytes(spoiled))
    return path
