"""The chart in an environment: the namespaces with their Secrets, then `helm upgrade --install`.

It knows the chart's values and an environment's addresses. It does not check the result: helm waits for the operator.
"""

import json
from collections.abc import Mapping, Sequence

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.environment import Environment
from perago_dev.host import commands
from perago_dev.objects import Object
from perago_dev.source import REPOSITORY

RELEASE = "perago"
SYSTEM_NAMESPACE = "perago-system"
CHART = REPOSITORY / "charts" / "perago"
READY = "180s"


def install(env: Environment, namespaces: Sequence[str]) -> None:
    """Install the chart or upgrade its release; its operator then serves only these namespaces.

    Other releases can therefore exist at the same time. They share the CRDs, which the latest installation provides.
    """
    kubectl = Kubectl(env.bin_dir / "kubectl", env.kubeconfig)
    for namespace in (SYSTEM_NAMESPACE, *namespaces):
        kubectl.apply([namespace_of(namespace), *secrets(env, namespace)])
    helm(env, RELEASE, SYSTEM_NAMESPACE, {"namespaces": "{" + ",".join(namespaces) + "}"})


def helm(
    env: Environment,
    release: str,
    namespace: str,
    values: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
) -> None:
    """`helm upgrade --install` with the environment's images, for the namespaces that the values name.

    `settings` are environment variables of the operator. The CRDs are those of the release that was installed last.
    Raises CommandFailed with helm's own words.
    """
    images = image_values("image", env.operator_image) | image_values("runner.image", env.runner_image)
    chart_values = images | {"clusterWide": "false"} | dict(values)
    words = [word for name, value in chart_values.items() for word in ("--set", f"{name}={value}")]
    variables = [{"name": name, "value": value} for name, value in (settings or {}).items()]
    words += ["--set-json", f"extraEnv={json.dumps(variables)}"]
    head = [str(env.bin_dir / "helm"), "upgrade", "--install", release, str(CHART), "--namespace", namespace]
    commands.output([*head, "--take-ownership", "--wait", "--timeout", READY, *words], env=env.variables())


def image_values(prefix: str, reference: str) -> dict[str, str]:
    """The chart's values for an image reference with a tag."""
    repository, _, tag = reference.rpartition(":")
    return {f"{prefix}.repository": repository, f"{prefix}.tag": tag}


def namespace_of(name: str) -> Object:
    """A namespace that admits only restricted pods."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secrets(env: Environment, namespace: str) -> list[Object]:
    """The two Secrets that the operator and the agents read, under the chart's default names."""
    lakefs = {
        "endpoint": env.lakefs_cluster_endpoint,
        "accessKeyId": env.lakefs_access_key,
        "secretAccessKey": env.lakefs_secret_key,
    }
    secrets = {"perago-lakefs": lakefs, "perago-conductor": {"url": env.conductor_cluster_url}}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data}
        for name, data in secrets.items()
    ]
