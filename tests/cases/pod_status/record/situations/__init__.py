"""The table of all situations."""

from tests.cases.pod_status.record.situations import (
    configuration,
    helpers,
    images,
    node,
    ours,
    refusals,
    runtime,
    scheduling,
    volumes,
)

SITUATIONS = (
    *ours.SITUATIONS,
    *images.SITUATIONS,
    *configuration.SITUATIONS,
    *helpers.SITUATIONS,
    *scheduling.SITUATIONS,
    *volumes.SITUATIONS,
    *node.SITUATIONS,
    *runtime.SITUATIONS,
)
REFUSALS = refusals.REFUSALS
