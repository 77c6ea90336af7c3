"""`--cluster current`: what it needs is named at once, and nothing that is not needed."""

from pathlib import Path

import pytest

from perago_dev.cluster.current import NEEDED, REGISTRY, check, context_of, lacking
from perago_dev.errors import EnvironmentProblem

GIVEN = dict.fromkeys(NEEDED, "given")


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_each_missing_variable_is_named(name: str) -> None:
    """An unset or empty variable is named with what it is for."""
    (found,) = lacking({**GIVEN, REGISTRY: "registry.example", name: ""}, "some")
    assert found.startswith(f"{name}: ")


def test_another_cluster_needs_a_registry() -> None:
    """Images get into a cluster that is not kind's through a registry alone."""
    (found,) = lacking(GIVEN, "production")
    assert REGISTRY in found
    assert lacking({**GIVEN, REGISTRY: "registry.example"}, "production") == []


def test_a_kind_cluster_needs_no_registry() -> None:
    """kind loads images into its nodes itself."""
    assert lacking(GIVEN, "kind-mine") == []


def test_no_context_is_named() -> None:
    """A kubeconfig without a current context points at nothing."""
    assert "current context" in lacking(GIVEN, "")[0]


def test_context_is_that_of_the_first_file_that_has_one(tmp_path: Path) -> None:
    """As kubectl does with a list of files, of which some need not exist."""
    for name, text in {"empty": "", "one": "current-context: first\n", "two": "current-context: second\n"}.items():
        (tmp_path / name).write_text(text)
    named = ":".join(str(tmp_path / name) for name in ("absent", "empty", "one", "two"))
    assert context_of({"KUBECONFIG": named}) == "first"
    assert context_of({"KUBECONFIG": str(tmp_path / "absent")}) == ""


def test_check_names_everything_at_once(tmp_path: Path) -> None:
    """Nothing has to be built to find out what is missing."""
    with pytest.raises(EnvironmentProblem) as found:
        check({"KUBECONFIG": str(tmp_path / "absent")})
    assert all(name in str(found.value) for name in (*NEEDED, "kubeconfig"))
