"""The published words: each explained, each in the group of a place where it may stand, none spelled out elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perago_operator.api import reasons, reference
from perago_operator.api.reasons import ConditionType, Reason, with_remedy

ROOT = Path(__file__).parents[4]
WORDS = frozenset(reason.value for reason in Reason)
OPERATOR = "operator/perago_operator"

OTHER_MEANINGS: dict[str, set[str]] = {
    # exceptions and answers that a package exports, by name
    "runner/perago/__init__.py": {
        "PublishFenceError",
        "StaleAttemptError",
        "TaskExecutionError",
        "TaskInputError",
        "TaskTerminalError",
    },
    "runner/perago/wire/__init__.py": {"Published"},
    # condition types
    f"{OPERATOR}/api/reasons.py": {"Published", "Polling"},
    # columns of kubectl get
    f"{OPERATOR}/api/crds.py": {"Paused", "Polling"},
    # phases and reporting states
    f"{OPERATOR}/core/claims.py": {"NotRequired"},
    "runner/perago/wire/base.py": {"Canceled"},
    f"{OPERATOR}/core/turns.py": {"Superseded"},
    f"{OPERATOR}/api/attempt_status.py": {"Starting", "Canceled", "Accepted", "Superseded", "NotRequired"},
    f"{OPERATOR}/core/conditions.py": {"Accepted", "Superseded", "NotRequired"},
    f"{OPERATOR}/core/reporting.py": {"Accepted", "Superseded", "NotRequired"},
    f"{OPERATOR}/core/situation/stopping.py": {"Accepted", "Superseded"},
    f"{OPERATOR}/core/status.py": {"Starting", "Canceled", "Accepted", "Superseded", "NotRequired"},
    f"{OPERATOR}/watch/stores.py": {"Starting"},
    # what a limit is about
    f"{OPERATOR}/core/room.py": {"Starting"},
    # where an attempt stands with Conductor
    f"{OPERATOR}/core/answers.py": {"Accepted", "Superseded"},
    # what people at the console read: phases and condition types
    "console/perago_console/core/load.py": {"Starting"},
    "console/perago_console/core/objects.py": {"Published"},
    "console/perago_console/core/tasks.py": {"Polling"},
    # the kubelet's words
    f"{OPERATOR}/core/pod/hindrance.py": {"Starting"},
    f"{OPERATOR}/core/pod/diagnosis.py": {"OOMKilled", "Completed"},
}
"""By file, words of a reason's spelling that mean something else there."""


def groups() -> tuple[tuple[Reason, ...], ...]:
    """The reasons of every place."""
    conditions = (*reasons.ATTEMPT_CONDITIONS.values(), *reasons.TASK_CONDITIONS.values())
    return (
        *conditions,
        reasons.POD_FAILURES,
        reasons.WAITS,
        reasons.STOPS,
        reasons.AGENT_OUTCOMES,
        reasons.EVENT_REASONS,
    )


def test_every_reason_may_stand_somewhere() -> None:
    """A reason that stands in no group is not in the reference."""
    assert {reason for group in groups() for reason in group} == set(Reason)


def test_no_group_names_a_reason_twice() -> None:
    """Each has one row."""
    assert all(len(set(group)) == len(group) for group in groups())


def test_every_condition_type_has_its_reasons() -> None:
    """Of an attempt or of a PeragoTask, never of both."""
    assert [*reasons.ATTEMPT_CONDITIONS, *reasons.TASK_CONDITIONS] == list(ConditionType)


def test_every_failure_is_somebodys_fault() -> None:
    """Of one of three, who has to do something about it; an attempt that completed or was stopped has none."""
    failures = {*reasons.POD_FAILURES, *reasons.WAITS, *reasons.AGENT_OUTCOMES} - {Reason.COMPLETED, *reasons.STOPS}
    assert set(reasons.FAULTS) == failures


@pytest.mark.parametrize("words", [Reason, ConditionType])
def test_published_words_are_camel_case(words: Any) -> None:
    """As Kubernetes wants reasons and condition types; each is explained in whole sentences."""
    assert all(word.value.isalnum() and word.value[0].isupper() for word in words)
    assert all(
        word.sentence[0] in f"`{word.sentence[0].upper()}" or word.sentence.startswith("lakeFS") for word in words
    )
    assert all(word.sentence.endswith(".") for word in words)


def test_a_remedy_is_one_sentence() -> None:
    """So that it can follow a message."""
    remedies = [reason.remedy for reason in Reason if reason.remedy]
    assert len(remedies) > len(Reason) / 2
    assert all(remedy[0].isupper() and remedy.endswith(".") and ". " not in remedy for remedy in remedies)


def test_a_remedy_follows_its_message() -> None:
    """In the same sentence; a reason without one leaves the message alone."""
    message = with_remedy("exceeds the limit. ", Reason.OOM_KILLED)
    assert message.startswith("exceeds the limit; raise spec.resources.limits.memory of the PeragoTask, or ")
    assert "`" not in message
    assert with_remedy("attempt deleted", Reason.ATTEMPT_DELETED) == "attempt deleted"


def spelled() -> Iterator[tuple[str, str]]:
    """File and word of every string constant that equals a reason's word."""
    for folder in ("operator", "runner", "console"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name == "runner/perago/wire/reasons.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and node.value in WORDS:
                    yield name, str(node.value)


def test_no_module_spells_a_reason_out() -> None:
    """A literal reason would be a word that the list does not know once either is changed."""
    literals = set(spelled())
    allowed = {(file, word) for file, words in OTHER_MEANINGS.items() for word in words}
    assert literals - allowed == set()
    assert allowed - literals == set(), "the list of other meanings has grown stale"


def used() -> set[str]:
    """The names of the members that some module takes from the list."""
    listing = {"reasons.py", "faults.py", "reference.py"}
    paths = [path for folder in ("operator", "runner") for path in (ROOT / folder).rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in paths if path.name not in listing]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if ast.unparse(node.value) in ("Reason", "wire.Reason")}


FROM_EXCEPTIONS = {"TASK_TERMINAL_ERROR"}
"""The agent passes the class name of the task's exception on; these are classes of ours."""


def test_every_reason_is_given_by_some_module() -> None:
    """A word that nothing gives would be a promise that nobody keeps."""
    assert set(Reason.__members__) - used() == FROM_EXCEPTIONS


def test_the_reference_names_every_reason_once_per_place() -> None:
    """With its meaning and its remedy."""
    page = reference.rendered()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(group) for group in groups())
    assert all(f"| `{reason.value}` | {reason.sentence} |" in page and reason.remedy in page for reason in Reason)


def test_the_committed_reference_is_that_of_the_words() -> None:
    """CI runs the same check."""
    assert reference.main(["--check", str(ROOT / "docs/reference")]) == 0


def test_the_check_notices_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the file and the command, and writes nothing."""
    page = tmp_path / "reasons.md"
    assert reference.main(["--check", str(tmp_path)]) == 1
    assert not page.exists()
    assert reference.main([str(tmp_path)]) == 0
    assert reference.main(["--check", str(tmp_path)]) == 0
    assert f"{page} differs from what it is generated from: run make reasons" in capsys.readouterr().err
