"""Takes away the CRD's schema of pod templates, and puts it back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.hostile.api import attempts
from tests.hostile.stage import Stage, attempt
from tests.kubectl import Object, eventually

CRD = "peragoattempts.perago.dev"


@contextmanager
def without_schema(stage: Stage) -> Iterator[None]:
    """In this block the API server takes whatever a pod template of an attempt says."""
    crd = stage.cluster().json("get", "crd", CRD)
    loose = json.loads(json.dumps(crd))
    for version in loose["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["podTemplate"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    _replaced(stage, loose)
    try:
        _noticed(stage, refused=False)
        yield
    finally:
        _replaced(stage, crd)
        _noticed(stage, refused=True)


def _replaced(stage: Stage, crd: Object) -> None:
    patch = [{"op": "replace", "path": "/spec/versions", "value": crd["spec"]["versions"]}]
    stage.cluster()("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))


def _noticed(stage: Stage, *, refused: bool) -> None:
    """Wait until the API server has noticed."""
    tried = attempt(
        "tried", task={"module": "m", "image": "i"}, input={"params": {}}, podTemplate={"spec": {"hostNetwork": True}}
    )
    path = attempts(stage.site.namespace)

    def look() -> bool | None:
        return (stage.api.asked("POST", path, tried, dry=True)[0] != "2") == refused or None

    eventually(look, "another answer to a pod template", 60)
