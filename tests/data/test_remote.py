"""A shared folder: a clone gets every byte from it, and what is damaged here is made whole again."""

from pathlib import Path

import pytest

from tests.data.months import ANA, alter, home, month, service, sha256_of, written
from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.data import remote
from towpath.data.adding import add
from towpath.data.objects import ObjectStore
from towpath.data.remote import Copy, files_of
from towpath.data.versions import DataHome, bring

MAY, JUNE = month(), month(130)


@pytest.fixture
def kept(tmp_path: Path) -> DataHome:
    """Two versions, and a remote that is still empty."""
    (tmp_path / "remote").mkdir()
    found = home(tmp_path / "here", remote=tmp_path / "remote")
    for name, frame in (("may", MAY), ("june", JUNE)):
        add(found, [written(tmp_path / "here" / name, frame)], ANA)
    return found


def files(kept: DataHome) -> list[Copy]:
    return files_of(kept.service.data, kept.ledger.read())


def states(found: list[Copy]) -> list[tuple[int, str]]:
    return [(one.version, one.state) for one in found]


def push(kept: DataHome) -> list[Copy]:
    assert kept.store.remote
    return remote.push(files(kept), kept.store, kept.store.remote)


@pytest.mark.feature("F251", "F252")
def test_every_version_is_pushed_once(kept: DataHome):
    assert states(push(kept)) == [(1, "pushed"), (2, "pushed")]
    assert states(push(kept)) == [(1, "there"), (2, "there")]


@pytest.mark.scenario("S075")
def test_a_fresh_clone_pulls_from_the_remote_and_every_byte_is_the_same(kept: DataHome, tmp_path: Path):
    push(kept)
    clone = DataHome(kept.service, kept.ledger, ObjectStore(tmp_path / "elsewhere", tmp_path / "remote"))

    assert [file.state for file in bring(clone, kept.ledger.read().current)] == ["pulled"]
    assert clone.store.get(sha256_of(JUNE)) == (tmp_path / "here/june/churn.csv").read_bytes()


def test_a_damaged_file_is_not_pushed(kept: DataHome):
    path = alter(kept.store, sha256_of(MAY))

    with pytest.raises(VerificationRefused, match=f"{path} was altered"):
        push(kept)
    assert not kept.store.remote.has(sha256_of(MAY))


def test_a_damaged_copy_in_the_remote_is_replaced(kept: DataHome):
    push(kept)
    alter(kept.store.remote, sha256_of(MAY))

    assert states(push(kept)) == [(1, "pushed"), (2, "there")]
    assert kept.store.remote.verify(sha256_of(MAY)) > 0


def test_a_remote_that_is_not_mounted_is_not_made(kept: DataHome, tmp_path: Path):
    with pytest.raises(InfrastructureError, match=f"there is no folder {tmp_path / 'nowhere'}"):
        remote.push(files(kept), kept.store, ObjectStore(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_without_a_history_the_declared_files_are_pushed(tmp_path: Path):
    (found,) = files_of(service("1" * 64).data, home(tmp_path).ledger.read())

    assert (found.version, found.name, found.sha256, found.current) == (0, "churn.csv", "1" * 64, True)


@pytest.mark.scenario("S077")
def test_damage_is_found_restored_and_found_whole_and_the_history_tells_all_three(kept: DataHome):
    push(kept)
    path = alter(kept.store, sha256_of(JUNE))

    found = remote.verify(files(kept), kept.store)
    assert states(found) == [(1, "verified"), (2, "damaged")]
    assert found[1].said.startswith(f"{path} was altered: its sha256 is ")
    remote.record(kept.ledger, found, ANA)
    remote.record(kept.ledger, remote.restore(files(kept), kept.store, []), ANA)
    remote.record(kept.ledger, remote.verify(files(kept), kept.store), ANA)

    told = [(event.at, event.by, event.what, event.version) for event in kept.ledger.read().events[2:]]
    assert told == [(ANA.at, ANA.by, "damaged", 2), (ANA.at, ANA.by, "restored", 2)]
    assert kept.store.get(sha256_of(JUNE)) == (kept.ledger.path.parent / "june/churn.csv").read_bytes()


def test_the_same_damage_is_told_once(kept: DataHome):
    alter(kept.store, sha256_of(JUNE))
    for _ in range(3):
        remote.record(kept.ledger, remote.verify(files(kept), kept.store), ANA)

    assert [event.what for event in kept.ledger.read().events].count("damaged") == 1


def test_a_whole_copy_in_a_folder_mends_it_too_and_a_wrong_one_does_not(kept: DataHome, tmp_path: Path):
    alter(kept.store, sha256_of(JUNE))
    kept.store.path(sha256_of(MAY)).unlink()
    folders = [tmp_path / "here/may", tmp_path / "here/june"]

    assert states(remote.restore(files(kept), kept.store, folders[:1])) == [(1, "restored"), (2, "damaged")]
    assert states(remote.restore(files(kept), kept.store, folders)) == [(1, "verified"), (2, "restored")]


def test_a_damaged_copy_in_the_remote_mends_nothing(kept: DataHome):
    push(kept)
    alter(kept.store, sha256_of(JUNE))
    alter(kept.store.remote, sha256_of(JUNE))

    assert states(remote.restore(files(kept), kept.store, [])) == [(1, "verified"), (2, "damaged")]
