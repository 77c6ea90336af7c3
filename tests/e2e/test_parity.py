"""What a body does on its author's machine, it does in a pod: the same outcome, the same facts, the same changes.

Bodies that leave each other alone share an attempt, each in a folder of its own; the others have one each. Every
attempt runs once by `perago run` and once in a pod, on a branch of its own; a test compares the two ends of one body.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from e2e_tasks.parity import BODIES
from perago_dev.host import packages
from tests import environment
from tests.e2e.flow import Flow
from tests.e2e.installation import Installation
from tests.e2e.parity import Ended, Group, differences, end_of, grouped, outside
from tests.e2e.parity_sides import Input, all_here, all_there, fill, image
from tests.e2e.repository import SMALL

pytestmark = pytest.mark.cluster

IN_MEMORY = (
    "memory_map_read_then_written",
    "memory_map_only_written",
    "numpy_memory_map",
    "rewrite_with_old_times",
    "copy_onto",
)
"""Bodies that also run on a volume in memory, where the times of a file prove nothing."""
DIFFERS = "host_name"
PROGRAMS = {"git": "git", "rsync": "rsync"}
"""What the tests and bodies call on this machine, as bodies do in their image: program → Debian package."""
GROUPS = grouped(BODIES, IN_MEMORY)
COMPARED = [
    pytest.param(group, body, id=f"{body}-in_memory" if group.in_memory else body)
    for group in GROUPS
    for body in group.bodies
    if body != DIFFERS
]
FILES = {
    "data.csv": b"1,2\n",
    "deep/er/file.txt": b"deep",
    "tool.sh": b"#!/bin/sh\necho tool\n",
    "map.bin": bytes(8192),
}

Sides = tuple[dict[Group, Ended], dict[Group, Ended]]


@pytest.fixture(scope="module")
def flow(flow: Flow, installation: Installation) -> Flow:
    """Attempts of the bodies' own image."""
    return replace(flow, image=image(installation.env))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Input:
    """The input of a body that has the workspace for itself: a repository of git with one commit."""
    packages.install(PROGRAMS)
    folder = tmp_path_factory.mktemp("input")
    fill(folder, FILES)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    for command in (["init", "--quiet", "--template="], ["add", "."], ["commit", "--quiet", "--message", "input"]):
        subprocess.run(["git", "-C", str(folder), *who, *command], check=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sides(
    installation: Installation, flow: Flow, whole: Input, tmp_path_factory: pytest.TempPathFactory, testrun_uid: str
) -> Iterator[Sides]:
    """How each group ended by `perago run` and in a pod."""
    inputs = {group: group.input(FILES, whole) for group in GROUPS}
    here = all_here(inputs, tmp_path_factory.mktemp("parity"))
    with environment.undisturbed(tmp_path_factory, testrun_uid), all_there(inputs, installation, flow) as there:
        yield here, there


@pytest.mark.parametrize(("group", "body"), COMPARED)
def test_a_body_ends_alike_here_and_there(
    group: Group, body: str, sides: Sides, record_property: Callable[[str, Any], None]
) -> None:
    """Outcome, reason, what the body saw, and what it published; and it ended as it was meant to."""
    record_property("parity", f"{group.name}/{body}")
    here, there = (end_of(group, body, side[group]) for side in sides)
    assert differences(here, there) == []
    assert here.status == BODIES[body].status, here.message


def test_a_difference_between_the_sides_is_noticed(sides: Sides) -> None:
    """The host's name is another in a pod, in what the body returns and in what it writes."""
    group = next(group for group in GROUPS if DIFFERS in group.bodies)
    here, there = (end_of(group, DIFFERS, side[group]) for side in sides)
    assert [text.partition(":")[0] for text in differences(here, there)] == ["facts", "content"]


@pytest.mark.parametrize("group", GROUPS, ids=[group.name for group in GROUPS])
def test_bodies_that_share_an_attempt_keep_to_their_folders(group: Group, sides: Sides) -> None:
    """What one of them changed elsewhere would be compared by nobody."""
    assert [outside(group, side[group]) for side in sides] == [[], []]


def test_a_volume_in_memory_holds_more_than_the_agent_may_have_by_itself(
    installation: Installation, flow: Flow
) -> None:
    """What the agent downloads is counted as its memory, so its limit follows the volume's size."""
    name = f"large-{uuid4().hex[:6]}"
    repository = installation.repository(name, {**SMALL, "big.bin": bytes(280 << 20)})
    given = {"workspace": repository.workspace(), "params": {"text": "large"}}
    flow.cluster.apply([flow.attempt(name, "writable", given, volume={"size": "400Mi", "medium": "Memory"})])
    status = flow.cluster.finished(name)["status"]
    assert (status["phase"], status["executions"]) == ("Succeeded", 1)
    repository.delete()
