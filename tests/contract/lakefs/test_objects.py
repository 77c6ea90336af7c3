"""Objects through the unmodified clients: bytes, names, metadata, conditions, pages."""

import hashlib

import lakefs
import pytest
import urllib3
from lakefs.client import Client
from lakefs.exceptions import NotFoundException, ObjectExistsException
from lakefs_sdk.exceptions import ApiException

from perago_dev.servers.lakefs import Server

NAMES = ["../up", "/lead", "a//b", "tail/", "dot/./x", "sp ace+%.txt", "ünï/☃", "nl\nx", "e", "e/f", "q?x=1#y", "~^@$"]


def test_bytes_come_back_as_they_went(main: lakefs.Branch) -> None:
    """An upload's checksum is the MD5 of its bytes, and reading returns those bytes."""
    data = bytes(range(256)) * 20_000
    stats = main.object("data").upload(data=data).stat()
    assert (stats.checksum, stats.size_bytes) == (hashlib.md5(data).hexdigest(), len(data))
    assert main.object("data").reader("rb").read() == data


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_taken(main: lakefs.Branch, name: str) -> None:
    """lakeFS does not judge paths: what a file system would not hold is stored and listed unchanged."""
    main.object(name).upload(data=name.encode())
    main.commit("name")
    assert main.object(name).reader("rb").read() == name.encode()
    assert name in [entry.path for entry in main.objects()]


def test_a_path_has_at_most_1024_bytes(main: lakefs.Branch) -> None:
    """A path of 1,024 bytes is stored, one of 1,025 is refused with 400."""
    main.object("p" * 1024).upload(data=b"x")
    with pytest.raises(Exception, match="400"):
        main.object("p" * 1025).upload(data=b"x")


def test_user_metadata_is_kept_in_lower_case(main: lakefs.Branch) -> None:
    """Keys of object metadata arrive in lower case, values as they were."""
    main.object("m").upload(data=b"x", content_type="text/csv", metadata={"Colour": "Dark Red"})
    stats = main.object("m").stat()
    assert (stats.metadata, stats.content_type) == ({"colour": "Dark Red"}, "text/csv")


def test_exclusive_creation_happens_once(main: lakefs.Branch) -> None:
    """`If-None-Match: *` refuses a path that exists, committed or not."""
    for path in ("base", "new"):
        if path == "new":
            main.object(path).upload(data=b"1", mode="xb")
        with pytest.raises(ObjectExistsException):
            main.object(path).upload(data=b"2", mode="xb")


def test_conditions_on_an_etag_are_not_offered(main: lakefs.Branch, client: Client) -> None:
    """`If-Match` on an upload is answered with 501: there is no compare-and-swap of objects."""
    with pytest.raises(ApiException) as refusal:
        client.sdk_client.objects_api.upload_object(main.repo_id, main.id, "base", if_match="x", content=__file__)
    assert refusal.value.status == 501


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        ("bytes=0-3", 206, b"hell"),
        ("bytes=-5", 206, b"again"),
        ("bytes=6-", 206, b"again"),
        ("bytes=4-900", 206, b"o again"),
        ("bytes=99-", 416, None),
        ("bytes=0-1,3-4", 416, None),
    ],
)
def test_ranges(main: lakefs.Branch, lakefs: Server, header: str, status: int, body: bytes | None) -> None:
    """One satisfiable range is answered with exactly its bytes, anything else with 416."""
    main.object("r").upload(data=b"hello again")
    answer = get(lakefs, main, "r", Range=header)
    assert (answer.status, answer.data if body else None) == (status, body)


