"""The pod of one execution."""

import json
from typing import Any, Literal

import pytest

from perago import wire
from perago.wire.egress import TRUSTED_CA_FILE
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.config import Config, NodeCache, PodSettings, TrustedCA
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.pod.quantity import number_of_bytes
from perago_operator.core.resolve import resolve
from tests import builders as b

Raw = dict[str, Any]


def manifest(
    attempt: Raw | None = None, task: Raw | None = None, config: Config | None = None, execution: int = 1
) -> Raw:
    """The pod for an attempt."""
    parsed = PeragoAttempt.model_validate(attempt or b.attempt())
    known = PeragoTask.model_validate(task) if task else None
    config = config or Config()
    pod: Raw = pod_manifest(parsed, resolve(parsed.spec, known, config), execution, config)
    return pod


def container(pod: Raw, name: str) -> Raw:
    """One of its containers."""
    [container] = [container for container in pod["spec"]["containers"] if container["name"] == name]
    return dict(container)


def mounts(pod: Raw, name: str) -> dict[str, str]:
    """Volume by mount path."""
    return {mount["mountPath"]: mount["name"] for mount in container(pod, name)["volumeMounts"]}


def volume(pod: Raw, name: str) -> Raw:
    """One of its volumes."""
    [volume] = [volume for volume in pod["spec"]["volumes"] if volume["name"] == name]
    return dict(volume)


def test_agent_and_task_are_two_ordinary_containers() -> None:
    """A native sidecar costs a third of a second at the start and seconds at the end."""
    pod = manifest()
    assert [container["name"] for container in pod["spec"]["containers"]] == ["agent", "task"]
    assert "initContainers" not in pod["spec"]


def test_the_task_gets_no_keys_and_no_token() -> None:
    """Workspace, socket, places for temporary files and shared memory, and its user's accounts; nothing else."""
    task = container(manifest(), "task")
    assert mounts(manifest(), "task") == {
        "/workspace": "workspace",
        "/run/perago": "socket",
        "/tmp": "task-tmp",
        "/dev/shm": "task-shm",
        "/etc/passwd": "task-accounts",
        "/etc/group": "task-accounts",
    }
    assert {variable["name"] for variable in task["env"]} == {"HOME", "LOGNAME", "PYTHONUNBUFFERED", "TMPDIR", "USER"}
    assert manifest()["spec"]["automountServiceAccountToken"] is False


def test_the_task_starts_where_its_image_says() -> None:
    """Not in the workspace: Python would import modules from there first."""
    assert "workingDir" not in container(manifest(), "task")


def test_the_agent_has_its_keys_as_files() -> None:
    """lakeFS, Conductor and a pod-bound token; none of them in the environment."""
    assert mounts(manifest(), "agent") == {
        "/workspace": "workspace",
        "/run/perago": "socket",
        "/tmp": "agent-tmp",
        wire.LAKEFS_KEYS_MOUNT: "lakefs-keys",
        wire.CONDUCTOR_KEYS_MOUNT: "conductor-keys",
        wire.CLUSTER_TOKEN_MOUNT: "cluster-token",
    }


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("ConfigMap", {"configMap": {"name": "company", "optional": True}}),
        ("Secret", {"secret": {"secretName": "company", "optional": True, "defaultMode": 0o440}}),
    ],
)
def test_the_agent_alone_gets_the_trusted_authorities(
    kind: Literal["ConfigMap", "Secret"], source: dict[str, dict[str, object]]
) -> None:
    """Where its wire says, whatever key they have; the task's image has authorities of its own."""
    pod = manifest(config=Config(pod=PodSettings(trusted_ca=TrustedCA(kind, "company", "bundle.pem"))))
    (field,) = source
    (path,) = (path for path, name in mounts(pod, "agent").items() if name == "trusted-ca")
    assert f"{path}/ca.crt" == TRUSTED_CA_FILE
    assert volume(pod, "trusted-ca") == {
        "name": "trusted-ca",
        field: source[field] | {"items": [{"key": "bundle.pem", "path": "ca.crt"}]},
    }
    assert "trusted-ca" not in mounts(pod, "task").values()


