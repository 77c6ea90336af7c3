"""The witness: a program that writes down every state of attempts and their pods, as watches show them.

`python -m tests.chaos.auditor.witness KUBECONFIG NAMESPACE FILE` ends on SIGTERM. A watch that breaks goes on where it
was. Only where the API server has forgotten that place is a new list read, and the gap is written down before it. It
prints the kind of what it watches once the first list of it is written down, and ends with a complaint when one of its
watches fails.
"""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NoReturn, TextIO

import httpx

from tests.chaos.auditor.evidence import Object, Sighting
from tests.chaos.auditor.reading import ATTEMPTS, OF_ATTEMPTS, PODS, cluster

GAP = "GAP"
SILENCE = 60.0
"""Seconds without a word, bookmarks included, after which a watch is begun again."""


class Gone(Exception):
    """The API server has forgotten where the watch was."""


class Book:
    """The file in which everything is written down, a JSON object a line."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._lock = file, threading.Lock()

    def write(self, change: str, obj: Object) -> None:
        """One line."""
        with self._lock:
            self._file.write(json.dumps({"at": time.time(), "change": change, "obj": shortened(obj)}) + "\n")
            self._file.flush()


def shortened(obj: Object) -> Object:
    """An object without what is never judged."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    if obj["kind"] != "Pod":
        return {**obj, "metadata": metadata}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": obj["status"].get("phase")}}


def gap(kind: str, version: str) -> Object:
    """What stands where states may be missing."""
    return {"kind": kind, "metadata": {"resourceVersion": version}, "status": {}}


def follow(client: httpx.Client, path: str, kind: str, book: Book, query: dict[str, Any]) -> None:
    """Write down every change below a path, for ever."""
    first = True
    while True:
        try:
            version = _list(client, path, kind, book, query, again=not first)
            if first:
                print(kind, flush=True)
            first = False
            _watch(client, path, kind, book, {**query, "resourceVersion": version})
        except (httpx.HTTPError, Gone, json.JSONDecodeError):
            time.sleep(1)


def _list(client: httpx.Client, path: str, kind: str, book: Book, query: dict[str, Any], *, again: bool) -> str:
    """Write down what there is, after the gap if it is not the first list; returns the version of the list."""
    page = client.get(path, params=query).raise_for_status().json()
    version = str(page["metadata"]["resourceVersion"])
    if again:
        book.write(GAP, gap(kind, version))
    for item in page["items"]:
        book.write("LISTED", {**item, "kind": kind})
    return version


def _watch(client: httpx.Client, path: str, kind: str, book: Book, query: dict[str, Any]) -> None:
    """Write down what changes from there on. Raises Gone."""
    while True:
        try:
            for event in _events(client, path, query):
                query["resourceVersion"] = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    book.write(event["type"], {**event["object"], "kind": kind})
        except (httpx.TransportError, json.JSONDecodeError):
            time.sleep(1)


def _events(client: httpx.Client, path: str, query: dict[str, Any]) -> Iterator[Object]:
    watch = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "300"}
    timeout = httpx.Timeout(SILENCE)
    with client.stream("GET", path, params={**query, **watch}, timeout=timeout) as answer:
        if answer.status_code == httpx.codes.GONE:
            raise Gone
        if not answer.is_success:
            time.sleep(1)
            return
        for line in answer.iter_lines():
            event = json.loads(line)
            if event["type"] == "ERROR":
                if event["object"].get("code") == httpx.codes.GONE:
                    raise Gone
                time.sleep(1)  # etcd does not answer, for instance: the watch can go on where it was
                return
            yield event


def seen(file: Path) -> list[Sighting]:
    """What a witness has written down, in the order in which it happened; a last line that is not whole is left out.

    Attempts and pods come from two watches. The versions of all objects are numbers of one count, that of etcd. A pod
    that was listed again comes right after the gap, however long ago it changed: it is there still. What an attempt
    says has held since it changed.
    """
    last_gap: int | None = None
    placed: list[tuple[int, Sighting]] = []
    for line in file.read_text().split("\n")[:-1]:
        change, obj = (written := json.loads(line))["change"], written["obj"]
        place = int(obj["metadata"]["resourceVersion"])
        if obj["kind"] == "Pod" and change == GAP:
            last_gap = place
        elif obj["kind"] == "Pod" and change == "LISTED":
            place = last_gap or place
        placed.append((place, Sighting(change, obj)))
    return [sighting for _, sighting in sorted(placed, key=itemgetter(0))]


def until_one_fails(works: Sequence[Callable[[], object]]) -> NoReturn:
    """Do all of this at once, for ever; raises what the first of them raises, and waits for no other."""
    failures: queue.SimpleQueue[Exception] = queue.SimpleQueue()

    def work_on(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 -- raised in the main thread
            failures.put(failure)

    for work in works:
        threading.Thread(target=work_on, args=(work,), daemon=True).start()
    raise failures.get()


def main(kubeconfig: str, namespace: str, file: str) -> None:
    """Follow attempts and pods until the process ends, or raise what ends one of the two."""
    with Path(file).open("a") as opened:
        book = Book(opened)
        watched: tuple[tuple[str, str, dict[str, Any]], ...] = (
            (PODS, "Pod", {"labelSelector": OF_ATTEMPTS}),
            (ATTEMPTS, "PeragoAttempt", {}),
        )
        until_one_fails(
            [
                partial(follow, cluster(Path(kubeconfig)), path.format(namespace), kind, book, query)
                for path, kind, query in watched
            ]
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
