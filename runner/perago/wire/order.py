"""Operator to agent: the order, and where the agent container finds everything that is mounted into it."""

from typing import Annotated, Literal

from pydantic import Field

from perago.attempt import TaskExecutionContext
from perago.staging import staging_branch_name
from perago.target import is_import_path as is_import_path
from perago.wire.base import IN_PROGRESS, ConductorTask, CurrentAttempt, WireModel
from perago.wire.policy import PolicyRule

WORKSPACE_MOUNT = "/workspace"
SOCKET_PATH = "/run/perago/agent.sock"
LAKEFS_KEYS_MOUNT = "/etc/perago/lakefs"
"""The Secret of lakeFS (`perago.wire.secrets`), in the agent container alone."""
CONDUCTOR_KEYS_MOUNT = "/etc/perago/conductor"
"""The Secret of Conductor (`perago.wire.secrets`), in the agent container alone."""
NODE_CACHE_MOUNT = "/var/cache/perago"
"""The node's cache of objects, in the agent container alone."""
CLUSTER_TOKEN_MOUNT = "/var/run/secrets/perago.dev/cluster"
"""Files `token`, `ca.crt`, `namespace`: a projected, pod-bound token, in the agent container alone."""
ORDER_VARIABLE = "PERAGO_ORDER"


class NodeCacheOrder(WireModel):
    """How much the node's cache may hold, in bytes, and what it leaves free of its file system, in percent."""

    limit: Annotated[int, Field(ge=0)]
    keep_free: Annotated[int, Field(ge=0, le=100)] = 20


class Order(WireModel):
    """What the agent has to know of the attempt that it serves; fixed when the pod is made.

    The input is not part of it (an environment variable is limited to 128 KiB): the agent reads it from the attempt's
    spec, or from Conductor when `input_from` says so.
    """

    namespace: str
    name: str
    uid: str
    execution: Annotated[int, Field(ge=1)]
    created: str = ""
    """The `creationTimestamp` of the attempt's object."""
    installation: str
    module: str
    image: str
    input_from: Literal["Spec", "Conductor"] = "Spec"
    conductor: ConductorTask | None = None
    exclude: tuple[str, ...] = ()
    """Patterns of the PeragoTask for what is never published, beside those of the task's declaration."""
    volume_bytes: Annotated[int, Field(ge=0)] = 0
    failure_reason_max_length: Annotated[int, Field(ge=1)] = 500
    failure_policy: tuple[PolicyRule, ...] = ()
    """Chooses the result of a failure that the agent records."""
    connect_seconds: float = 60.0
    """How long the agent waits for the task container's first call before it gives up."""
    retry_seconds: float = 60.0
    """How long the agent keeps retrying lakeFS, Conductor or the API server when they cannot be reached."""
    outage_seconds: float = 600.0
    """The same for lakeFS and the fences once the function has returned: its work is worth more patience."""
    presign: bool = True
    """Whether objects may travel straight between the agent and lakeFS's block store, by URLs that lakeFS signs."""
    turn_seconds: Annotated[float, Field(gt=0)] = 600.0
    """How long after it has seen its turn granted the agent may still merge."""

    token_header: Literal["Authorization", "X-Authorization"] = "Authorization"
    """Where a token of Conductor goes, unless its Secret says."""
    node_cache: NodeCacheOrder | None = None
    """None: no cache is mounted."""

    @property
    def execution_id(self) -> str:
        """Unique over all pods of all attempts: the attempt's UID plus the execution number."""
        return f"{self.uid}-{self.execution}"

    @property
    def attempt(self) -> CurrentAttempt:
        """The attempt as it was ordered: its Conductor task, or the object itself in a task's place."""
        if self.conductor is not None:
            return CurrentAttempt(status=IN_PROGRESS, **dict(self.conductor))
        return CurrentAttempt(
            status=IN_PROGRESS,
            task_type=self.module,
            workflow_instance_id=f"kubernetes-{self.namespace}",
            task_id=self.uid,
            reference_task_name=self.name,
            seq=0,
        )

    @property
    def staging_branch(self) -> str:
        """The name of this execution's staging branch."""
        return staging_branch_name(TaskExecutionContext(self.attempt, self.execution_id))

    def made_staging(self, branch: str) -> bool:
        """Whether a branch has the name of a staging branch of this attempt, of whichever execution.

        A status names it, and more writers than one can reach a status: nothing is deleted by that word alone.
        """
        number = branch.rpartition("-")[2]
        if not (number.isdecimal() and len(number) < 10):
            return False
        return branch == self.model_copy(update={"execution": int(number)}).staging_branch
