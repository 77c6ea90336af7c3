"""Names and manifests of the kube suite's objects."""

import itertools

from perago_operator.core.names import ATTEMPT_FINALIZER, POD_FINALIZER
from perago_operator.ports import Manifest

OWNER = "3f0c6f5e-6f0f-4b8e-9a4b-0d7a4b8a5c11"
"""The uid of the attempt that owns a pod."""

_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{next(_numbers)}"


def attempt(name: str = "a1", *finalizers: str) -> Manifest:
    """A small standalone attempt; held by us unless other finalizers are given."""
    return {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoAttempt",
        "metadata": {"name": name, "finalizers": list(finalizers or (ATTEMPT_FINALIZER,))},
        "spec": {"task": {"module": "app", "image": "app:1"}, "input": {"params": {}}},
    }


def pod(name: str = "a1-1", *finalizers: str) -> Manifest:
    """A pod that no node runs."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"perago.dev/managed-by": "perago"},
            "finalizers": list(finalizers or (POD_FINALIZER,)),
            "ownerReferences": [
                {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoAttempt", "name": "a1", "uid": OWNER}
            ],
        },
        "spec": {"containers": [{"name": "task", "image": "app:1"}]},
    }
