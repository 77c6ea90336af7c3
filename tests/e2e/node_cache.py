"""The node cache of the end-to-end tests, which a platform team would prepare as docs/node-cache.md says."""

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.objects import Object

CLAIM = "perago-cache"
PREPARING = "e2e-nodes"
FOLDER = "perago-e2e"
PLACE = f"/var/cache/{FOLDER}"
VALUES = {
    "nodeCache.enabled": "true",
    "nodeCache.persistentVolumeClaim": CLAIM,
    "nodeCache.keepFreePercent": "0",  # the disk may be fuller than the default allows
}
"""The chart's values. A claim, because the tests' namespaces admit only restricted pods."""


def prepare(cluster: Kubectl, image: str) -> None:
    """Make the folder on every node, by pods of the namespace that run this image as root, and wait for their end."""
    nodes = [node["metadata"]["name"] for node in cluster.json("get", "nodes")["items"]]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PREPARING}}
    cluster.apply([namespace, *(_preparing(node, image) for node in nodes)])
    pods = [f"pod/{node}" for node in nodes]
    cluster("wait", *pods, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=100s")


def claim(namespace: str) -> list[Object]:
    """A namespace's claim of the folder of whichever node its pods run on, and the volume that it is bound to."""
    volume = f"{CLAIM}-{namespace}"
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": CLAIM}
    place = {"hostPath": {"path": PLACE, "type": "DirectoryOrCreate"}}
    size = {"storage": "10Gi"}
    bound = {"claimRef": {"namespace": namespace, "name": CLAIM}, "capacity": size}
    wanted = {"resources": {"requests": size}, "volumeName": volume}
    names = {"name": volume}, {"name": CLAIM, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": names[0], "spec": common | place | bound},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": names[1], "spec": common | wanted},
    ]


def _preparing(node: str, image: str) -> Object:
    container = {
        "name": "prepare",
        "image": image,
        "command": ["install", "-d", "-m", "2770", "-g", "65532", f"/node/{FOLDER}"],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "node", "mountPath": "/node"}],
    }
    volume = {"name": "node", "hostPath": {"path": "/var/cache", "type": "DirectoryOrCreate"}}
    spec = {"nodeName": node, "restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": node, "namespace": PREPARING}, "spec": spec}
