"""Calls that break off, and what has become of them in lakeFS; the fake and a real server alike."""

from pathlib import Path
from typing import Any

import pytest

from perago.agent.clients.http import NoAnswer
from perago.agent.data.transfer import Transfer
from perago.agent.data.volume import Space, Tree
from perago.models import WorkspaceSpec
from tests.bodies import stored, uploaded
from tests.contract.objects.backends import REQUESTS, Backend
from tests.contract.objects.test_objects import LARGE
from tests.faults.kinds import Fault, Late, cut_before, lost
from tests.faults.proxy import answered, cut_after, cut_within

PLENTY = Space(0, 1 << 40)
FAULTS = {
    "never arrived": cut_before,
    "answer lost": lost,
    "answer cut": cut_within,
    "gateway": answered(502, b"<html>"),
    "wrong path of a gateway": answered(404, b"<html>"),
    "throttled": answered(429),
}
REPEATED = "list_page"
"""The HTTP client sends it once more by itself when a connection ends without an answer."""
every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


async def call(backend: Backend, name: str) -> None:
    """One call by the name that `break_` knows."""
    match name:
        case "list_page":
            await backend.client.list_page("main", "", "")
        case "read_object":
            await stored(backend.client, "main", "old")
        case "upload":
            await uploaded(backend.client, "main", "new", LARGE)
        case _:
            await backend.client.delete_objects("main", ["old"])


@every_fault
@pytest.mark.parametrize("name", REQUESTS)
async def test_a_call_that_breaks_off_is_no_answer(backend: Backend, name: str, fault: Fault[Any]) -> None:
    """Neither an empty listing, nor a shorter object, nor a refusal: it may be tried again."""
    await backend.put("old", LARGE)
    backend.break_(name, fault, 2 if name == REPEATED and fault in (cut_before, lost) else 1)
    with pytest.raises(NoAnswer):
        await call(backend, name)
    await call(backend, name)


@pytest.mark.parametrize(("fault", "carried_out"), [(lost, True), (cut_within, True), (cut_before, False)])
async def test_a_change_without_an_answer_may_have_been_carried_out(
    backend: Backend, fault: Fault[Any], carried_out: bool
) -> None:
    """Whether it was cannot be told from the error."""
    await backend.put("old", b"1")
    for name in ("upload", "delete_objects"):
        backend.break_(name, fault)
        with pytest.raises(NoAnswer):
            await call(backend, name)
    assert set(await backend.objects()) == ({"new"} if carried_out else {"old"})


async def test_an_upload_may_land_after_its_caller_has_given_up(backend: Backend) -> None:
    """A second one is there by then, and what lands is the same content."""
    late = Late()
    backend.break_("upload", late)
    with pytest.raises(NoAnswer):
        await call(backend, "upload")
    assert await backend.objects() == {}
    await call(backend, "upload")
    await late.land()
    assert await backend.objects() == {"new": LARGE}


@pytest.mark.parametrize("fault", [*FAULTS.values(), cut_after], ids=[*FAULTS, "connection gone stale"])
async def test_a_transfer_outlives_one_fault_of_each_call(backend: Backend, tmp_path: Path, fault: Fault[Any]) -> None:
    """What arrives is whole, on both sides. Bodies that pass lakeFS by have a test of their own."""
    objects = {"a/small": b"small", "a/large": LARGE, "b": b"", "marker/": b""}
    for path, data in objects.items():
        await backend.put(path, data)
    (tmp_path / "root").mkdir()
    transfer = Transfer(backend.client, WorkspaceSpec(), Tree(str(tmp_path / "root")), 30)
    for name in ("list_page", "delete_objects") if backend.signs else REQUESTS:
        backend.break_(name, fault)
    await transfer.download("main", tmp_path / "manifest", PLENTY)
    for path, data in objects.items():
        assert path.endswith("/") or (tmp_path / "root" / path).read_bytes() == data
    (tmp_path / "root" / "b").write_bytes(LARGE)
    await transfer.upload("main", ["b"])
    await transfer.delete("main", ["a/small"])
    assert await backend.objects() == {"a/large": LARGE, "b": LARGE, "marker/": b""}