FOLDER = NodeCache("hostPath", "/var/cache/perago", 1 << 30, 30)
CLAIM = NodeCache("persistentVolumeClaim", "cache", 1 << 30, 30)


@pytest.mark.parametrize(
    ("cache", "source"),
    [
        (FOLDER, {"hostPath": {"path": "/var/cache/perago", "type": "DirectoryOrCreate"}}),
        (CLAIM, {"persistentVolumeClaim": {"claimName": "cache"}}),
    ],
    ids=["hostPath", "claim"],
)
def test_the_agent_alone_gets_the_node_cache(cache: NodeCache, source: dict[str, dict[str, object]]) -> None:
    """Its namespace's part, with the bounds in the order. A folder that is missing keeps no pod from starting."""
    pod = manifest(config=Config(pod=PodSettings(node_cache=cache)))
    assert volume(pod, "node-cache") == {"name": "node-cache", **source}
    (mount,) = (mount for mount in container(pod, "agent")["volumeMounts"] if mount["name"] == "node-cache")
    assert mount == {"name": "node-cache", "mountPath": wire.NODE_CACHE_MOUNT, "subPath": "ns"}
    assert "node-cache" not in mounts(pod, "task").values()
    environment = {one["name"]: one["value"] for one in container(pod, "agent")["env"]}
    ordered = wire.Order.model_validate_json(environment[wire.ORDER_VARIABLE])
    assert ordered.node_cache == wire.NodeCacheOrder(limit=1 << 30, keep_free=30)


def test_a_pod_has_no_node_cache_unless_it_is_set_and_may_use_lakefs() -> None:
    """A node's folder in a pod is not for those who do not need it."""
    free = b.attempt(input={"params": {}})
    for pod in (manifest(), manifest(free, config=Config(pod=PodSettings(node_cache=FOLDER)))):
        assert "node-cache" not in [volume["name"] for volume in pod["spec"]["volumes"]]
        assert "node-cache" not in mounts(pod, "agent").values()


def test_the_agent_alone_gets_the_proxies_and_the_order_the_header_of_a_token() -> None:
    """The task's own connections are its author's to decide."""
    settings = PodSettings(agent_variables=(("HTTPS_PROXY", "http://proxy"),), token_header="X-Authorization")
    pod = manifest(config=Config(pod=settings))
    assert {"name": "HTTPS_PROXY", "value": "http://proxy"} in container(pod, "agent")["env"]
    assert not any(variable["name"] == "HTTPS_PROXY" for variable in container(pod, "task")["env"])
    environment = {one["name"]: one["value"] for one in container(pod, "agent")["env"]}
    assert wire.Order.model_validate_json(environment[wire.ORDER_VARIABLE]).token_header == "X-Authorization"


def test_the_two_share_no_temporary_files() -> None:
    """What the agent leaves in /tmp is not the task's to read."""
    assert mounts(manifest(), "agent")["/tmp"] != mounts(manifest(), "task")["/tmp"]


def test_a_standalone_attempt_without_workspace_needs_no_secret() -> None:
    """Its pod starts in a namespace that has none."""
    pod = manifest(b.attempt(standalone=True, input={"params": {}}))
    assert [volume["name"] for volume in pod["spec"]["volumes"] if "secret" in volume] == []


def test_a_missing_secret_does_not_keep_the_pod_from_starting() -> None:
    """No pod status would show it; the agent reports it in the outcome."""
    assert all(volume(manifest(), name)["secret"]["optional"] for name in ("lakefs-keys", "conductor-keys"))


