"""Objects are known by their content: whole or not there, and fetched from a remote where they are not here."""

from pathlib import Path

import pytest

from tests.data.months import alter
from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.core.formats import digest
from towpath.data.objects import ObjectStore

CONTENT = b"Age,Exited\n40,1\n"
SHA = digest(CONTENT)


@pytest.fixture
def remote(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "remote")
    store.put(CONTENT)
    return store


@pytest.fixture
def here(tmp_path: Path, remote: ObjectStore) -> ObjectStore:
    return ObjectStore(tmp_path / "objects", tmp_path / "remote")


def test_an_object_is_fetched_from_the_remote_and_whole(here: ObjectStore):
    assert here.fetch(SHA)
    assert here.get(SHA) == CONTENT


def test_what_the_remote_does_not_have_is_not_fetched(here: ObjectStore, tmp_path: Path):
    assert not here.fetch("0" * 64)
    assert not ObjectStore(tmp_path / "alone").fetch(SHA)


@pytest.mark.scenario("S076")
def test_a_byte_altered_in_the_remote_is_refused_with_both_digests_and_nothing_is_kept(here, remote):
    path = alter(remote, SHA)

    with pytest.raises(VerificationRefused, match=f"{path} was altered: its sha256 is [0-9a-f]{{64}}, not {SHA}"):
        here.fetch(SHA)
    assert not here.has(SHA)
    assert not [path for path in here.root.rglob("*") if path.is_file()]


def test_a_large_object_is_read_again_without_holding_it(remote: ObjectStore):
    assert remote.verify(SHA) == len(CONTENT)


def test_an_altered_object_does_not_pass_and_a_new_copy_mends_it(remote: ObjectStore):
    alter(remote, SHA)
    with pytest.raises(VerificationRefused):
        remote.verify(SHA)
    remote.put(CONTENT)

    assert remote.verify(SHA) == len(CONTENT)


def test_an_object_that_is_not_there_is_told(remote: ObjectStore):
    with pytest.raises(InfrastructureError, match="the object store has no 0000"):
        remote.verify("0" * 64)
    assert not remote.has("")
