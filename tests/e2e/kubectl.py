"""kubectl as the end-to-end tests use it: what a person would type, with JSON where a test reads."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

Object = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one namespace; `variables` hold KUBECONFIG and PATH."""

    variables: Mapping[str, str]
    namespace: str

    def try_run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `kubectl words…` and return how it ended."""
        command = ["kubectl", "--namespace", self.namespace, *words]
        return subprocess.run(command, input=stdin, env=self.variables, capture_output=True, text=True, timeout=120)

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Standard output of `kubectl words…`; the test fails with its error text when it fails."""
        done = self.try_run(*words, stdin=stdin)
        if done.returncode:
            pytest.fail(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply objects."""
        self.run("apply", "-f", "-", stdin=_listed(objects))

    def refusal(self, manifest: Object) -> str:
        """What the API server says when it refuses to apply the object; the test fails when it accepts."""
        done = self.try_run("apply", "-f", "-", stdin=_listed([manifest]))
        assert done.returncode, f"accepted: {done.stdout}"
        return done.stderr

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or None when there is none."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        found: Object | None = json.loads(text) if text.strip() else None
        return found

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """All objects of a kind that carry the labels."""
        items: list[Object] = json.loads(self.run("get", kind, "-l", selector, "-o", "json"))["items"]
        return items

    def delete(self, kind: str, name: str, *words: str) -> None:
        """Delete an object if it is there."""
        self.run("delete", kind, name, "--ignore-not-found", *words)

    def attempt(self, name: str, until: Callable[[Object], bool], seconds: float = 120) -> Object:
        """The attempt once `until(status)` holds; the deadline only bounds a failure, it decides nothing."""

        def look() -> Object | None:
            found = self.get("peragoattempts", name)
            return found if found and until(found.get("status", {})) else None

        return eventually(look, f"attempt {name}", seconds, lambda: self.story(name))

    def finished(self, name: str, seconds: float = 120) -> Object:
        """The attempt once nothing more happens to it."""
        return self.attempt(name, is_complete, seconds)

    def story(self, name: str) -> str:
        """All that a failed test should show of an attempt."""
        parts = [
            self.try_run("get", "peragoattempts", name, "-o", "yaml").stdout,
            self.try_run("get", "pods", "-l", f"perago.dev/attempt={name}", "-o", "yaml").stdout[-6000:],
            self.try_run("get", "events", "--field-selector", f"involvedObject.name={name}").stdout,
        ]
        return "\n".join(parts)


def is_complete(status: Object) -> bool:
    """Whether a status says that the attempt is over and cleaned up."""
    return condition(status, "Complete") == "True"


def condition(status: Object, kind: str) -> str | None:
    """The status of a condition, or None when it is not there."""
    return next((one["status"] for one in status.get("conditions", []) if one["type"] == kind), None)


T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float, story: Callable[[], str] = str) -> T:
    """The first result of `look` that is not None; the test fails with `story` when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {seconds:.0f} s\n{story()}")


def _listed(objects: tuple[Object, ...] | list[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
