"""kubectl as tests use it: what a person would type, with JSON where a test reads."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

import pytest

from perago_dev.cluster import kubectl as dev
from perago_dev.cluster.kubectl import ENDS_WITHIN_SECONDS

Object = dict[str, Any]
T = TypeVar("T")


class Kubectl(dev.Kubectl):
    """kubectl of one cluster, by default in one namespace."""

    def create(self, *objects: Object) -> None:
        """Create objects."""
        self("create", "-f", "-", stdin=_listed(*objects))

    def refusal(self, obj: Object) -> str:
        """What people read whose object is refused; the test fails when it is accepted."""
        done = self.ended("create", "-f", "-", stdin=json.dumps(obj))
        assert done.returncode, f"accepted: {done.stdout}"
        return done.stderr

    def patch(self, name: str, patch: Object) -> str:
        """Merge a patch into an attempt, its status through the subresource; returns the refusal, or ''."""
        part = ["--subresource=status"] if "status" in patch else []
        done = self.ended("patch", "peragoattempt", name, "--type=merge", *part, "-p", json.dumps(patch))
        return done.stderr if done.returncode else ""

    def get(self, kind: str, name: str, *arguments: str) -> Object | None:
        """The object, or None when there is none."""
        text = self("get", kind, name, "--ignore-not-found", "-o", "json", *arguments)
        obj: Object | None = json.loads(text) if text.strip() else None
        return obj

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """All objects of a kind that carry the labels."""
        items: list[Object] = self.json("get", kind, "-l", selector)["items"]
        return items

    def delete(self, kind: str, name: str, *arguments: str) -> None:
        """Delete an object if it is there."""
        self("delete", kind, name, "--ignore-not-found", *arguments)

    def let_go(self, pod: str) -> None:
        """Let the body of a test task that `waits` go on."""
        self("exec", pod, "-c", "task", "--", "touch", "/tmp/go")

    def attempt(self, name: str, until: Callable[[Object], bool], seconds: float = 120) -> Object:
        """The attempt once `until(status)` holds; the deadline only bounds a failure, it decides nothing."""
        words = ("peragoattempts", f"--field-selector=metadata.name={name}")
        with closing(self.watched(*words, seconds=seconds)) as states:
            for attempt in states:
                if until(attempt.get("status", {})):
                    return attempt
        pytest.fail(f"attempt {name}: not within {seconds:.0f} s\n{self.story(name)}")

    def watched(self, *words: str, seconds: float) -> Generator[Object]:
        """Each state of the objects for so long, as one kubectl sees them: polling held up what was waited for."""
        command = self.command("get", *words, "--watch", "-o", "json")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            end = threading.Timer(seconds, process.kill)
            end.start()
            try:
                yield from documents(process.stdout)
            finally:
                end.cancel()
                process.kill()

    def finished(self, name: str, seconds: float = 120) -> Object:
        """The attempt once nothing more happens to it."""
        return self.all_finished([name], seconds)[0]

    def all_finished(self, names: Sequence[str], seconds: float) -> Sequence[Object]:
        """The attempts, in this order, once nothing more happens to any of them; one kubectl waits for all."""
        waits = ["wait", *(f"peragoattempt/{name}" for name in names), "--for=condition=Complete"]
        command = self.command(*waits, f"--timeout={seconds:.0f}s")
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + ENDS_WITHIN_SECONDS)
        if done.returncode:
            unfinished = [name for name in names if f"/{name} condition met" not in done.stdout]
            pytest.fail("\n".join([done.stderr, *map(self.story, unfinished)]))
        found: Object = self.json("get", "peragoattempts", *names)
        items: Sequence[Object] = found["items"] if len(names) > 1 else [found]
        return items

    def story(self, name: str) -> str:
        """All that a failed test should show of an attempt."""
        parts = [
            self.ended("get", "peragoattempts", name, "-o", "yaml").stdout,
            self.ended("get", "pods", "-l", f"perago.dev/attempt={name}", "-o", "yaml").stdout[-6000:],
            self.ended("get", "events", "--field-selector", f"involvedObject.name={name}").stdout,
        ]
        return "\n".join(parts)


def is_complete(status: Object) -> bool:
    """Whether a status says that the attempt is over and cleaned up."""
    return condition(status, "Complete") == "True"


def condition(status: Object, kind: str) -> str | None:
    """The status of a condition, or None when it is not there."""
    conditions = status.get("conditions", [])
    return next((condition["status"] for condition in conditions if condition["type"] == kind), None)


def eventually(look: Callable[[], T | None], what: str, seconds: float, story: Callable[[], str] = str) -> T:
    """The first result of `look` that is not None; the test fails with `story` when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (result := look()) is not None:
            return result
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {seconds:.0f} s\n{story()}")


def documents(lines: Iterable[str]) -> Iterator[Object]:
    """The objects that kubectl prints one after the other, each over several lines."""
    document: list[str] = []
    for line in lines:
        document.append(line)
        if line == "}\n":
            yield json.loads("".join(document))
            document.clear()


def _listed(*objects: Object) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
