"""The operator's settings: environment variables `PERAGO_*` and the folders of mounted Secrets.

The only module that knows their names. It reads an environment that it is given and opens no connection.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from perago.wire import secrets
from perago.wire.egress import (
    HTTP_PROXY,
    HTTPS_PROXY,
    NO_PROXY,
    TRUSTED_CA_FILE,
    Egress,
    InvalidEgress,
    Proxies,
    given_variables,
)
from perago.wire.egress import VARIABLES as PROXY_VARIABLES
from perago_operator.core.config import AttemptLimits, Config, Limits, NodeCache, PodSettings, TrustedCA
from perago_operator.core.pod.quantity import amount, number_of_bytes

PREFIX = "PERAGO_"

Name = Annotated[str, Field(min_length=1, max_length=253)]


class SettingsError(Exception):
    """Variables that are missing or cannot be understood; `str()` has one line per variable."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(_split)]
"""Names separated by commas."""


def _quantities(value: object) -> object:
    pairs = [part.strip().partition("=") for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(pairs, list):
        return value
    for _, _, quantity in pairs:
        amount(quantity)
    return tuple((name, quantity) for name, _, quantity in pairs)


Quantities = Annotated[tuple[tuple[Name, str], ...], BeforeValidator(_quantities)]
"""Quantities by name: `cpu=4,memory=8Gi`."""
Bytes = Annotated[int, BeforeValidator(number_of_bytes)]
"""A quantity of Kubernetes, such as 10Gi."""


class Settings(BaseModel):
    """The operator's settings; field `runner_image` is variable `PERAGO_RUNNER_IMAGE`, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    namespaces: Names = ()
    """Namespaces of attempts. Empty: all (cluster-wide)."""
    installation: Name = "perago"
    """Names this installation in the metadata of published commits, and in the worker id of its polls."""

    runner_image: Annotated[str, Field(min_length=1)]
    """Image of the agent container in each attempt's pod."""
    runner_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When nodes pull that image."""
    runner_service_account: Name = "perago-runner"
    """Service account of attempts' pods, in the attempt's namespace."""
    image_pull_secrets: Names = ()
    """Secrets, in the attempt's namespace, with which the runner's image is pulled."""
    lakefs_secret: Name = "perago-lakefs"
    """Secret of the attempt's namespace with the agent's lakeFS keys."""
    conductor_secret: Name = "perago-conductor"
    """Secret of the attempt's namespace with the agent's Conductor address and keys."""

    host_users: bool = True
    """False runs attempts' pods with `hostUsers: false`, each in a user namespace of its own."""
    user_from_cluster: bool = False
    """True leaves the user and the group of attempts' pods to the cluster, as OpenShift demands."""

    attempt_own_code: bool = True
    """Whether attempts may name a module and an image of their own, and set variables; else PeragoTasks alone do."""
    attempt_runtime_classes: Names = ()
    """RuntimeClasses that attempts may choose in their pod template."""
    attempt_labels: Names = AttemptLimits().labels
    """Keys of labels that attempts may give their pods; one that ends with a slash stands for all that begin so."""
    attempt_annotations: Names = AttemptLimits().annotations
    """The same of annotations."""
    attempt_ceiling: Quantities = ()
    """The most that an attempt may ask for by itself, such as `cpu=4,memory=8Gi,storage=100Gi`, where `storage` is the
    size of its volume. Those of cpu, memory and ephemeral-storage are also the limits of tasks that have none."""
    attempt_requests: Quantities = ()
    """What a task requests of each resource of which nobody has said a request or a limit, as `cpu=100m`."""

    lakefs_keys: Path = Path("/etc/perago/lakefs")
    """Folder with the operator's Secret of lakeFS."""
    conductor_keys: Path = Path("/etc/perago/conductor")
    """Folder with the operator's Secret of Conductor."""
    conductor_url: str | None = None
    """Conductor's address with `/api`, instead of the file `url`."""
    conductor_token_header: Literal["Authorization", "X-Authorization"] = "Authorization"
    """Header of a `token`, for operator and agents, unless their Secret has a `tokenHeader`: `Authorization` sends it
    as a bearer token, `X-Authorization` as it is."""

    trusted_ca: Path = Path(TRUSTED_CA_FILE)
    """File with certificates of authorities that the operator trusts for lakeFS and Conductor; it need not exist."""
    trusted_ca_config_map: str | None = None
    """ConfigMap of the attempt's namespace with such certificates for agents."""
    trusted_ca_secret: str | None = None
    """The same as a Secret."""
    trusted_ca_key: Name = "ca.crt"
    """The key of that ConfigMap or Secret."""
    node_cache_host_path: Annotated[str, Field(pattern=r"^/.*[^/]$")] | None = None
    """Folder of each node in which agents keep objects for the next attempts."""
    node_cache_claim: Name | None = None
    """PersistentVolumeClaim of the attempt's namespace for the same, instead of the folder."""
    node_cache_size: Bytes = 10 * 1024**3
    """The most that each namespace's part of that cache may hold on a node, as a quantity."""
    node_cache_keep_free_percent: Annotated[int, Field(ge=0, le=100)] = 20
    """The share of its file system that the cache leaves free."""

    http_proxy: str | None = None
    """Proxy to lakeFS and Conductor at addresses that begin with http, for operator and agents."""
    https_proxy: str | None = None
    """The same for addresses that begin with https."""
    no_proxy: str | None = None
    """Names, addresses and networks, separated by commas, that are reached without a proxy."""

    poll_seconds: Annotated[float, Field(gt=0, le=5)] = 5.0
    """How long one poll waits in Conductor for a task (it allows 5), and a shutdown for a poll under way."""
    limit_per_task: Annotated[int, Field(ge=0)] = 100
    """Attempts of one PeragoTask without `maxConcurrency` that may have a pod at once; no more tasks are polled.
    As of the limits below, 0 is no limit."""
    limit_per_namespace: Annotated[int, Field(ge=0)] = 200
    """The same of all attempts of a namespace."""
    limit_per_node: Annotated[int, Field(ge=0)] = 50
    """The same of all attempts for each node that is in use."""
    limit_starting_per_node: Annotated[int, Field(ge=0)] = 10
    """The same of the pods of a namespace that have not started."""
    reconciles: Annotated[int, Field(ge=1)] = 50
    """Attempts that are looked at concurrently."""

    retry_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long an agent retries lakeFS, Conductor and the API server when they cannot be reached."""
    outage_seconds: Annotated[float, Field(ge=0)] = 600.0
    """The same for lakeFS and Conductor once the task's function has returned, when all its work would be lost."""
    presign: bool = True
    """Whether agents move objects straight from and to lakeFS's block store, where lakeFS signs URLs of it."""
    turn_seconds: Annotated[float, Field(gt=0)] = 600.0
    """How long an agent may merge once it has its turn to publish: the longest merge, whatever a task's budget says."""
    turn_patience_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How much longer than that an attempt may keep its turn before it is revoked."""
    retried_patience_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long pull errors and missing Secrets may last before an attempt fails: registries hiccup."""
    unschedulable_patience_seconds: Annotated[float, Field(ge=0)] = 300.0
    """How long a pod may wait for a node before its attempt fails."""
    wait_patience_seconds: Annotated[float, Field(ge=0)] = 3600.0
    """How long an attempt of a Conductor task may wait for its PeragoTask, for an earlier attempt, or for a quota or a
    name that its pod needs, before it fails."""
    gated_patience_seconds: Annotated[float, Field(ge=0)] = 24 * 3600.0
    """How long its pod may be held back by scheduling gates, as queues for jobs do, before it fails."""
    start_patience_seconds: Annotated[float, Field(ge=0)] = 900.0
    """How long a pod with a node may take to start: volumes, network, and the pull of all its images, during which the
    kubelet reports no start."""
    silent_node_patience_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long a pod's node may be silent, after the control plane has noticed, before its pod is replaced."""
    refused_patience_seconds: Annotated[float, Field(ge=0)] = 300.0
    """How long the API server may refuse a pod before its attempt fails: for a policy, a LimitRange, or a service
    account or class that does not exist. A pod that is invalid fails at once, and a full quota is waited for."""
    disruption_retries: Annotated[int, Field(ge=0, le=1000)] = 3
    """How many times a pod that was lost is replaced, where neither the attempt nor its PeragoTask say."""
    disruption_backoff_seconds: Annotated[float, Field(ge=0)] = 10.0
    """The pause before the first replacement; it doubles with each one, and is cut by up to a half at random."""
    disruption_backoff_cap_seconds: Annotated[float, Field(ge=0)] = 300.0
    """The longest such pause."""
    ttl_seconds: Annotated[int, Field(ge=0)] = 24 * 3600
    """A finished attempt is deleted after this, where neither it nor its PeragoTask say."""

    keep_failed_pods_seconds: Annotated[int, Field(ge=0)] = 0
    """For how long the pod of a failed attempt is kept, where neither it nor its PeragoTask say."""

    repositories: Names = ()
    """Repositories in which staging branches of attempts that are gone are looked for, beside those of attempts."""
    sweep_seconds: Annotated[float, Field(ge=0)] = 3600.0
    """The time between two such looks; 0: never."""
    sweep_age_seconds: Annotated[float, Field(ge=0)] = 3600.0
    """Such a branch is deleted at this age."""

    lease_name: Name = "perago-operator"
    """Name of the Lease that makes one replica the leader."""
    lease_namespace: Name = "default"
    """Namespace of the Lease."""
    identity: Annotated[str, Field(min_length=1)]
    """This replica's name; host (in a pod: the pod's name) and process unless given."""

    http_host: str = "0.0.0.0"
    """Address of /healthz, /readyz and /metrics; probes come from the node, so every one by default."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port of /healthz, /readyz and /metrics; 0: any free one."""
    watch_stale_seconds: Annotated[float, Field(gt=0)] = 300.0
    """A watch that has heard nothing from the API server for this long makes /healthz fail."""
    shutdown_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long calls under way may take to end after SIGTERM."""

    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""
    log_json: bool = False
    """One JSON object per line, instead of text."""

    def conductor_secret_now(self) -> secrets.ConductorKeys:
        """What the operator's Secret of Conductor says now; raises OSError and InvalidSecret."""
        texts = secrets.texts_in(self.conductor_keys, secrets.CONDUCTOR_KEYS)
        address = {"url": self.conductor_url} if self.conductor_url else {}
        return secrets.conductor_keys({**texts, **address}, self.egress, self.conductor_token_header)

    def lakefs_secret_now(self) -> secrets.LakeFSKeys:
        """What the operator's Secret of lakeFS says now; raises OSError and InvalidSecret."""
        return secrets.lakefs_keys(secrets.texts_in(self.lakefs_keys, secrets.LAKEFS_KEYS), self.egress)

    def address_of(self, server: Literal["Conductor", "lakeFS"]) -> str:
        """Where the server is, as its Secret says now: for messages."""
        try:
            return self.lakefs_secret_now().endpoint if server == "lakeFS" else self.conductor_secret_now().url
        except (OSError, secrets.InvalidSecret) as error:
            return f"an address that cannot be read ({error})"

    def require_conductor(self) -> None:
        """Raises SettingsError when there is no way to Conductor."""
        try:
            self.conductor_secret_now()
        except (OSError, secrets.InvalidSecret) as error:
            raise SettingsError(
                f"{error}: set {variable('conductor_url')}, mend the Secret that is mounted at {self.conductor_keys}, "
                f"or point {variable('conductor_keys')} to another folder"
            ) from error

    @property
    def egress(self) -> Egress:
        """How lakeFS and Conductor are reached."""
        return Egress(Proxies.of(self._proxy_variables()), self.trusted_ca)

    def _proxy_variables(self) -> dict[str, str]:
        values = {HTTP_PROXY: self.http_proxy, HTTPS_PROXY: self.https_proxy, NO_PROXY: self.no_proxy}
        return {name: value for name, value in values.items() if value}

    def config(self) -> Config:
        """The settings as far as decisions depend on them."""
        pod = PodSettings(
            runner_image=self.runner_image,
            runner_pull_policy=self.runner_pull_policy,
            image_pull_secrets=self.image_pull_secrets,
            service_account=self.runner_service_account,
            lakefs_secret=self.lakefs_secret,
            conductor_secret=self.conductor_secret,
            retry_seconds=self.retry_seconds,
            outage_seconds=self.outage_seconds,
            presign=self.presign,
            token_header=self.conductor_token_header,
            agent_variables=tuple(self._proxy_variables().items()),
            trusted_ca=self._trusted_ca(),
            node_cache=self._node_cache(),
            turn_seconds=self.turn_seconds,
            host_users=self.host_users,
            user_from_cluster=self.user_from_cluster,
        )
        return Config(
            installation=self.installation,
            pod=pod,
            attempts=self._attempts(),
            ttl_seconds=self.ttl_seconds,
            keep_failed_pods_seconds=self.keep_failed_pods_seconds,
            limits=Limits(
                per_task=self.limit_per_task or None,
                per_namespace=self.limit_per_namespace or None,
                per_node=self.limit_per_node or None,
                starting_per_node=self.limit_starting_per_node or None,
            ),
            disruption_retries=self.disruption_retries,
            disruption_backoff=self.disruption_backoff_seconds,
            disruption_backoff_cap=self.disruption_backoff_cap_seconds,
            turn_patience=self.turn_patience_seconds,
            retried_patience=self.retried_patience_seconds,
            unschedulable_patience=self.unschedulable_patience_seconds,
            wait_patience=self.wait_patience_seconds,
            gated_patience=self.gated_patience_seconds,
            start_patience=self.start_patience_seconds,
            silent_node_patience=self.silent_node_patience_seconds,
            refused_patience=self.refused_patience_seconds,
        )

    def _attempts(self) -> AttemptLimits:
        return AttemptLimits(
            own_code=self.attempt_own_code,
            runtime_classes=self.attempt_runtime_classes,
            labels=self.attempt_labels,
            annotations=self.attempt_annotations,
            ceiling=dict(self.attempt_ceiling),
            requests=dict(self.attempt_requests),
        )

    def _node_cache(self) -> NodeCache | None:
        bounds = self.node_cache_size, self.node_cache_keep_free_percent
        if self.node_cache_host_path is not None:
            return NodeCache("hostPath", self.node_cache_host_path, *bounds)
        if self.node_cache_claim is not None:
            return NodeCache("persistentVolumeClaim", self.node_cache_claim, *bounds)
        return None

    def _trusted_ca(self) -> TrustedCA | None:
        if self.trusted_ca_config_map is not None:
            return TrustedCA("ConfigMap", self.trusted_ca_config_map, self.trusted_ca_key)
        if self.trusted_ca_secret is not None:
            return TrustedCA("Secret", self.trusted_ca_secret, self.trusted_ca_key)
        return None


def variable(field: str) -> str:
    """The environment variable that holds a field; proxies have their usual ones."""
    name = field.upper()
    return name if name in PROXY_VARIABLES else PREFIX + name


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in these variables (the process's own unless given); raises SettingsError."""
    environ = os.environ if environ is None else environ
    environ = {**environ, **given_variables(environ)}
    values = {field: environ[variable(field)] for field in Settings.model_fields if environ.get(variable(field))}
    try:
        settings = Settings.model_validate({"identity": f"{socket.gethostname()}_{os.getpid()}"} | values)
        Proxies.of(environ)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaints(error))) from error
    except InvalidEgress as error:
        raise SettingsError(str(error)) from error
    return settings


def _complaints(error: ValidationError) -> list[str]:
    """One line per bad variable; their values stay out of it."""
    return [
        f"{variable(str(problem['loc'][0]))} is not set, and there is no default"
        if problem["type"] == "missing"
        else f"{variable(str(problem['loc'][0]))}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
