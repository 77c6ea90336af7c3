"""An attempt with what its task and the settings supply."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.resolve import Resolved, resolve
from tests import builders as b

OWN = {"module": "own.module", "image": "own:1"}


def resolved(own: dict[str, Any], shared: dict[str, Any] | None = None, config: Config | None = None) -> Resolved:
    """The attempt's fields, its task's, and the settings."""
    attempt = PeragoAttempt.model_validate(b.attempt(**{"taskRef": {"name": "build"}, "task": None, **own}))
    task = PeragoTask.model_validate(b.task("build", **shared)) if shared is not None else None
    return resolve(attempt.spec, task, config or Config())


def test_module_and_image_may_come_from_either_side() -> None:
    """Each by itself."""
    mixed = resolved({"task": {"image": "own:1"}}, {"module": "shared.module", "image": "shared:1"})
    assert (mixed.module, mixed.image) == ("shared.module", "own:1")


@pytest.mark.parametrize(
    ("own", "missing"), [({}, "module"), ({"task": {"module": "m"}}, "image"), ({"task": OWN}, None)]
)
def test_what_is_missing_is_named(own: dict[str, Any], missing: str | None) -> None:
    """One thing at a time."""
    assert resolved(own).missing == missing


@pytest.mark.parametrize(
    ("field", "own", "shared", "expected"),
    [
        ("active_deadline_seconds", {"activeDeadlineSeconds": 1}, {"activeDeadlineSeconds": 2}, 1),
        ("active_deadline_seconds", {}, {"activeDeadlineSeconds": 2}, 2),
        ("active_deadline_seconds", {}, {}, None),
        ("ttl_seconds", {"ttlSecondsAfterFinished": 0}, {"ttlSecondsAfterFinished": 2}, 0),
        ("ttl_seconds", {}, {"ttlSecondsAfterFinished": 2}, 2),
        ("ttl_seconds", {}, {}, 86400),
        ("disruption_retries", {"disruptionRetries": 0}, {}, 0),
        ("disruption_retries", {"disruptionRetries": 0}, {"disruptionRetries": 5}, 0),
        ("disruption_retries", {}, {"disruptionRetries": 5}, 5),
        ("disruption_retries", {}, {}, 3),
        ("max_concurrency", {}, {"maxConcurrency": 5}, 5),
        ("max_concurrency", {}, {}, None),
        ("exclude", {}, {"exclude": ["*.tmp"]}, ("*.tmp",)),
        ("exclude", {}, {}, ()),
        ("lakefs_secret", {}, {"lakefsSecretRef": {"name": "mine"}}, "mine"),
        ("lakefs_secret", {}, {}, "perago-lakefs"),
        ("conductor_secret", {}, {"conductorSecretRef": {"name": "mine"}}, "mine"),
        ("conductor_secret", {}, {}, "perago-conductor"),
    ],
)
def test_the_nearest_word_counts(field: str, own: dict[str, Any], shared: dict[str, Any], expected: Any) -> None:
    """The attempt's, else the task's, else the settings'; zero is a value."""
    assert getattr(resolved(own, shared), field) == expected


def test_resources_and_volume_are_taken_as_a_whole() -> None:
    """Half of one and half of the other would be neither's intent."""
    own = resolved({"volume": {"size": "1Gi"}}, {"volume": {"size": "2Gi", "medium": "Memory"}})
    assert (own.volume.size, own.volume.medium) == ("1Gi", None)
    shared = resolved({}, {"resources": {"limits": {"cpu": "2"}}})
    assert shared.resources.limits == {"cpu": "2"}


def test_templates_are_merged_in_order() -> None:
    """The task's first; an empty one is none."""
    both = resolved({"podTemplate": {"spec": {"a": 1}}}, {"podTemplate": {"spec": {"b": 2}}})
    assert both.pod_templates == ({"spec": {"b": 2}}, {"spec": {"a": 1}})
    assert resolved({"podTemplate": {}}, {}).pod_templates == ()


def test_the_attempts_failure_policy_replaces_that_of_the_task() -> None:
    """Rules stay in order, and become those that agents apply as well."""
    rules: list[dict[str, Any]] = [
        {"onReason": ["VolumeFull", "OOMKilled"], "result": "FAILED_WITH_TERMINAL_ERROR"},
        {"onExitCode": [3], "result": "FAILED"},
        {"onException": ["ValueError"], "result": "FAILED"},
    ]
    policy = resolved({"failurePolicy": rules}, {"failurePolicy": rules[:1]}).failure_policy
    assert [(rule.on_reason, rule.on_exit_code, rule.on_exception) for rule in policy] == [
        (("VolumeFull", "OOMKilled"), (), ()),
        ((), (3,), ()),
        ((), (), ("ValueError",)),
    ]
    assert resolved({}, {"failurePolicy": rules}).failure_policy == policy


def test_pull_secrets_are_the_settings_and_the_tasks() -> None:
    """Each once."""
    config = Config(pod=PodSettings(image_pull_secrets=("a",)))
    assert resolved({}, {"imagePullSecrets": [{"name": "b"}, {"name": "a"}]}, config).image_pull_secrets == ("a", "b")