@pytest.mark.parametrize(
    ("name", "source"), [("lakefs-keys", "secret"), ("conductor-keys", "secret"), ("cluster-token", "projected")]
)
def test_keys_and_token_can_be_read_by_the_pods_group_alone(name: str, source: str) -> None:
    """Nobody can write them."""
    assert volume(manifest(), name)[source]["defaultMode"] == 0o440


def test_an_input_kept_in_conductor_may_have_a_workspace() -> None:
    """So the lakeFS keys are mounted."""
    pod = manifest(b.attempt(input=None, inputFrom="Conductor"))
    assert volume(pod, "lakefs-keys")["secret"]["secretName"] == "perago-lakefs"


def test_the_order_tells_the_agent_its_attempt() -> None:
    """As JSON in one variable, in the wire's own shape."""
    task = b.task("build", exclude=["*.tmp"])
    pod = manifest(b.attempt(volume={"size": "2Gi"}), task, execution=3)
    environment = {variable["name"]: variable["value"] for variable in container(pod, "agent")["env"]}
    read = wire.Order.model_validate_json(environment[wire.ORDER_VARIABLE])
    assert (read.namespace, read.name, read.uid, read.execution) == ("ns", b.NAME, b.UID, 3)
    assert read.created == b.stamp(0), "in the form in which another attempt's commit has it"
    assert read.exclude == ("*.tmp",)
    assert (read.module, read.volume_bytes, read.conductor) == ("app.work", 2 * 1024**3, b.conductor_task())


@pytest.mark.parametrize(
    ("attempt", "expected"), [(b.attempt(), "Spec"), (b.attempt(input=None, inputFrom="Conductor"), "Conductor")]
)
def test_the_order_says_where_the_input_is(attempt: Raw, expected: str) -> None:
    """In the attempt, or where it was too large for one."""
    environment = {variable["name"]: variable["value"] for variable in container(manifest(attempt), "agent")["env"]}
    assert wire.Order.model_validate_json(environment[wire.ORDER_VARIABLE]).input_from == expected


def test_the_input_is_not_part_of_the_order() -> None:
    """It may be larger than an environment variable can be."""
    pod = manifest(b.attempt(input={"params": {"secret-word": "x" * 1000}}))
    assert "secret-word" not in json.dumps(pod)


