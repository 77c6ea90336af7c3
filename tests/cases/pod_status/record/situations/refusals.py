"""Pods that the API server refuses, each for its own reason."""

from tests.cases.pod_status.record.api import eventually
from tests.cases.pod_status.record.situation import Object, Refusal
from tests.cases.pod_status.record.stage import Stage


def limit(**fields: object) -> Object:
    """A LimitRange for containers."""
    limits = [{"type": "Container", **fields}]
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": limits}}


def quota(**hard: str) -> Object:
    """A ResourceQuota."""
    spec = {"hard": {key.replace("_", "."): value for key, value in hard.items()}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": spec}


POLICY: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "pod-status-refused"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
        "validations": [
            {
                "expression": "has(object.metadata.labels.team)",
                "message": "each pod must name its team in the label team",
            }
        ],
    },
}
BINDING: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "pod-status-refused"},
    "spec": {
        "policyName": "pod-status-refused",
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "pod-status-refused"}}},
    },
}
WEBHOOK: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "pod-status-refused"},
    "webhooks": [
        {
            "name": "pods.example.com",
            "clientConfig": {"service": {"namespace": "pod-status-refused", "name": "none"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "pod-status-refused"}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
    ],
}


def without_account(stage: Stage) -> None:
    """The runner's service account is not there."""
    stage.api.remove(stage.path("serviceaccounts", "perago-runner"))


def terminating(stage: Stage) -> None:
    """Somebody has deleted the namespace, which something holds."""
    holder: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "holder", "finalizers": ["example.com/holder"]},
    }
    stage.create("configmaps", holder)
    stage.api.remove(f"/api/v1/namespaces/{stage.namespace}")
    path = f"/api/v1/namespaces/{stage.namespace}"
    eventually(lambda: stage.api("GET", path)["status"]["phase"] == "Terminating", "the namespace's end")


def restricted(stage: Stage) -> None:
    """The namespace admits only restricted pods."""
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    stage.api("PATCH", f"/api/v1/namespaces/{stage.namespace}", labels)


def with_deadline_in_the_past(pod: Object) -> Object:
    """A pod that may be active for less than no time."""
    return {**pod, "spec": {**pod["spec"], "activeDeadlineSeconds": -5}}


def with_volume_twice(pod: Object) -> Object:
    """A pod with two volumes of one name."""
    volumes = pod["spec"]["volumes"]
    return {**pod, "spec": {**pod["spec"], "volumes": [*volumes, volumes[0]]}}


REFUSALS = (
    Refusal("refused_by_limit_range", "A LimitRange allows less memory.", (limit(max={"memory": "64Mi"}),)),
    Refusal(
        "refused_by_limit_range_ratio",
        "A LimitRange wants limits near the requests.",
        (limit(maxLimitRequestRatio={"memory": "2"}),),
    ),
    Refusal("refused_by_quota", "The namespace may have no more pods.", (quota(pods="0"),)),
    Refusal(
        "refused_for_lack_of_limits",
        "A quota counts a resource for which a container has no limit.",
        (quota(limits_cpu="1"),),
    ),
    Refusal("refused_by_policy", "An admission policy of the cluster wants a label.", (POLICY, BINDING)),
    Refusal("refused_by_absent_webhook", "A webhook of the cluster cannot be reached.", (WEBHOOK,)),
    Refusal(
        "refused_by_pod_security",
        "The namespace admits only restricted pods, and a helper is none.",
        template={"containers": [{"name": "helper", "image": "helper:1", "securityContext": {"privileged": True}}]},
        prepared=restricted,
    ),
    Refusal("refused_without_account", "The runner's service account does not exist.", prepared=without_account),
    Refusal(
        "refused_without_priority_class", "The priority class does not exist.", template={"priorityClassName": "none"}
    ),
    Refusal(
        "refused_without_runtime_class", "The runtime class does not exist.", template={"runtimeClassName": "none"}
    ),
    Refusal("refused_as_invalid", "A field has a value that it cannot have.", change=with_deadline_in_the_past),
    Refusal("refused_for_two_volumes", "Two volumes have the same name.", change=with_volume_twice),
    Refusal(
        "refused_for_a_wrong_type",
        "A pod template has a text where a number belongs.",
        template={"activeDeadlineSeconds": "soon"},
    ),
    Refusal(
        "refused_without_permission",
        "The operator may not create pods here.",
        user="system:serviceaccount:perago-system:perago-operator",
    ),
    Refusal("refused_in_terminating_namespace", "Somebody has deleted the namespace.", prepared=terminating),
)
