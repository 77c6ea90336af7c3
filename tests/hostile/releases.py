"""Installs the releases in an environment, with keys that are planted for this run."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from perago_dev import release
from tests.hostile.api import attempts, tasks
from tests.hostile.sites import ANY_POD, BARE, CRASHES, LACKING, NAMESPACE, NAMESPACES, OTHER, SYSTEM, Site
from tests.hostile.stage import AUTHOR, HERE, PAYROLL, PERSON, Stage
from tests.kubectl import Object, eventually

CEILING = {"memory": "1Gi", "cpu": "2", "storage": "2Gi"}
COMMON = {"resources.requests.cpu": "10m", "logLevel": "DEBUG", "stagingSweep.everySeconds": "0"}
DEFUSED = HERE / "defused" / "sitecustomize.py"
LEVEL = "pod-security.kubernetes.io/enforce"


def prepare(stage: Stage, sites: Iterable[Site]) -> None:
    """Install everything, with what these sites lack; remove what an earlier run has left."""
    lacking_there = {site.namespace: site.lacks for site in (*sites, CRASHES) if site.lacks}
    stage.apply(*(release.namespace_of(name) for name in NAMESPACES))
    stage.apply(*(_open(name) for name in (ANY_POD.namespace, LACKING, *lacking_there)))
    stage.canaries["lakeFS access key"] = stage.env.lakefs_access_key
    stage.canaries["lakeFS secret key"] = stage.env.lakefs_secret_key
    served = [NAMESPACE, BARE.namespace, ANY_POD.namespace, *lacking_there]
    keys = _keys(stage, SYSTEM, LACKING, *served)
    stage.apply(
        *keys, *_defused(LACKING, *lacking_there), *_people(), *_payrolls(stage, BARE.namespace, *lacking_there)
    )
    install(stage)
    _install_lacking(stage, lacking_there)
    clear(stage, served)


def install(stage: Stage) -> None:
    """The first two releases as they should be, with what a variant has taken away put back."""
    ceiling = {f"attempts.ceiling.{resource}": most for resource, most in CEILING.items()}
    release.helm(stage.env, NAMESPACE, SYSTEM, {**COMMON, **ceiling, "namespaces": f"{{{NAMESPACE}}}"})
    served = f"{{{BARE.namespace},{ANY_POD.namespace}}}"
    policies = {"admissionPolicies.enabled": "false"}
    release.helm(stage.env, BARE.release, BARE.system, {**COMMON, **policies, "namespaces": served})


def _install_lacking(stage: Stage, lacking_there: Mapping[str, str]) -> None:
    """The third release, whose operator reads `sitecustomize.py`."""
    values = {
        "admissionPolicies.enabled": "false",
        "namespaces": f"{{{','.join(lacking_there)}}}",
        "extraVolumes[0].name": "defused",
        "extraVolumes[0].configMap.name": "defused",
        "extraVolumeMounts[0].name": "defused",
        "extraVolumeMounts[0].mountPath": "/defused",
        "podAnnotations.defused": f"is-{hashlib.sha256(DEFUSED.read_bytes()).hexdigest()[:12]}",
    }
    settings = {"PYTHONPATH": "/defused", "DEFUSED": json.dumps(lacking_there)}
    release.helm(stage.env, LACKING, LACKING, {**COMMON, **values}, settings)


def clear(stage: Stage, namespaces: Sequence[str]) -> None:
    """Remove all PeragoTasks and attempts, and wait until the operators have let them go."""
    for namespace in namespaces:
        for path in (tasks(namespace), attempts(namespace)):
            stage.api.answer("DELETE", path).raise_for_status()
    for namespace in namespaces:
        eventually(lambda at=namespace: _is_empty(stage, at), f"the end of the attempts of {namespace}", 120)  # type: ignore[misc]


def _is_empty(stage: Stage, namespace: str) -> bool | None:
    return not stage.api.read(attempts(namespace), limit="1")["items"] or None


def _open(name: str) -> Object:
    """A namespace that admits every pod."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LEVEL: "privileged"}}}


def _keys(stage: Stage, *namespaces: str) -> list[Object]:
    """The two Secrets of each; Conductor's token is another in each namespace that is searched for secrets."""
    return [obj for namespace in namespaces for obj in _keys_of(stage, namespace)]


def _keys_of(stage: Stage, namespace: str) -> Sequence[Object]:
    lakefs, conductor = release.secrets(stage.env, namespace)
    whose = namespace if namespace in NAMESPACES else "the others"
    conductor["stringData"]["token"] = stage.planted(f"Conductor token of {whose}")
    return lakefs, conductor


def _payrolls(stage: Stage, *others: str) -> Sequence[Object]:
    """Secrets of somebody else's."""
    planted = {name: stage.planted(f"{PAYROLL} of {name}") for name in (NAMESPACE, OTHER)}
    passwords = dict.fromkeys(others, stage.planted(f"{PAYROLL} of the others")) | planted
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": PAYROLL, "namespace": namespace},
            "stringData": {"password": password},
        }
        for namespace, password in passwords.items()
    ]


def _defused(*namespaces: str) -> Sequence[Object]:
    """What operator and agents of the third release read at their start."""
    code = {DEFUSED.name: DEFUSED.read_text()}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "defused", "namespace": namespace},
            "data": code,
        }
        for namespace in namespaces
    ]


def _people() -> Sequence[Object]:
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": who, "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}],
        }
        for who, role in ((PERSON, "perago-editor"), (AUTHOR, "perago-author"))
    ]
