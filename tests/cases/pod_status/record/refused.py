"""How the API server refuses pods, in a namespace of its own for each reason."""

from dataclasses import replace

from tests.cases.pod_status.record.api import eventually
from tests.cases.pod_status.record.normal import without_unique
from tests.cases.pod_status.record.situation import Object, Refusal
from tests.cases.pod_status.record.stage import Stage

NAMESPACE = "pod-status-refused"
CLUSTER_WIDE = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
NAMESPACED = {"LimitRange": "limitranges", "ResourceQuota": "resourcequotas"}
TAKES_SECONDS = 60
"""Quotas and policies come into force a moment after they exist."""


def recorded(stage: Stage, refusal: Refusal) -> Object:
    """The Status with which the API server answers."""
    _remove(stage, refusal)
    stage = replace(stage, namespace=NAMESPACE)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    stage.api("POST", "/api/v1/namespaces", namespace)
    account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "perago-runner"}}
    stage.create("serviceaccounts", account)
    try:
        return {"refusal": _refusal(stage, refusal)}
    finally:
        _remove(stage, refusal)


def _refusal(stage: Stage, refusal: Refusal) -> Object:
    attempt = stage.attempt("refused", "pass", refusal.spec, refusal.template)
    manifest = refusal.change(stage.manifest(attempt, refusal.settings))
    for obj in refusal.objects:
        stage.api("POST", _path(obj), obj)
    refusal.prepared(stage)
    seen: list[Object] = []

    def is_refused() -> bool:
        answer = stage.api.answer("POST", stage.path("pods"), manifest, user=refusal.user)
        if answer["kind"] == "Pod":
            stage.api.answer("PATCH", stage.path("pods", "refused-1"), {"metadata": {"finalizers": None}})
            stage.api.remove(stage.path("pods", "refused-1"), gracePeriodSeconds=0)
            return False
        seen.append(answer)
        return True

    eventually(is_refused, f"the refusal {refusal.name}", TAKES_SECONDS)
    told = seen[0]
    message = without_unique(told["message"], stage.names)
    return {"code": told["code"], "reason": told["reason"], "message": message}


def _path(obj: Object) -> str:
    kind = obj["kind"]
    if kind in CLUSTER_WIDE:
        return f"/apis/admissionregistration.k8s.io/v1/{CLUSTER_WIDE[kind]}"
    return f"/api/v1/namespaces/{NAMESPACE}/{NAMESPACED[kind]}"


def _remove(stage: Stage, refusal: Refusal) -> None:
    for obj in refusal.objects:
        if obj["kind"] in CLUSTER_WIDE:
            stage.api.remove(f"{_path(obj)}/{obj['metadata']['name']}")
    holder = f"/api/v1/namespaces/{NAMESPACE}/configmaps/holder"
    stage.api.answer("PATCH", holder, {"metadata": {"finalizers": None}})
    path = f"/api/v1/namespaces/{NAMESPACE}"
    stage.api.remove(path)
    eventually(lambda: stage.api.answer("GET", path)["kind"] == "Status", "the end of the namespace", TAKES_SECONDS)