def get(server: Server, branch: lakefs.Branch, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    """The answer to a GET of an object."""
    url = f"{server.endpoint}/api/v1/repositories/{branch.repo_id}/refs/{branch.id}/objects"
    keys = urllib3.make_headers(basic_auth=f"{server.access_key}:{server.secret_key}")
    return urllib3.request("GET", url, fields={"path": path}, headers=keys | headers)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0"])
def test_an_empty_object_has_no_ranges(main: lakefs.Branch, lakefs: Server, header: str) -> None:
    """A range of it is 416."""
    main.object("empty").upload(data=b"")
    assert get(lakefs, main, "empty", Range=header).status == 416


def test_an_object_that_is_known_is_not_sent_again(main: lakefs.Branch, lakefs: Server) -> None:
    """`If-None-Match` with the quoted ETag of an answer is 304; with another one it is the object."""
    etag = get(lakefs, main, "base").headers["ETag"]
    assert etag == f'"{hashlib.md5(b"0").hexdigest()}"'
    assert get(lakefs, main, "base", **{"If-None-Match": etag}).status == 304
    other = get(lakefs, main, "base", **{"If-None-Match": '"other"'})
    assert (other.status, other.data) == (200, b"0")


def test_reading_what_is_not_there(main: lakefs.Branch, client: Client) -> None:
    """A missing object and a missing reference are both 404."""
    with pytest.raises(NotFoundException):
        main.object("missing").stat()
    with pytest.raises(NotFoundException):
        list(lakefs.Reference(main.repo_id, "nope", client=client).objects())


def test_uploading_to_nowhere(main: lakefs.Branch, client: Client) -> None:
    """A branch that does not exist is 404."""
    with pytest.raises(NotFoundException):
        lakefs.Branch(main.repo_id, "nope", client=client).object("new").upload(data=b"x")


def test_deleting_is_lenient(main: lakefs.Branch, client: Client) -> None:
    """Deleting what is not there succeeds, one by one and in bulk, even on a branch that does not exist."""
    main.object("missing").delete()
    main.delete_objects(["base", "missing"])
    assert [entry.path for entry in main.objects()] == []
    lakefs.Branch(main.repo_id, "nope", client=client).delete_objects(["base"])


def test_bulk_deletion_takes_a_thousand_paths(main: lakefs.Branch) -> None:
    """1,001 paths in one call are refused, 1,000 are taken."""
    main.delete_objects([f"p{number}" for number in range(1000)])
    with pytest.raises(Exception, match="max paths is set to 1000"):
        main.delete_objects([f"p{number}" for number in range(1001)])


def test_pages_meet_without_gap_or_overlap(main: lakefs.Branch, client: Client) -> None:
    """Pages of two, each after the last path of the one before, give every path once, in UTF-8 order."""
    paths = sorted(["a", "a-b", "a/b", "a/c", "b", "z", "é", "\U0001f600", "\ufffd"])
    for path in paths:
        main.object(path).upload(data=b"x")
    seen = [entry.path for entry in main.objects(max_amount=100)]
    api, after, paged = client.sdk_client.objects_api, "", []
    while True:
        page = api.list_objects(main.repo_id, "main", after=after, amount=2)
        paged += [entry.path for entry in page.results]
        if not page.pagination.has_more:
            break
        after = page.pagination.next_offset
    assert paged == seen == sorted([*paths, "base"], key=lambda path: path.encode())


def test_a_prefix_that_nothing_has_is_an_empty_page(main: lakefs.Branch) -> None:
    """It is not an error."""
    assert list(main.objects(prefix="nothing/")) == []


def test_a_delimiter_groups(main: lakefs.Branch) -> None:
    """With a delimiter a listing shows each common prefix once, also when it continues after one."""
    for path in ("d/1", "d/2", "d/e/3", "e"):
        main.object(path).upload(data=b"x")
    assert [entry.path for entry in main.objects(delimiter="/")] == ["base", "d/", "e"]
    assert [entry.path for entry in main.objects(prefix="d/", delimiter="/")] == ["d/1", "d/2", "d/e/"]
    assert [entry.path for entry in main.objects(delimiter="/", after="d/")] == ["e"]


def test_what_a_reference_shows(main: lakefs.Branch, client: Client) -> None:
    """`b` shows uncommitted changes, `b@` does not, `b$` shows nothing else, a commit id never changes."""
    head = main.get_commit().id
    main.object("new").upload(data=b"x")
    main.object("base").delete()
    shown = {
        ref: [entry.path for entry in lakefs.Reference(main.repo_id, ref, client=client).objects()]
        for ref in ("main", "main@", "main$", head)
    }
    assert shown == {"main": ["new"], "main@": ["base"], "main$": ["new"], head: ["base"]}


def test_copying_keeps_the_bytes(main: lakefs.Branch) -> None:
    """A copy from another reference has the same checksum."""
    copied = main.object("base").copy("main", "copy")
    assert copied.stat().checksum == main.object("base").stat().checksum
