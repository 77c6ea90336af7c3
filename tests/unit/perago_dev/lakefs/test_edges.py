"""What goes wrong at the HTTP edge: bodies cut short, bad requests, unknown routes, foreign keys."""

import json
import socket

import pytest
import urllib3

from tests.unit.perago_dev.lakefs.http_api import Api


def test_a_body_cut_short_leaves_no_object(api: Api, repo: str) -> None:
    """When a client dies in the middle of an upload, the path does not exist."""
    host, port = api.base.removeprefix("http://").removesuffix("/api/v1").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = [f"POST /api/v1{repo}/branches/main/objects?path=half HTTP/1.1", "Host: x", "Content-Length: 5000000"]
        head += [f"Authorization: {api.keys['authorization']}", "Content-Type: application/octet-stream", "", ""]
        connection.sendall("\r\n".join(head).encode() + b"x" * 3_000_000)
    assert api.call("GET", f"{repo}/refs/main/objects?path=half").status == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"message": 1}', b'{"message": "m", "metadata": {"a": 1}}', b"{}"])
def test_bodies_that_do_not_fit_are_400(api: Api, repo: str, body: bytes) -> None:
    """A commit whose body is no JSON, or of another shape, is refused with a message, not a fault."""
    answer = api.call("POST", f"{repo}/branches/main/commits", body=body)
    assert (answer.status, "request body has an error" in json.loads(answer.data)["message"]) == (400, True)


@pytest.mark.parametrize("query", ["amount=x", "amount=1001", "presign=maybe", "presign=true"])
def test_parameters_that_do_not_fit_are_400(api: Api, repo: str, query: str) -> None:
    """Listings refuse what the API's description forbids."""
    assert api.call("GET", f"{repo}/refs/main/objects/ls?{query}").status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/config"), ("GET", "/repositories"), ("GET", "/nothing-here"), ("POST", "/repositories")],
)
def test_foreign_keys_are_401_everywhere(api: Api, method: str, path: str) -> None:
    """Whatever is asked, wrong keys get the same answer; the healthcheck needs none."""
    wrong = urllib3.make_headers(basic_auth="no:body")
    answer = urllib3.request(method, api.base + path, headers=wrong)
    assert (answer.status, json.loads(answer.data)) == (401, {"message": "error authenticating request"})
    assert urllib3.request("GET", api.base + "/healthcheck").status == 204


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/branches/main/staging/backing"), ("POST", "/branches/main/import")]
)
def test_what_is_not_offered_is_refused(api: Api, repo: str, method: str, path: str) -> None:
    """Parts of lakeFS that the development server lacks answer with an error, never with success."""
    assert api.call(method, repo + path, json={}).status in (404, 501)


def test_large_metadata_passes_and_huge_is_refused(api: Api, repo: str) -> None:
    """100 KB of object metadata in headers is stored; 1.2 MB is not."""
    statuses = []
    for size in (100_000, 1_200_000):
        headers = {**api.keys, "x-lakefs-meta-k": "v" * size}
        url = f"{api.base}{repo}/branches/main/objects?path=m{size}"
        statuses.append(urllib3.request("POST", url, headers=headers, body=b"x", retries=False).status)
    assert statuses[0] == 201
    assert 400 <= statuses[1] < 500


def test_a_head_request_tells_what_a_get_would_send(api: Api, repo: str) -> None:
    """Status, length and range of HEAD are those of GET."""
    api.call("POST", f"{repo}/branches/main/objects?path=h", body=b"0123456789")
    for header, want in (({}, (200, "10", None)), ({"Range": "bytes=2-4"}, (206, "3", "bytes 2-4/10"))):
        url = f"{api.base}{repo}/refs/main/objects?path=h"
        for method in ("HEAD", "GET"):
            answer = urllib3.request(method, url, headers={**api.keys, **header})
            assert (answer.status, answer.headers["Content-Length"], answer.headers.get("Content-Range")) == want


def test_reading_while_a_long_upload_runs(api: Api, repo: str) -> None:
    """An upload under way holds up neither readers nor other writers."""
    host, port = api.base.removeprefix("http://").removesuffix("/api/v1").split(":")
    with socket.create_connection((host, int(port))) as slow:
        head = [f"POST /api/v1{repo}/branches/main/objects?path=slow HTTP/1.1", "Host: x", "Content-Length: 2000000"]
        slow.sendall(
            "\r\n".join([*head, f"Authorization: {api.keys['authorization']}", "", ""]).encode() + b"x" * 1_500_000
        )
        assert api.call("POST", f"{repo}/branches/main/objects?path=quick", body=b"1").status == 201
        assert api.call("GET", f"{repo}/refs/main/objects?path=quick").data == b"1"
        slow.sendall(b"x" * 500_000)
        assert slow.recv(12) == b"HTTP/1.1 201"
    assert api.call("GET", f"{repo}/refs/main/objects/stat?path=slow").status == 200
