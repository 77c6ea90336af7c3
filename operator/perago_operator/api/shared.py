"""Parts that attempts and tasks have in common: metadata, volume, resources, failure policy, conditions."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from perago.wire.policy import CLASS_PATTERN, LONGEST_CLASS, PolicyRule
from perago.wire.policy import FailureResult as FailureResult
from perago_operator.api.base import RULES_KEY, ApiModel, Quantity, Time, rule
from perago_operator.api.reasons import POLICY_REASONS
from perago_operator.api.texts import ObjectName

LONGEST_DEADLINE = 2**31 - 1
"""Seconds; the same as of a Kubernetes Job. A deadline beyond the year 9999 could not be computed."""
LONGEST_SECONDS = 10**9
"""Of any other time, 31 years."""
Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


def _at_most_the_longest(value: object) -> object:
    """An object of an older CRD may say more, and is no less an object for it."""
    return min(value, LONGEST_SECONDS) if isinstance(value, int) else value


Seconds = Annotated[int, Field(ge=0, le=LONGEST_SECONDS), BeforeValidator(_at_most_the_longest)]
"""A time that people choose."""


class Key(NamedTuple):
    """Which object of its kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Owner(ApiModel):
    """The owner of an object, as far as the operator reads it."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Metadata(ApiModel):
    """`metav1.ObjectMeta`, as far as the operator reads it."""

    name: str
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    owner_references: tuple[Owner, ...] = ()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.namespace, self.name)


class ApiObject(ApiModel):
    """What every Kubernetes object has."""

    metadata: Metadata
    problem: Annotated[str | None, Field(exclude=True)] = None
    """What of its spec cannot be read, and why (`api.reading`); None when all of it can."""


class LocalRef(ApiModel):
    """Reference to an object in the same namespace."""

    name: ObjectName
    """Name of the object."""


class Volume(ApiModel):
    """The workspace's volume. It is created and deleted with the pod."""

    size: Quantity | None = None
    """How much the workspace may hold, for example `1Gi`. Default: the operator's setting."""

    storage_class_name: Annotated[str, Field(max_length=253)] | None = None
    """StorageClass of a generic ephemeral volume. Default: an emptyDir of `size` on the node's disk."""

    medium: Literal["Memory"] | None = None
    """Set to `Memory` for an emptyDir in memory. `size` is added to the agent's memory request and limit, because what
    the agent downloads counts as the agent's. What the task writes counts against the memory limit of the task."""


class Resources(ApiModel):
    """Compute resources of the task container, as in a pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """The least that the task container needs. The scheduler finds a node that has as much to give."""

    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """The most that the task container may use. It is killed when it exceeds its memory limit (`OOMKilled`)."""


class FailurePolicyRule(ApiModel):
    """Which result is reported for which failures. One of `onReason`, `onExitCode` and `onException` says which."""

    on_reason: (
        Annotated[
            tuple[Annotated[str, Field(json_schema_extra={"enum": [reason.value for reason in POLICY_REASONS]})], ...],
            Field(min_length=1, max_length=16),
        ]
        | None
    ) = None
    """Reasons of the failures that this rule applies to."""

    on_exit_code: (
        Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(min_length=1, max_length=16)] | None
    ) = None
    """Exit codes of the task's process, where it ended without a result, was killed for lack of memory, or by
    `sys.exit`."""

    on_exception: (
        Annotated[
            tuple[Annotated[str, Field(max_length=LONGEST_CLASS, pattern=CLASS_PATTERN)], ...],
            Field(min_length=1, max_length=16),
        ]
        | None
    ) = None
    """Classes of exceptions that the task's function raised, as `ValueError` or `requests.exceptions.HTTPError`. As in
    `except`, those that are derived from them are meant, too."""

    result: FailureResult
    """Result to report. `FAILED` lets Conductor retry; `FAILED_WITH_TERMINAL_ERROR` fails the workflow at once."""

    def wire(self) -> PolicyRule:
        """The same rule as it crosses to the agent."""
        return PolicyRule.model_validate(self.model_dump(exclude_none=True))


_ONE_CRITERION = rule(
    "[has(self.onReason), has(self.onExitCode), has(self.onException)].filter(given, given).size() == 1",
    "exactly one of onReason, onExitCode and onException must be set",
)

FailurePolicy = Annotated[
    tuple[Annotated[FailurePolicyRule, Field(json_schema_extra={RULES_KEY: [_ONE_CRITERION]})], ...],
    Field(max_length=32),
]


class Condition(ApiModel):
    """One aspect of the object's state (`metav1.Condition`)."""

    type: Annotated[str, Field(max_length=64)]
    """Name of the aspect, in CamelCase."""

    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""

    reason: Annotated[str, Field(max_length=64)]
    """Why, as one CamelCase word for programs."""

    message: Annotated[str, Field(max_length=4096)] = ""
    """Why, in words for people."""

    last_transition_time: Time
    """When `status` last changed."""

    observed_generation: int | None = None
    """Generation of the spec that this condition was derived from."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        max_length=16,
    ),
]
