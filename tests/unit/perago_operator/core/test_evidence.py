"""What lakeFS is asked about a silent end, and what its answer makes of the attempt."""

import json
from typing import Any

import pytest

from perago.wire import output_metadata
from perago_operator.core.actions import AskEvidence
from perago_operator.core.answers import Publication
from perago_operator.core.evidence import outcome, question, with_strays
from perago_operator.core.memory import Evidence
from perago_operator.core.situation import Situation
from tests import builders as b

ASK = AskEvidence("repo", "main", "commit-a")
OUTPUT = {"perago.output": '{"result":{"rows":3}}'}


def staged(**changes: Any) -> Situation:
    """An attempt that has planned a staging branch, in its first execution."""
    status = {"staging": b.STAGING, "executions": 1, **changes.pop("status", {})}
    remembered = changes.pop("memory", None)
    return b.situation(b.attempt(status=status, **changes), memory=remembered)


def known(ref: str | None = "commit-b", metadata: dict[str, str] | None = None, execution: int = 1) -> Any:
    """A memory of lakeFS's answer."""
    publication = Publication(ref, OUTPUT if metadata is None else metadata) if ref else None
    return b.memory(evidence=Evidence(execution, publication))


def test_the_question_is_about_the_inputs_branch() -> None:
    """From its head down to the commit that the attempt started from."""
    assert question(staged()) == ASK


@pytest.mark.parametrize("state", ["Planned", "Active", "Deleted"])
def test_it_is_asked_whatever_became_of_the_staging_branch(state: str) -> None:
    """The agent may have died between its deletion and the outcome."""
    assert question(staged(status={"staging": {**b.STAGING, "state": state}})) == ASK


def test_an_attempt_that_planned_no_branch_has_published_nothing() -> None:
    """Its plan is written before the branch exists."""
    assert question(b.situation(b.attempt(status={"executions": 1}))) is None


def test_it_is_asked_once_an_execution() -> None:
    """The answer of an earlier one is old."""
    assert question(staged(memory=known())) is None
    assert question(staged(status={"executions": 2}, memory=known())) == ASK


def test_a_large_input_is_known_from_the_agents_report() -> None:
    """It is not in the object."""
    reported = {"repository": "r2", "branch": "b2", "inputRef": "c2"}
    s = staged(input=None, inputFrom="Conductor", status={"workspace": reported})
    assert question(s) == AskEvidence("r2", "b2", "c2")


@pytest.mark.parametrize("given", [{"params": {}}, {"workspace": "text"}, {"workspace": {"repository": "r"}}])
def test_without_a_workspace_there_is_nothing_to_ask(given: dict[str, Any]) -> None:
    """A wrong one never got as far as publishing."""
    assert question(staged(input=given)) is None


def test_a_publication_is_the_outcome() -> None:
    """With the output that it carries, and a message that says where it came from."""
    completed = outcome(staged(memory=known()))
    assert completed is not None
    assert (completed.status, completed.reason) == ("COMPLETED", "Completed")
    assert completed.output == {"workspace": {**b.WORKSPACE, "ref": "commit-b"}, "result": {"rows": 3}}
    assert "commit-b" in (completed.message or "")


def test_a_packed_output_is_read_as_well() -> None:
    """One that is too large to be readable in the commit."""
    packed = output_metadata({"result": "x" * 20_000})
    assert "perago.output-gzip" in packed
    completed = outcome(staged(memory=known(metadata=packed)))
    assert completed is not None
    assert (completed.output or {})["result"] == "x" * 20_000


def test_the_output_spells_the_workspace_as_the_input_did() -> None:
    """`ref_type` of older workflows stays `ref_type`."""
    old = {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": "commit-a"}
    completed = outcome(staged(input={"workspace": old, "params": {}}, memory=known()))
    assert completed is not None
    assert completed.output is not None
    assert completed.output["workspace"] == {**old, "ref": "commit-b"}


def test_an_output_that_a_merge_patch_would_change_is_stored_compressed() -> None:
    """The commit carries it as text, with its nulls and types."""
    completed = outcome(staged(memory=known(metadata={"perago.output": '{"result":{"best":null,"mean":1.0}}'})))
    assert completed is not None
    assert completed.output is None
    assert json.dumps((completed.full_output() or {})["result"]) == '{"best": null, "mean": 1.0}'


@pytest.mark.parametrize("answer", [known(ref=None), known(metadata={"perago.output-sha256": "abc"}), b.memory()])
def test_without_a_publication_that_carries_its_output_there_is_no_outcome(answer: Any) -> None:
    """A large output is known by its digest only: the next execution completes from it."""
    assert outcome(staged(memory=answer)) is None


def test_what_was_left_on_somebody_elses_commit_is_named() -> None:
    """The agent died before it could take it back, and nobody else knows whose it is."""
    s = staged(memory=b.memory(evidence=Evidence(1, None, ("c9", "c8"))))
    message = with_strays(s, "lost")
    assert message.startswith("lost; this attempt left c9, c8 on top of other commits of the branch 'main' of repo: ")
    assert with_strays(staged(memory=known()), "lost") == "lost"


def test_a_second_landing_is_named_beside_the_publication() -> None:
    """Others have committed on top, or the agent would have taken it back."""
    publication = Publication("commit-b", OUTPUT)
    completed = outcome(staged(memory=b.memory(evidence=Evidence(1, publication, ("c9",)))))
    assert completed is not None
    assert "this attempt left c9 on top" in (completed.message or "")
