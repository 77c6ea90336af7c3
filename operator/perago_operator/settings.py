"""The operator's settings: environment variables `PERAGO_*` and the folders of mounted Secrets.

The only module that knows their names. It reads an environment that it is given and opens no connection.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from perago_operator.core.config import Config, PodSettings

PREFIX = "PERAGO_"

Name = Annotated[str, Field(min_length=1, max_length=253)]


class SettingsError(Exception):
    """Variables that are missing or cannot be understood; `str()` has one line per variable."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(_split)]
"""Names separated by commas."""


class Settings(BaseModel):
    """The operator's settings; field `runner_image` is variable `PERAGO_RUNNER_IMAGE`, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    namespaces: Names = ()
    """Namespaces of attempts. Empty: all (cluster-wide)."""
    installation: Name = "perago"
    """Names this installation in the metadata of published commits."""

    runner_image: Annotated[str, Field(min_length=1)]
    """Image of the agent container in each attempt's pod."""
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

    lakefs_keys: Path = Path("/etc/perago/lakefs")
    """Folder with the operator's `endpoint`, `accessKeyId`, `secretAccessKey`."""
    conductor_keys: Path = Path("/etc/perago/conductor")
    """Folder with the operator's `url` and, where needed, `token` or `username` and `password`."""
    conductor_url: str | None = None
    """Conductor's address with `/api`, instead of the file `url`."""
    conductor_token_header: Literal["Authorization", "X-Authorization"] = "Authorization"
    """Header of a `token`: `Authorization` sends it as a bearer token, `X-Authorization` as it is."""

    poll_seconds: Annotated[float, Field(gt=0, le=5)] = 5.0
    """How long one poll waits in Conductor for a task (it allows 5), and a shutdown for a poll under way."""
    max_attempts: Annotated[int, Field(ge=1)] = 100
    """Unfinished attempts of one PeragoTask without `maxConcurrency`."""
    reconciles: Annotated[int, Field(ge=1)] = 50
    """Attempts that are looked at concurrently."""

    retry_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long an agent retries lakeFS, Conductor and the API server when they cannot be reached."""
    outage_seconds: Annotated[float, Field(ge=0)] = 600.0
    """The same for lakeFS and Conductor once the task's function has returned, when all its work would be lost."""
    retried_patience_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long pull errors and missing Secrets may last before an attempt fails: registries hiccup."""
    unschedulable_patience_seconds: Annotated[float, Field(ge=0)] = 300.0
    """How long a pod may wait for a node before its attempt fails."""
    ttl_seconds: Annotated[int, Field(ge=0)] = 24 * 3600
    """A finished attempt is deleted after this, where neither it nor its PeragoTask say."""

    keep_failed_pods_seconds: Annotated[int, Field(ge=0)] = 0
    """For how long the pod of a failed attempt is kept, where neither it nor its PeragoTask say."""

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

    def conductor_address(self) -> str:
        """Conductor's address with `/api`; raises SettingsError when neither variable nor file has it."""
        if self.conductor_url:
            return self.conductor_url
        path = self.conductor_keys / "url"
        try:
            return path.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"{variable('conductor_url')} is not set, and {path} cannot be read ({error.strerror}): "
                f"set one of them, or point {variable('conductor_keys')} to the folder with `url`"
            ) from error

    def config(self) -> Config:
        """The settings as far as decisions depend on them."""
        pod = PodSettings(
            runner_image=self.runner_image,
            image_pull_secrets=self.image_pull_secrets,
            service_account=self.runner_service_account,
            lakefs_secret=self.lakefs_secret,
            conductor_secret=self.conductor_secret,
            retry_seconds=self.retry_seconds,
            outage_seconds=self.outage_seconds,
            host_users=self.host_users,
        )
        return Config(
            installation=self.installation,
            pod=pod,
            ttl_seconds=self.ttl_seconds,
            keep_failed_pods_seconds=self.keep_failed_pods_seconds,
            retried_patience=self.retried_patience_seconds,
            unschedulable_patience=self.unschedulable_patience_seconds,
        )


def variable(field: str) -> str:
    """The environment variable that holds a field."""
    return PREFIX + field.upper()


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in these variables (the process's own unless given); raises SettingsError."""
    environ = os.environ if environ is None else environ
    given = {field: environ[variable(field)] for field in Settings.model_fields if environ.get(variable(field))}
    try:
        return Settings.model_validate({"identity": f"{socket.gethostname()}_{os.getpid()}"} | given)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaints(error))) from error


def _complaints(error: ValidationError) -> list[str]:
    """One line per bad variable; their values stay out of it."""
    return [
        f"{variable(str(problem['loc'][0]))} is not set, and there is no default"
        if problem["type"] == "missing"
        else f"{variable(str(problem['loc'][0]))}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
