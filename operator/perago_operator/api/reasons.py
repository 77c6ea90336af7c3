"""The published words: condition types and reasons, a sentence each. Programs may rely on them."""

from enum import StrEnum

from perago.wire.reasons import Reason as Reason


class ConditionType(StrEnum):
    """Aspects of an attempt (the first five) and of a task."""

    POD_READY = "PodReady"
    """The attempt's pod runs; when False, `reason` says what it waits for or what is wrong with it."""
    PUBLISHED = "Published"
    """The workspace's target branch carries this attempt's result."""
    STAGING_DELETED = "StagingDeleted"
    """No staging branch of this attempt is left in lakeFS."""
    REPORTED = "Reported"
    """Conductor was seen to have the result, or to want none from this attempt any more."""
    COMPLETE = "Complete"
    """Nothing is left to do: the result is reported, the pod and the staging branch are gone."""
    POLLING = "Polling"
    """Tasks of this type are being taken from Conductor."""
    READY = "Ready"
    """The task can be run: module and image are known."""
