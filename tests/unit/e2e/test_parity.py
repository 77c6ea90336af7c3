"""The comparison of bodies between `perago run` and pods has to notice whatever differs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from e2e_tasks.parity import BODIES
from e2e_tasks.parity_body import Body
from tests.e2e.parity import End, Ended, Group, differences, end_of, grouped, outside

ROOT = Path(__file__).resolve().parents[3]
SHARED = Group("workspace", ("a", "b"), apart=True)
ALONE = Group("a", ("a",), apart=False)
END = End("FAILED", "KeyError: 'b'", {"PATH": "/bin"}, {"added": ["x"], "modified": [], "deleted": []}, {"x": b"1"})


def ended(*changed: str, **seen: object) -> Ended:
    """An attempt that completed, added these paths and saw this."""
    return Ended("COMPLETED", "", seen, {"added": [*changed], "modified": [], "deleted": []}, str.encode)


def saw(facts: object, failure: str = "") -> dict[str, object]:
    """What one of several bodies reports."""
    return {"facts": facts, "failure": failure}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": "COMPLETED"}, "status: 'FAILED' by `perago run`, 'COMPLETED' in the pod"),
        ({"message": "KeyError"}, """message: "KeyError: 'b'" by `perago run`, 'KeyError' in the pod"""),
        ({"facts": {"PATH": "/usr/bin"}}, "facts: {'PATH': '/bin'} by `perago run`, {'PATH': '/usr/bin'} in the pod"),
        ({"content": {"x": b"2"}}, "content: {'x': b'1'} by `perago run`, {'x': b'2'} in the pod"),
    ],
    ids=["status", "message", "an environment variable", "content"],
)
def test_each_difference_is_told_with_both_sides(change: dict[str, object], told: str) -> None:
    """One line each, so that a failed test needs no second look."""
    assert differences(END, replace(END, **change)) == [told]  # type: ignore[arg-type]


def test_paths_that_changed_on_one_side_only_are_a_difference() -> None:
    """Whatever happened to them."""
    for kind in END.changes:
        (told,) = differences(END, replace(END, changes={**END.changes, kind: ["y"]}))
        assert told.startswith("changes: ")


def test_a_pod_may_say_more_than_perago_run() -> None:
    """It adds the place of the failure, for example; nothing else may differ."""
    assert differences(END, replace(END, message="KeyError: 'b' (tasks.py:12)")) == []


def test_bodies_that_share_an_attempt_are_told_apart() -> None:
    """Each has the changes below its own folder, as if that were the workspace, and what it saw itself."""
    both = ended("a/x", "b/y", a=saw(1), b=saw(2))
    assert end_of(SHARED, "b", both) == End(
        "COMPLETED", "", 2, {"added": ["y"], "modified": [], "deleted": []}, {"y": b"b/y"}
    )


def test_a_body_that_fails_beside_others_has_failed_alone() -> None:
    """The others keep their ends."""
    both = ended(a=saw(1), b=saw(None, "KeyError: 'b'"))
    ends = [end_of(SHARED, body, both) for body in SHARED.bodies]
    assert [(end.status, end.message) for end in ends] == [("COMPLETED", ""), ("FAILED", "KeyError: 'b'")]


def test_a_group_that_failed_as_a_whole_has_failed_for_each_body() -> None:
    """There is nothing that any of them saw, and the place of the workspace is left out of the reason."""
    failed = Ended("FAILED", "'/tmp/x/task_id=1' holds links", None, ended().changes, str.encode)
    ends = {end_of(SHARED, body, failed).message for body in SHARED.bodies}
    assert ends == {"'<workspace>' holds links"}


def test_what_a_body_changes_beside_its_folder_is_found() -> None:
    """A body that has the workspace for itself has no such place."""
    assert outside(SHARED, ended("a/x", "c/y", "z")) == ["c/y", "z"]
    assert outside(ALONE, ended("c/y", "z")) == []


def test_every_body_has_its_place() -> None:
    """Once in a shared attempt or in one of its own, and those that run in memory once more."""
    registered = {
        "a": Body(lambda _: None, "workspace"),
        "b": Body(lambda _: None, "", "FAILED"),
        "c": Body(lambda _: None, "workspace"),
    }
    assert grouped(registered, ("a",)) == [
        Group("workspace", ("a", "c"), apart=True),
        Group("memory", ("a",), apart=True, in_memory=True),
        Group("b", ("b",), apart=False),
    ]


def test_bodies_that_share_an_attempt_are_meant_to_complete() -> None:
    """A refusal would be everybody's."""
    assert {body.status for body in BODIES.values() if body.group} == {"COMPLETED"}


def test_the_documentation_counts_the_bodies() -> None:
    """One of them is there to differ, and is not compared."""
    (counted,) = re.findall(r"`e2e/test_parity.py`: (\d+) bodies", (ROOT / "docs/architecture.md").read_text())
    assert int(counted) == len(BODIES) - 1
