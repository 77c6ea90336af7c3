"""Every recorded call to a real lakeFS, made again: status, JSON, text and headers must be the same.

What may differ stands in DIFFERENCES, with its reason; an entry that no call needs fails the test.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from perago_dev.lakefs import Server
from tests.contract.lakefs.replay import RECORDED, Bindings, differences

_NAMED = "the development server says that it is not lakeFS"
_UNCACHED = "lakeFS answers from a cache for some seconds after a deletion; a 404 is as good (so says the recording)"
_NEWEST = "lakeFS lists runs of one second in ascending order; here the newest comes first always"
DIFFERENCES: dict[tuple[str, int], dict[str, str]] = {
    ("server", 2): {
        "json.version_config.version": _NAMED,
        "json.version_config.version_context": _NAMED,
        "json.storage_config.blockstore_description": _NAMED,
    },
    ("repositories", 10): {"status": _UNCACHED, "json": _UNCACHED},
    ("hook_fence", 15): {"json.results.0.commit_id": _NEWEST},
}


def recorded() -> dict[str, list[dict[str, Any]]]:
    """The recorded calls by scenario, in order."""
    scenarios: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in RECORDED.read_text().splitlines():
        call = json.loads(line)
        scenarios[call["scenario"]].append(call)
    return scenarios


@pytest.mark.parametrize("scenario", sorted(recorded()))
def test_answers_are_those_of_a_real_server(scenario: str, lakefs: Server) -> None:
    """Each call of a scenario is answered as recorded, up to the listed differences, all of which are needed."""
    bindings = Bindings(uuid.uuid4().hex[:8])
    found = {}
    for call in recorded()[scenario]:
        differing = set(_compare(call, lakefs, bindings))
        if differing:
            found[scenario, call["step"]] = differing
    listed = {key: set(paths) for key, paths in DIFFERENCES.items() if key[0] == scenario}
    assert found == listed


def test_all_of_the_recording_is_replayed() -> None:
    """The recording holds 245 calls in 9 scenarios."""
    scenarios = recorded()
    assert (len(scenarios), sum(map(len, scenarios.values()))) == (9, 245)


def _compare(call: dict[str, Any], lakefs: Server, bindings: Bindings) -> Iterator[str]:
    expected, answer = call["response"], _send(bindings.fill(call["request"]), lakefs)
    if answer.status != expected["status"]:
        yield "status"
    for name, value in expected["headers"].items():
        if differences(value, answer.headers.get(name), bindings):
            yield f"headers.{name}"
    if "json" in expected:
        seen = json.loads(answer.data)
        status_differs = answer.status != expected["status"]
        yield from ["json"] if status_differs else differences(expected["json"], seen, bindings)
    elif differences(expected.get("text", ""), answer.data.decode(), bindings):
        yield "text"


def _send(request: dict[str, Any], lakefs: Server) -> urllib3.BaseHTTPResponse:
    keys = {None: f"{lakefs.access_key}:{lakefs.secret_key}", "wrong": "no:body", "none": None}[request.get("auth")]
    headers = request.get("headers", {}) | (urllib3.make_headers(basic_auth=keys) if keys else {})
    query = [(name, str(value)) for name, value in request.get("query", {}).items()]
    url = f"{lakefs.endpoint}{request['path']}" + (f"?{urlencode(query)}" if query else "")
    body = json.dumps(request["json"]) if "json" in request else request.get("text")
    if "json" in request:
        headers["Content-Type"] = "application/json"
    encoded = body.encode() if body is not None else None
    return urllib3.request(request["method"], url, headers=headers, body=encoded, retries=False)
