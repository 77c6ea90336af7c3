"""The operator deletes branches with keys of its own, so an agent's word alone names none."""

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core import actions as do
from perago_operator.core.conditions import conditions
from perago_operator.core.decide import first_match
from perago_operator.core.pod.shapes import objects_of
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation
from tests import builders as b

OWN = b.STAGING["branch"]
OTHERS = b.staging_branch(b.attempt(meta={"uid": "uid-b2"}))


def ended(**staging: str) -> Situation:
    """An attempt with an outcome, whose status names this staging branch."""
    return b.situation(b.attempt(status={"outcome": b.completed(), "staging": {**b.STAGING, **staging}}))


@pytest.mark.parametrize("execution", [1, 2, 999_999_999])
def test_a_branch_of_each_execution_is_the_attempts_own(execution: int) -> None:
    """The number is the only part of the name that an execution decides."""
    assert ended(branch=b.staging_branch(b.attempt(), execution)).staging is not None


@pytest.mark.parametrize(
    "staging",
    [
        {"branch": "main"},
        {"branch": "audit", "repository": "payroll"},
        {"branch": OTHERS},
        {"branch": OWN, "repository": "payroll"},
        {"branch": f"{OWN}0000000000"},
        {"branch": f"{OWN}-x"},
        {"branch": f"{OWN[:-1]}\u0661"},
        {"branch": ""},
    ],
)
def test_no_other_branch_is_deleted(staging: dict[str, str]) -> None:
    """Neither of another name or attempt, nor the attempt's own name in another repository."""
    s = ended(**staging)
    ruling = first_match(s)[1]
    assert not [action for action in ruling.actions if isinstance(action, do.DeleteStaging)]
    told = {one["type"]: one for one in objects_of(conditions(s, ruling)["conditions"])}["StagingDeleted"]
    assert (told["reason"], "is left alone" in str(told["message"])) == ("NoStaging", True)


def test_the_name_alone_decides_where_the_input_is_in_conductor() -> None:
    """The spec has no repository then, and the name holds the attempt's uid."""
    far: b.Raw = {"inputFrom": "Conductor", "input": None}
    elsewhere = {**b.STAGING, "repository": "large"}
    assert b.situation(b.attempt(**far, status={"staging": elsewhere})).staging is not None
    assert b.situation(b.attempt(**far, status={"staging": {**elsewhere, "branch": "main"}})).staging is None


def test_an_attempt_without_a_workspace_has_no_staging_branch() -> None:
    """Whatever its status says."""
    assert b.situation(b.attempt(input={"params": {}}, status={"staging": b.STAGING})).staging is None


def test_the_next_attempt_does_not_wait_for_a_foreign_branch() -> None:
    """Nobody would ever delete it."""
    over = b.attempt(status={"outcome": b.completed(), "staging": {**b.STAGING, "branch": "main"}})
    assert Sibling.of(PeragoAttempt.model_validate(over), has_pods=False).settled
