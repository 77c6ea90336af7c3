"""`--cluster current`: what it needs is named at once, and nothing that is not needed."""

import pytest

from perago_dev.cluster.current import NEEDED, REGISTRY, lacking

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
    """kind puts images into its nodes by itself."""
    assert lacking(GIVEN, "kind-mine") == []


def test_no_context_is_named() -> None:
    """A kubeconfig without a current context points at nothing."""
    assert "current context" in lacking(GIVEN, "")[0]