@pytest.mark.parametrize("name", ["agent", "task"])
def test_every_container_is_restricted(name: str) -> None:
    """Pod Security `restricted`, and a read-only root besides."""
    context = container(manifest(), name)["securityContext"]
    assert (context["runAsNonRoot"], context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (
        True,
        True,
        False,
    )
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_system_calls_are_filtered() -> None:
    """Pod Security `restricted` asks for it, on the pod or on each container."""
    assert manifest()["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_agent_and_task_are_one_user() -> None:
    """So the body owns what the agent has downloaded, and may change modes and times of it."""
    contexts = [container(manifest(), name)["securityContext"] for name in ("agent", "task")]
    assert [(context["runAsUser"], context["runAsGroup"]) for context in contexts] == [(65532, 65532)] * 2
    assert manifest()["spec"]["securityContext"]["fsGroup"] == 65532


def test_the_uid_has_an_entry_whatever_the_image() -> None:
    """The kubelet writes the files of accounts from annotations, which a template cannot change."""
    template = {"metadata": {"annotations": {"perago.dev/passwd": "", "own": "kept"}}}
    pod = manifest(b.attempt(podTemplate=template))
    [passwd, group] = volume(pod, "task-accounts")["downwardAPI"]["items"]
    assert passwd["fieldRef"]["fieldPath"] == "metadata.annotations['perago.dev/passwd']"
    assert (passwd["path"], group["path"]) == ("passwd", "group")
    annotations = pod["metadata"]["annotations"]
    assert "perago:x:65532:65532:Perago task:/tmp:/bin/sh" in annotations["perago.dev/passwd"].splitlines()
    assert "perago:x:65532:" in annotations["perago.dev/group"].splitlines()
    assert annotations["own"] == "kept"
    paths = [(mount["subPath"], mount["readOnly"]) for mount in container(pod, "task")["volumeMounts"][-2:]]
    assert paths == [("passwd", True), ("group", True)]


@pytest.mark.parametrize(
    ("attempt", "task", "expected"),
    [
        (None, None, {"medium": "Memory"}),
        (None, "2Gi", {"medium": "Memory", "sizeLimit": "2Gi"}),
        ("1Gi", "2Gi", {"medium": "Memory", "sizeLimit": "1Gi"}),
    ],
)
def test_shared_memory_is_the_tasks_own_and_has_a_size(attempt: str | None, task: str | None, expected: Raw) -> None:
    """The attempt's, else the task's; without one, memory limits bound it."""
    pod = manifest(b.attempt(taskRef={"name": "build"}, shmSize=attempt), b.task(shmSize=task))
    assert volume(pod, "task-shm")["emptyDir"] == expected
    assert "/dev/shm" not in mounts(pod, "agent")


def agents_memory(volume: Raw | None, template: Raw | None = None) -> tuple[str | None, str | None]:
    """Request and limit of the agent's memory in bytes."""
    resources = container(manifest(b.attempt(volume=volume, podTemplate=template)), "agent")["resources"]
    return resources["requests"].get("memory"), resources["limits"].get("memory")


def test_a_volume_in_memory_is_added_to_the_agents_memory() -> None:
    """What the agent downloads counts as the agent's; one on disk does not."""
    assert agents_memory({"size": "1Gi", "medium": "Memory"}) == (str((1024 + 64) << 20), str((1024 + 256) << 20))
    assert agents_memory({"size": "1Gi"}) == ("64Mi", "256Mi")


def test_a_template_sets_what_the_agent_needs_besides_a_volume_in_memory() -> None:
    """Whatever it sets, the volume's size is added."""
    template = {"spec": {"containers": [{"name": "agent", "resources": {"limits": {"memory": "1Gi"}}}]}}
    assert agents_memory({"size": "1Gi", "medium": "Memory"}, template) == (str((1024 + 64) << 20), str(2048 << 20))


def test_a_pod_has_the_users_of_its_node_unless_the_settings_say_otherwise() -> None:
    """The field is left out by default, because a cluster without user namespaces would refuse it."""
    own = manifest(config=Config(pod=PodSettings(host_users=False)))
    assert "hostUsers" not in manifest()["spec"]
    assert own["spec"]["hostUsers"] is False


def test_the_cluster_chooses_the_user_where_the_settings_say_so() -> None:
    """No user, group or group of volumes is named, and all that confines the pod stays."""
    spec = manifest(config=Config(pod=PodSettings(user_from_cluster=True)))["spec"]
    contexts = [spec["securityContext"], *(container["securityContext"] for container in spec["containers"])]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & {field for context in contexts for field in context}
    assert all(context["runAsNonRoot"] for context in contexts)
    assert spec["containers"][1]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_pod_names_no_group_without_a_user() -> None:
    """containerd makes no sandbox of such a pod: "user group is specified without user"."""
    assert "runAsGroup" not in manifest()["spec"]["securityContext"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"size": "2Gi"}, {"emptyDir": {"sizeLimit": "2Gi"}}),
        ({"size": "1Gi", "medium": "Memory"}, {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}),
        (None, {"emptyDir": {"sizeLimit": "5Gi"}}),
    ],
)
def test_the_workspace_is_an_empty_dir_of_its_size(given: Raw | None, expected: Raw) -> None:
    """Without a size, the settings'."""
    pod = manifest(b.attempt(volume=given), config=Config(pod=PodSettings(volume_size="5Gi")))
    assert volume(pod, "workspace") == {"name": "workspace", **expected}


