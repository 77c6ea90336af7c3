"""The reference of pod templates, made from `podfields`. Pure."""

from collections.abc import Iterable

from perago_operator.api.base import QUANTITY_LENGTH
from perago_operator.api.podfields import (
    LONGEST_GRACE,
    METADATA_FIELDS,
    POD_FIELDS,
    REFUSED_HERE,
    TASK_CONTAINER_FIELDS,
    PodField,
    Whose,
)

INTRODUCTION = f"""\
<!-- Generated from perago_operator.api.podfields; run `make reasons` after changing it. -->
# Pod templates

`spec.podTemplate` of a PeragoTask and of an attempt is merged into the pod that the operator makes: the PeragoTask's
first, then the attempt's. Objects are merged field by field, and lists whose elements have an identity element by
element: containers, volumes and variables by `name`, mounts by `mountPath`, ports by `containerPort`, and spread
constraints by `topologyKey`. Other lists are replaced. Merge directives such as `$patch` and values of `null` are
refused.

An attempt may say what its author may decide. What reaches for more, such as volumes, Secrets, other containers or a
priority, belongs in the PeragoTask, whose author is trusted with the namespace's Secrets and volumes. The remaining
fields are the operator's:

| whose | means |
|---|---|
| {Whose.ATTEMPT} | The template of an attempt may set it, and that of a PeragoTask. |
| {Whose.TASK} | Only the template of a PeragoTask may set it. |
| {Whose.OURS} | The operator decides it. A template that names it is refused. |
| {Whose.REFUSED} | It would not work in a pod of Perago. A template that names it is refused. |
| … merged | What the operator has set stays, and the template adds to it. |

## How a template is refused
`kubectl apply` refuses a field that may not be set, with a sentence that names the field and what to do instead:

```
podTemplate.spec.volumes {REFUSED_HERE[Whose.ATTEMPT]}. Set it in spec.podTemplate of the PeragoTask.
```

It also refuses misspelt fields. The operator checks every template once more before it makes a pod, which covers
objects that were created under an older CRD, and the values that depend on the chart's settings. After the merge, it
compares the pod with the one that it would make without any template: service account, host namespaces, DNS and
hosts, security contexts, volumes and mounts of its own, and everything about the container `agent` except for its
resources have to be the same. The API server is then asked to refuse unknown fields at any depth. An attempt that
fails one of these checks ends as `FAILED_WITH_TERMINAL_ERROR` with the reason `InvalidTask`, before any pod is made.

## What an attempt may say of its values
These values of the chart (and `PERAGO_ATTEMPT_…` variables of the operator) set the bounds:

| value | bounds |
|---|---|
| `attempts.ownCode` | Whether an attempt may name a module and an image (`spec.task`) and set variables. |
| `attempts.ceiling` | The most of each resource that it may ask for, `storage` being the size of its volume. |
| `attempts.labels` | Keys, or what they begin with: Services and NetworkPolicies select pods by labels. |
| `attempts.annotations` | The same of annotations. |
| `attempts.runtimeClassNames` | Runtime classes. |

The ceiling holds for `spec.resources`, `spec.shmSize` (as `memory`), `spec.volume.size` and the template. That of
`cpu`, `memory` and `ephemeral-storage` is also the limit of a task for which nobody sets one. It is never a request:
a task of which nobody says what it needs requests what `attempts.defaultRequests` has, and nothing of what else the
ceiling names. The grace period is at most {LONGEST_GRACE} seconds, a quantity has at
most {QUANTITY_LENGTH} characters with two digits of exponent, and a template has at most 32 levels. The template of
a PeragoTask is bound by none of the chart's values.
"""

OTHERS = """\
## Other containers
`containers` and `initContainers` of a PeragoTask may add containers of any kind. All of their fields are yours
(PeragoTask), as far as the namespace's Pod Security level allows. They cannot mount Perago's own volumes with keys or
the token, and the Secrets with the agent's keys cannot be given to them. Of the container `agent`, `resources` is
yours (PeragoTask), and every other field is ours.
"""


def rendered() -> str:
    """The page."""
    parts = (
        INTRODUCTION,
        "## Metadata\n",
        _table(METADATA_FIELDS),
        "Every other field of the metadata is ours.\n",
        "## Pod\n",
        _table(POD_FIELDS),
        "## The container `task`\n",
        _table(TASK_CONTAINER_FIELDS),
        OTHERS,
    )
    return "\n".join(parts)


def _table(fields: Iterable[PodField]) -> str:
    rows = (f"| `{field.name}` | {field.whose}{', merged' if field.merged else ''} | {field.say} |" for field in fields)
    return "\n".join(["| field | whose | notes, or what to do instead |", "|---|---|---|", *rows, ""])
