"""What the witness writes down, and how it is read."""

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.auditor.witness import Book, follow, seen, until_one_fails


def pod(version: int, **metadata: Any) -> dict[str, Any]:
    """A pod as the API server shows it."""
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "resourceVersion": str(version), "managedFields": [1], **metadata},
        "spec": {"containers": []},
        "status": {"phase": "Running", "conditions": [1]},
    }


def test_what_two_watches_have_shown_is_put_in_order(tmp_path: Path) -> None:
    """The version of an object tells when it changed, and 9 comes before 10."""
    with (tmp_path / "book").open("w") as file:
        book = Book(file)
        for version in (10, 9, 11):
            book.write("MODIFIED", pod(version))
    versions = [sighting.obj["metadata"]["resourceVersion"] for sighting in seen(tmp_path / "book")]
    assert versions == ["9", "10", "11"]


class Enough(Exception):
    """The API server has been asked often enough."""


def test_a_list_that_is_read_again_comes_after_the_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first one, the version of each object tells when it changed; of the second, that it is there still."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    first, second = (
        httpx.Response(200, json={"items": [pod(4)], "metadata": {"resourceVersion": version}}) for version in "59"
    )
    answers = [first, httpx.Response(410), second]

    def answer(request: httpx.Request) -> httpx.Response:
        if not answers:
            raise Enough
        return answers.pop(0)

    client = httpx.Client(base_url="http://cluster", transport=httpx.MockTransport(answer))
    with (tmp_path / "book").open("w") as file:
        book = Book(file)
        book.write("MODIFIED", pod(8) | {"kind": "PeragoAttempt"})
        with pytest.raises(Enough):
            follow(client, "/pods", "Pod", book, {})
    found = [(one.change, one.obj["metadata"]["resourceVersion"]) for one in seen(tmp_path / "book")]
    assert found == [("LISTED", "4"), ("MODIFIED", "8"), ("GAP", "9"), ("LISTED", "4")]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """The witness may be ended while it writes."""
    file = io.StringIO()
    Book(file).write("ADDED", pod(1))
    (tmp_path / "book").write_text(file.getvalue() + file.getvalue()[:20])
    assert len(seen(tmp_path / "book")) == 1


def test_only_what_is_judged_is_kept() -> None:
    """Long runs write many states."""
    file = io.StringIO()
    Book(file).write("ADDED", pod(1, labels={"a": "b"}))
    obj = json.loads(file.getvalue())["obj"]
    assert obj == {
        "kind": "Pod",
        "metadata": {"name": "p", "resourceVersion": "1", "labels": {"a": "b"}},
        "status": {"phase": "Running"},
    }


def test_a_watch_that_fails_ends_the_witness() -> None:
    """The other one would go on, and nobody would know that half of the run was not seen."""

    def fail() -> None:
        raise ValueError("no JSON object")

    with pytest.raises(ValueError, match="no JSON object"):
        until_one_fails([threading.Event().wait, fail])
