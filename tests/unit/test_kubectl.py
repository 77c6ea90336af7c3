"""kubectl as tests wait with it, over a program that answers as it does."""

import json
from pathlib import Path

import pytest

from tests.kubectl import Kubectl, Object


def kubectl(folder: Path, *lines: str) -> Kubectl:
    """One whose program is a script of these lines."""
    program = folder / "kubectl"
    program.write_text("\n".join(["#!/bin/sh", *lines]))
    program.chmod(0o700)
    return Kubectl(program, folder / "kubeconfig")


def printed(obj: Object) -> str:
    """The line of a script that prints the object as kubectl does."""
    return f"cat <<'END'\n{json.dumps(obj, indent=4)}\nEND"


def phase(name: str) -> Object:
    """An attempt in this phase, with an object in it that ends a line as the whole does."""
    return {"metadata": {"name": "a", "labels": {}}, "status": {"phase": name}}


def test_a_watch_gives_the_first_state_that_is_waited_for(tmp_path: Path) -> None:
    """The earlier ones are passed over, and the watch is not waited for."""
    watching = kubectl(tmp_path, printed(phase("Running")), printed(phase("Failed")), "exec sleep 600")
    assert watching.attempt("a", lambda status: status["phase"] == "Failed") == phase("Failed")


def test_a_watch_that_sees_nothing_fails_when_its_time_is_over(tmp_path: Path) -> None:
    """With what is known of the attempt."""
    watching = kubectl(tmp_path, 'case "$*" in *--watch*) exec sleep 600;; esac', "echo its story")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)attempt a: not within 0 s.*its story"):
        watching.attempt("a", bool, 0.1)


def test_attempts_that_are_not_over_in_time_are_told(tmp_path: Path) -> None:
    """With kubectl's own words, and the story of those alone."""
    told = ['echo "peragoattempt.perago.dev/a condition met"', "echo timed out >&2", "exit 1"]
    waiting = kubectl(tmp_path, 'case "$1 $2" in *wait) ;; *) echo "story: $*"; exit 0;; esac', *told)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)timed out.*story: .* b ") as failure:
        waiting.all_finished(["a", "b"], 1)
    assert "peragoattempts a " not in str(failure.value)


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_finished_attempts_come_as_a_list(tmp_path: Path, names: list[str]) -> None:
    """Also of one, which kubectl prints without a list around it."""
    found = [phase("Succeeded") for _ in names]
    answer = printed(found[0] if len(found) == 1 else {"items": found})
    waiting = kubectl(tmp_path, 'case "$2" in wait) exit 0;; esac', answer)
    assert waiting.all_finished(names, 1) == found
