"""Killed with SIGKILL at random points, under load, again and again: nothing acknowledged is lost, nothing is half.

Clients write as fast as they can and note what was acknowledged. After each kill a new server opens the directory.
"""

import hashlib
import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from perago_dev.lakefs import local_server
from tests.unit.perago_dev.lakefs.http_api import Api

CLIENTS = 4
ROUNDS = 3
FILES = 3


@dataclass
class Ledger:
    """What the servers acknowledged, and a count to wait on."""

    uploads: dict[str, str] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)
    lock: threading.Condition = field(default_factory=threading.Condition)

    def note(self, book: dict[str, str], key: str, value: str) -> None:
        with self.lock:
            book[key] = value
            self.lock.notify_all()

    def await_entries(self, count: int) -> None:
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.uploads) + len(self.merges) >= count, timeout=60)


def publish(api: Api, ledger: Ledger, name: str) -> None:
    """A branch, some files, a commit, a squash merge into main; each acknowledgment goes into the ledger."""
    repo = "/repositories/repo"
    expect(201, api.call("POST", f"{repo}/branches", json={"name": name, "source": "main"}))
    for number in range(FILES):
        path, data = f"{name}/{number}", os.urandom(random.choice([10, 5_000, 1_500_000]))
        expect(201, api.call("POST", f"{repo}/branches/{name}/objects?path={path}", body=data))
        ledger.note(ledger.uploads, path, hashlib.md5(data).hexdigest())
    expect(201, api.call("POST", f"{repo}/branches/{name}/commits", json={"message": name}))
    merged = api.call("POST", f"{repo}/refs/{name}/merge/main", json={"squash_merge": True, "message": name})
    expect(200, merged)
    ledger.note(ledger.merges, name, json.loads(merged.data)["reference"])


def expect(status: int, answer: urllib3.BaseHTTPResponse) -> None:
    """Anything but the expected status fails the test."""
    if answer.status != status:
        raise AssertionError(f"{answer.status}: {answer.data!r}")


def work(api: Api, ledger: Ledger, prefix: str, failures: list[BaseException]) -> None:
    """Publishes until the server is gone."""
    try:
        for number in range(10_000):
            publish(api, ledger, f"{prefix}-{number}")
    except urllib3.exceptions.HTTPError:
        return
    except BaseException as failure:  # noqa: BLE001  handed to the test's own thread
        failures.append(failure)


def live_and_die(api: Api, ledger: Ledger, round_name: str, acknowledgments: int) -> None:
    """Clients at work; SIGKILL once so many more things were acknowledged."""
    failures: list[BaseException] = []
    names = [f"{round_name}-{number}" for number in range(CLIENTS)]
    threads = [threading.Thread(target=work, args=(api, ledger, name, failures)) for name in names]
    for thread in threads:
        thread.start()
    try:
        ledger.await_entries(len(ledger.uploads) + len(ledger.merges) + acknowledgments)
    finally:
        os.kill(api.server.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert failures == []


def listed(api: Api, what: str, after: str = "") -> Iterator[dict[str, Any]]:
    """All results of a listing."""
    more = True
    while more:
        answer = api.call("GET", f"/repositories/repo/{what}", fields={"amount": "1000", "after": after})
        expect(200, answer)
        page = json.loads(answer.data)
        yield from page["results"]
        more, after = page["pagination"]["has_more"], page["pagination"]["next_offset"]


def check(api: Api, ledger: Ledger) -> None:
    """Every acknowledgment still holds, and whatever is listed can be read."""
    shown = {}
    for branch in [each["id"] for each in listed(api, "branches")]:
        for entry in listed(api, f"refs/{branch}/objects/ls"):
            shown[entry["path"]] = entry["checksum"]
    assert ledger.uploads.items() <= shown.items()
    assert ledger.merges.items() <= {each["message"]: each["id"] for each in listed(api, "refs/main/commits")}.items()
    published = [entry["path"] for entry in listed(api, "refs/main/objects/ls")]
    assert all(sum(other.startswith(path[:-1]) for other in published) == FILES for path in published)
    for path in published:
        data = api.call("GET", "/repositories/repo/refs/main/objects", fields={"path": path}).data
        assert hashlib.md5(data).hexdigest() == shown[path]


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost(data: Path, seed: int) -> None:
    """Uploads, commits and merges survive the death of the server; a merge is there whole or not at all."""
    chance, ledger = random.Random(seed), Ledger()
    for number in range(ROUNDS):
        with local_server(data) as running:
            api = Api(running)
            if number == 0:
                api.repository("repo")
            else:
                check(api, ledger)
            live_and_die(api, ledger, f"s{seed}r{number}", chance.randint(1, 40))
    with local_server(data) as running:
        check(Api(running), ledger)
        assert not list((data / "partial").iterdir())
