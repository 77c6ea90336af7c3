"""What pod templates may not do."""

from typing import Any

import pytest

from perago_operator.core.templates import FORBIDDEN_POD_FIELDS, template_problem

SECRETS = frozenset({"perago-lakefs", "perago-conductor"})


def problem(**spec: Any) -> str | None:
    """What is wrong with a template of this pod spec."""
    return template_problem({"spec": spec}, SECRETS)


@pytest.mark.parametrize("field", FORBIDDEN_POD_FIELDS)
def test_what_the_operator_decides_cannot_be_set(field: str) -> None:
    """The refusal names the field."""
    assert field in (problem(**{field: "x"}) or "")


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "agent", "image": "evil"}]},
        {"containers": [{"name": "agent", "env": [{"name": "PERAGO_ORDER", "value": "{}"}]}]},
        {"containers": [{"name": "task", "securityContext": {"privileged": True}}]},
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
    """By its container, its volumes, its Secrets or its token."""
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
