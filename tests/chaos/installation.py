"""The chaos release in an environment: two operators, whose ways to all servers lead through the relay."""

import base64
import json
import platform
import shutil
import time
from dataclasses import asdict
from pathlib import Path

from perago_dev.cluster.kind import Kind
from perago_dev.environment import Environment
from perago_dev.host import cache, commands
from perago_dev.host.preflight import provider
from perago_dev.release import helm, namespace_of
from perago_dev.servers import workloads
from tests.chaos.faults import clocks, secrets
from tests.chaos.routes import ROUTES
from tests.chaos.stage import NAMESPACE, OPERATOR, Journal, Stage, relay_folder
from tests.kubectl import Kubectl, Object

RELAY = "relay"
FAKETIME_PATH = "/faketime/libfaketime.so"
SETTINGS = {
    "KUBERNETES_SERVICE_HOST": "kubernetes",  # a Service of this namespace; the server's certificate has the name
    "KUBERNETES_SERVICE_PORT": "6443",
    "PERAGO_SILENT_NODE_PATIENCE_SECONDS": "15",
    "LD_PRELOAD": FAKETIME_PATH,
    "FAKETIME_TIMESTAMP_FILE": clocks.FILE,
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_CACHE_DURATION": "1",
}
VALUES = {"replicas": "0", "resources.requests.cpu": "10m", "logLevel": "DEBUG", "stagingSweep.everySeconds": "120"}


def made_folder(env: Environment, word: str) -> tuple[str, Path]:
    """A name for a run, and the folder for what it leaves."""
    run = f"{word}-{int(time.time()):x}"
    folder = env.state_dir / "chaos" / run
    folder.mkdir(parents=True)
    return run, folder


def prepare(env: Environment, folder: Path, replicas: int = 2) -> Stage:
    """Install everything, with what earlier runs left removed; the journal goes into the folder."""
    cluster = Kubectl(env.bin_dir / "kubectl", env.kubeconfig, NAMESPACE)
    nodes = Kind(env.bin_dir, provider(), env.state_dir, env.name).nodes()
    workers = sorted(node for node in nodes if "control-plane" not in node)
    stage = Stage(env, cluster, Journal(folder / "journal.txt"), workers)
    _relay(stage)
    cluster.apply([namespace_of(NAMESPACE)])
    cluster.apply([_api_server(), _faketime()])
    cluster.apply([secrets.secret(stage, next(iter(secrets.of(server)))) for server in secrets.SERVERS])
    helm(env, NAMESPACE, NAMESPACE, VALUES, SETTINGS)
    cluster("patch", "deployment", OPERATOR, "--type=strategic", "-p", json.dumps(_with_faketime()))
    cluster("scale", f"deployment/{OPERATOR}", f"--replicas={replicas}")
    cluster.rolled_out(NAMESPACE, OPERATOR, 180)
    cluster("delete", "peragotasks", "--all")
    cluster("delete", "peragoattempts", "--all", "--timeout=100s")
    return stage


def _relay(stage: Stage) -> None:
    """The relay's pod, which reads its orders from a folder of this host."""
    folder = relay_folder(stage.env)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    routes = {route.name: asdict(route) for route in ROUTES}
    (folder / "routes.json").write_text(json.dumps(routes))
    shutil.copy(Path(__file__).with_name("relay.py"), folder)
    folder.chmod(0o755)
    container = {
        "name": RELAY,
        "image": stage.env.runner_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-u", "/relay/relay.py", "/relay"],
        "volumeMounts": [{"name": "relay", "mountPath": "/relay", "readOnly": True}],
        "readinessProbe": {"tcpSocket": {"port": ROUTES[0].port}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}},
    }
    volume = workloads.host_folder("relay", f"{workloads.NODE_STATE}/{folder.name}")
    spec = {**workloads.pinned_to(stage.control_plane), "containers": [container], "volumes": [volume]}
    ports = [{"name": route.name, "port": route.port, "targetPort": route.port} for route in ROUTES]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": RELAY, "namespace": workloads.NAMESPACE},
        "spec": {"selector": {"app": RELAY}, "ports": ports},
    }
    cluster = Kubectl(stage.env.bin_dir / "kubectl", stage.env.kubeconfig)
    cluster.apply([workloads.namespace(), workloads.deployment(RELAY, spec), service])
    cluster("-n", workloads.NAMESPACE, "rollout", "restart", f"deployment/{RELAY}")
    cluster.rolled_out(workloads.NAMESPACE, RELAY, 120)


def _api_server() -> Object:
    """The name `kubernetes`, which the API server's certificate has, leads to the relay in this namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": f"{RELAY}.{workloads.NAMESPACE}.svc.cluster.local"},
    }


def _faketime() -> Object:
    """Debian's libfaketime, as a file for the operators."""
    folder = cache.entry("faketime", cache.key("libfaketime", platform.machine()), _download)
    data = (folder / "libfaketime.so").read_bytes()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "faketime", "namespace": NAMESPACE},
        "binaryData": {"libfaketime.so": base64.b64encode(data).decode()},
    }


def _download(folder: Path) -> None:
    commands.output(["sh", "-c", 'cd "$0" && apt-get download libfaketime && dpkg-deb -x *.deb .', str(folder)])
    shutil.copy(next(folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1")), folder / "libfaketime.so")


def _with_faketime() -> Object:
    mount = {"name": "faketime", "mountPath": str(Path(FAKETIME_PATH).parent), "readOnly": True}
    spec = {
        "containers": [{"name": "operator", "volumeMounts": [mount]}],
        "volumes": [{"name": "faketime", "configMap": {"name": "faketime"}}],
    }
    return {"spec": {"template": {"spec": spec}}}