def test_a_storage_class_makes_it_a_generic_ephemeral_volume() -> None:
    """It is provisioned for the pod and goes with it."""
    pod = manifest(b.attempt(volume={"size": "3Gi", "storageClassName": "fast"}))
    claim = volume(pod, "workspace")["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]) == ("fast", {"requests": {"storage": "3Gi"}})


def test_a_pod_is_held_owned_and_found() -> None:
    """Finalizer, owner, labels; its name is the attempt's and the execution's number."""
    metadata = manifest(execution=2)["metadata"]
    assert (metadata["name"], metadata["finalizers"]) == ("a1-2", ["perago.dev/outcome"])
    assert metadata["ownerReferences"][0]["uid"] == b.UID
    assert metadata["labels"]["perago.dev/managed-by"] == "perago"
    assert metadata["labels"]["perago.dev/workflow"] == "wf-1"


def test_templates_are_merged_the_tasks_first() -> None:
    """The attempt's template takes precedence."""
    task = b.task(podTemplate={"spec": {"nodeSelector": {"disk": "ssd", "zone": "a"}}})
    own = b.attempt(taskRef={"name": "build"}, podTemplate={"spec": {"nodeSelector": {"zone": "b"}}})
    assert manifest(own, task)["spec"]["nodeSelector"] == {"disk": "ssd", "zone": "b"}


def test_a_template_adds_to_the_task_container() -> None:
    """By its name; ours stays."""
    extra = {"containers": [{"name": "task", "env": [{"name": "MODE", "value": "fast"}]}]}
    task = container(manifest(b.attempt(podTemplate={"spec": extra})), "task")
    names = [variable["name"] for variable in task["env"]]
    assert names == ["HOME", "LOGNAME", "PYTHONUNBUFFERED", "TMPDIR", "USER", "MODE"]
    assert task["image"] == "app:1"


def test_a_template_cannot_take_the_pods_identity() -> None:
    """It may add labels and annotations; name, owner, finalizer and our labels stay."""
    template = {"metadata": {"name": "x", "finalizers": [], "labels": {"perago.dev/attempt": "y", "queue": "q"}}}
    metadata = manifest(b.attempt(podTemplate=template))["metadata"]
    assert (metadata["name"], metadata["finalizers"]) == ("a1-1", ["perago.dev/outcome"])
    assert (metadata["labels"]["perago.dev/attempt"], metadata["labels"]["queue"]) == ("a1", "q")


def test_secrets_and_pull_secrets_come_from_the_task() -> None:
    """Those of the settings are pulled with as well, each once."""
    task = b.task(
        lakefsSecretRef={"name": "lake-b"}, conductorSecretRef={"name": "cond-b"}, imagePullSecrets=[{"name": "reg"}]
    )
    config = Config(pod=PodSettings(image_pull_secrets=("own", "reg")))
    pod = manifest(b.attempt(taskRef={"name": "build"}), task, config)
    assert volume(pod, "lakefs-keys")["secret"]["secretName"] == "lake-b"
    assert volume(pod, "conductor-keys")["secret"]["secretName"] == "cond-b"
    assert pod["spec"]["imagePullSecrets"] == [{"name": "own"}, {"name": "reg"}]


def test_a_pod_never_starts_over() -> None:
    """Another execution is another pod, with evidence asked in between."""
    spec = manifest()["spec"]
    assert (spec["restartPolicy"], spec["enableServiceLinks"]) == ("Never", False)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("1Gi", 1024**3),
        ("500M", 500 * 10**6),
        (2, 2),
        ("1.5Ki", 1536),
        ("1e3", 1000),
        ("0.5", 1),
        ("128974848", 128974848),
        ("1e99", 10**99),
    ],
)
def test_quantities_are_bytes(quantity: int | str, expected: int) -> None:
    """Rounded up to whole ones."""
    assert number_of_bytes(quantity) == expected


@pytest.mark.parametrize("quantity", ["1GB", "Gi", "", "1 Gi", "1e999999", "1e100", "1" * 21, 1e300, "١Gi"])
def test_what_is_no_quantity_is_refused(quantity: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="1Gi"):
        number_of_bytes(quantity)
