"""What transfers rely on at lakeFS's objects: listings, bodies, uploads and bulk deletions; fake and real alike."""

import hashlib

import pytest

from perago.agent.clients import lakefs
from perago.agent.clients.lakefs import PAGE, LakeFS
from perago.agent.clients.lakefs_errors import LakeFSError, RefNotFound
from tests.bodies import stored, uploaded
from tests.contract.objects.backends import Backend

ODD_NAMES = ["a b+c%2F", "ünï/\u00e9\U0001f600", "x?y=1&path=z", "data/", "d//e", "-", "n\nl"]
LARGE = bytes(range(256)) * 4096


async def listed(client: LakeFS, prefix: str = "") -> list[list[str]]:
    """The paths of a listing, page by page."""
    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = await client.list_page("main", prefix, after)
        pages.append([stats.path for stats in page.objects])
        after = page.after
    return pages


async def test_a_listing_has_all_objects_in_the_order_of_their_utf8_names(backend: Backend) -> None:
    """`a-` comes between `a` and `a/b`, and what is beyond the first plane comes last."""
    names = ["\U0001f600", "\uffee", "b", "a/b", "a-", "a", "Z", "ü"]
    for name in names:
        await backend.put(name, b"1")
    pages = await listed(backend.client)
    assert [name for page in pages for name in page] == sorted(names, key=str.encode)


async def test_pages_have_the_length_that_was_asked_for(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes on behind the last path of the one before, and a last one that is full has none behind it."""
    monkeypatch.setattr(lakefs, "PAGE", 2)
    for name in ("a", "b", "c", "d"):
        await backend.put(name, b"1")
    assert await listed(backend.client) == [["a", "b"], ["c", "d"]]


async def test_a_listing_goes_on_behind_a_path_that_is_not_there(backend: Backend) -> None:
    """It may have been deleted between two pages."""
    for name in ("a", "c"):
        await backend.put(name, b"1")
    assert [stats.path for stats in (await backend.client.list_page("main", "", "b")).objects] == ["c"]


async def test_a_prefix_is_compared_letter_by_letter(backend: Backend) -> None:
    """So a folder ends in a slash; nothing below one that is not there."""
    for name in ("data", "data/x", "data2/y"):
        await backend.put(name, b"1")
    assert await listed(backend.client, "data/") == [["data/x"]]
    assert await listed(backend.client, "none/") == [[]]


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
async def test_an_object_comes_back_as_it_was_uploaded(backend: Backend, data: bytes) -> None:
    """The answer and the listing have its size and its MD5."""
    stats = await uploaded(backend.client, "main", "a/b", data)
    assert (stats.path, stats.size, stats.checksum) == ("a/b", len(data), hashlib.md5(data).hexdigest())
    assert (await backend.client.list_page("main", "", "")).objects == (stats,)
    assert await stored(backend.client, "main", "a/b") == data


async def test_a_part_of_an_object_has_the_bytes_that_were_asked_for(backend: Backend) -> None:
    """So a transfer goes on where it broke off."""
    await backend.put("a", LARGE)
    assert await stored(backend.client, "main", "a", 7, 1006) == LARGE[7:1007]
    assert await stored(backend.client, "main", "a", len(LARGE) - 5) == LARGE[-5:]


async def test_an_upload_replaces_what_is_there(backend: Backend) -> None:
    """Whole, not in part."""
    await backend.put("a", b"old and longer")
    await uploaded(backend.client, "main", "a", b"new")
    assert await backend.objects() == {"a": b"new"}


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_name_is_kept_as_it_is(backend: Backend, name: str) -> None:
    """Whatever URLs, folders and lines make of it."""
    await uploaded(backend.client, "main", name, b"1")
    assert await listed(backend.client) == [[name]]
    assert await stored(backend.client, "main", name) == b"1"
    await backend.client.delete_objects("main", [name])
    assert await listed(backend.client) == [[]]


async def test_deletions_leave_the_others(backend: Backend) -> None:
    """What is not there is no error, and a folder's name is no object's."""
    for name in ("a", "b/x", "b/y"):
        await backend.put(name, b"1")
    await backend.client.delete_objects("main", ["a", "b", "b/x", "never there"])
    assert set(await backend.objects()) == {"b/y"}


async def test_a_call_deletes_a_page_at_most(backend: Backend) -> None:
    """One more is refused as a whole."""
    await backend.put("a", b"1")
    with pytest.raises(LakeFSError):
        await backend.client.delete_objects("main", ["a", *(f"b{number}" for number in range(PAGE))])
    assert set(await backend.objects()) == {"a"}
    await backend.client.delete_objects("main", ["a", *(f"b{number}" for number in range(PAGE - 1))])
    assert await backend.objects() == {}


@pytest.mark.parametrize("ref", ["main", "no-such-branch"])
async def test_what_is_not_there_cannot_be_read(backend: Backend, ref: str) -> None:
    """Neither an object nor a branch."""
    with pytest.raises(RefNotFound):
        await stored(backend.client, ref, "missing")


async def test_a_branch_that_is_not_there_takes_and_lists_nothing(backend: Backend) -> None:
    """Listings and uploads say so; a deletion finds nothing to do."""
    with pytest.raises(RefNotFound):
        await backend.client.list_page("no-such-branch", "", "")
    with pytest.raises(RefNotFound):
        await uploaded(backend.client, "no-such-branch", "a", b"1")
    await backend.client.delete_objects("no-such-branch", ["a"])
