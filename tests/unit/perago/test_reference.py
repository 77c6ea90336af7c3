"""The workspace of a payload: exactly four keys, two spellings of one of them."""

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from perago import WorkspaceInput, WorkspaceOutput

OLD = {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": "A"}
NEW = {"repository": "repo", "branch": "main", "refType": "commit", "ref": "A"}


@pytest.mark.parametrize("payload", [OLD, NEW])
def test_the_output_is_spelled_as_the_input(payload: dict[str, str]) -> None:
    """Both spellings are read, `ref_type` is the attribute, and each dumps as it came."""
    workspace = WorkspaceInput.model_validate(payload)
    assert workspace.ref_type == "commit"
    assert workspace.model_dump() == payload
    assert workspace.published_output("B").model_dump() == payload | {"ref": "B"}


def test_a_workspace_made_in_python_dumps_ref_type() -> None:
    """Python's own spelling is the old one."""
    assert WorkspaceInput(repository="repo", branch="main", ref_type="commit", ref="A").model_dump() == OLD


def test_the_spelling_survives_copies_and_json() -> None:
    """A copy and a JSON text are spelled as the original."""
    workspace = WorkspaceInput.model_validate(NEW)
    assert workspace.model_copy().model_dump() == NEW
    assert WorkspaceInput.model_validate_json(workspace.model_dump_json()).model_dump() == NEW


def test_the_spelling_makes_no_difference_to_equality() -> None:
    """Two references to one ref are equal and hash alike; an output is not an input."""
    old, new = WorkspaceInput.model_validate(OLD), WorkspaceInput.model_validate(NEW)
    assert old == new
    assert hash(old) == hash(new)
    assert old != old.published_output("A")
    assert isinstance(old.published_output("A"), WorkspaceOutput)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"repository": ""}, "repository"),
        ({"branch": "  "}, "branch"),
        ({"ref": "\t"}, "ref"),
        ({"ref": 7}, "ref"),
        ({"refType": "branch"}, "ref_type"),
        ({"refType": None}, "ref_type"),
        ({"tag": "x"}, "tag"),
        ({"ref_type": "commit"}, "two spellings"),
    ],
)
def test_blank_wrong_and_unknown_values_are_refused_by_name(change: dict[str, Any], field: str) -> None:
    """Strings only, none blank, the type always commit, no other key, and not both spellings."""
    with pytest.raises(ValidationError, match=field):
        WorkspaceInput.model_validate(NEW | change)


@pytest.mark.parametrize("missing", sorted(NEW))
def test_no_key_may_be_missing(missing: str) -> None:
    """Each of the four is needed."""
    with pytest.raises(ValidationError):
        WorkspaceInput.model_validate({key: value for key, value in NEW.items() if key != missing})


def test_the_order_of_keys_does_not_matter() -> None:
    """All 24 orders give the same workspace."""
    for keys in itertools.permutations(NEW):
        assert WorkspaceInput.model_validate({key: NEW[key] for key in keys}).model_dump() == NEW


def test_a_published_ref_is_not_blank() -> None:
    """A publication that returns no ref cannot become an output."""
    with pytest.raises(ValidationError, match="ref"):
        WorkspaceInput.model_validate(OLD).published_output(" ")
