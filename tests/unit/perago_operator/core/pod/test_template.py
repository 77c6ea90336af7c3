"""How pod templates are merged, and that none reaches what is the agent's alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_operator.api.base import JsonObject
from perago_operator.core.config import NodeCache
from perago_operator.core.pod.template import cache_problem, merged, template_problem

SECRETS = frozenset({"perago-lakefs", "perago-conductor"})


def problem(**spec: Any) -> str | None:
    """What is wrong with a template of this pod spec."""
    return template_problem({"spec": spec}, SECRETS)


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "task", "volumeMounts": [{"name": "lakefs-keys", "mountPath": "/k"}]}]},
        {"containers": [{"name": "spy", "volumeMounts": [{"name": "cluster-token", "mountPath": "/k"}]}]},
        {"initContainers": [{"name": "spy", "volumeMounts": [{"name": "agent-tmp", "mountPath": "/k"}]}]},
        {"containers": [{"name": "task", "envFrom": [{"secretRef": {"name": "perago-lakefs"}}]}]},
        {
            "containers": [
                {"name": "task", "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "perago-conductor"}}}]}
            ]
        },
        {"volumes": [{"name": "lakefs-keys", "emptyDir": {}}]},
        {"volumes": [{"name": "mine", "secret": {"secretName": "perago-lakefs"}}]},
        {"volumes": [{"name": "mine", "projected": {"sources": [{"secret": {"name": "perago-lakefs"}}]}}]},
        {"volumes": [{"name": "mine", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
    ],
)
def test_no_way_leads_to_the_agents_keys(spec: dict[str, Any]) -> None:
    """By a container, a volume, a Secret or a token."""
    assert problem(**spec) is not None


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "high"},
        {"containers": [{"name": "agent", "resources": {"limits": {"memory": "1Gi"}}}]},
        {"containers": [{"name": "task", "env": [{"name": "MODE", "value": "fast"}], "args": ["x"]}]},
        {"containers": [{"name": "task", "envFrom": [{"secretRef": {"name": "settings"}}]}]},
        {"volumes": [{"name": "mine", "secret": {"secretName": "settings"}}]},
        {"volumes": [{"name": "mine", "configMap": {"name": "settings"}}]},
        {},
    ],
)
def test_what_is_the_tasks_own_may_be_set(spec: dict[str, Any]) -> None:
    """Scheduling, its environment, other Secrets, the agent's resources."""
    assert problem(**spec) is None


FOLDER = NodeCache("hostPath", "/var/cache/perago", 1, 0)
CLAIM = NodeCache("persistentVolumeClaim", "cache", 1, 0)


REACHING = ("/var/cache/perago", "/var/cache/perago/ns/", "/var/cache", "/", "//var/cache/x/../perago")


def mounted(**volume: Any) -> JsonObject:
    """A template with this volume."""
    return {"spec": {"volumes": [{"name": "mine", **volume}]}}


@pytest.mark.parametrize(
    ("cache", "template"),
    [
        *((FOLDER, mounted(hostPath={"path": path})) for path in REACHING),
        (CLAIM, mounted(persistentVolumeClaim={"claimName": "cache"})),
    ],
)
def test_no_volume_of_a_template_reaches_the_node_cache(cache: NodeCache, template: JsonObject) -> None:
    """Whatever it is called: the folder, what it is in, what is in it, and the claim."""
    assert cache_problem(template, cache) == (
        "podTemplate volume 'mine' reaches the node's cache, which is the agents' alone"
    )
    assert cache_problem(template, None) is None


@pytest.mark.parametrize("cache", [FOLDER, CLAIM])
@pytest.mark.parametrize(
    "template",
    [
        mounted(hostPath={"path": "/var/cache/perago-other"}),
        mounted(persistentVolumeClaim={"claimName": "mine"}),
        mounted(emptyDir={}),
        {"metadata": {"labels": {"a": "b"}}},
        {},
    ],
)
def test_other_volumes_of_a_template_are_none_of_the_caches_business(cache: NodeCache, template: JsonObject) -> None:
    """Whether a pod may have them is for the cluster to say."""
    assert cache_problem(template, cache) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "task", "volumeMounts": [{"name": "node-cache", "mountPath": "/c"}]}]},
        {"volumes": [{"name": "node-cache", "emptyDir": {}}]},
    ],
)
def test_the_agents_own_mount_of_the_node_cache_stays_its_own(spec: dict[str, Any]) -> None:
    """It is one of the agent's volumes."""
    assert problem(**spec) is not None


json_objects = st.dictionaries(
    st.sampled_from("abc"), st.integers() | st.dictionaries(st.sampled_from("de"), st.integers())
)


def test_objects_merge() -> None:
    """What the patch does not name stays."""
    assert merged({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 0, "z": 3}}) == {"a": {"x": 1, "y": 0, "z": 3}, "b": 1}


def test_named_things_merge_by_name() -> None:
    """Order is kept; new ones come last."""
    base: JsonObject = {"containers": [{"name": "agent", "image": "r"}, {"name": "task", "image": "t"}]}
    patch: JsonObject = {"containers": [{"name": "side"}, {"name": "task", "workingDir": "/w"}]}
    assert merged(base, patch)["containers"] == [
        {"name": "agent", "image": "r"},
        {"name": "task", "image": "t", "workingDir": "/w"},
        {"name": "side"},
    ]


def test_mounts_merge_by_path() -> None:
    """One volume may be mounted twice."""
    base: JsonObject = {"volumeMounts": [{"name": "w", "mountPath": "/a"}]}
    patch: JsonObject = {"volumeMounts": [{"name": "w", "mountPath": "/b"}]}
    assert len(merged(base, patch)["volumeMounts"]) == 2  # type: ignore[arg-type]


def test_other_lists_are_replaced() -> None:
    """A list without identities has nothing to merge by."""
    assert merged({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}
    assert merged({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}) == {"tolerations": [{"key": "b"}]}


@given(json_objects, json_objects)
def test_merging_twice_is_merging_once(base: dict, patch: dict) -> None:  # type: ignore[type-arg]
    """And neither argument is changed."""
    before = repr((base, patch))
    once = merged(base, patch)
    assert merged(once, patch) == once
    assert repr((base, patch)) == before
