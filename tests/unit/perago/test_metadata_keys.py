"""The keys of commit metadata are a published format: commits that carry them stay in repositories forever."""

from perago.wire import metadata_keys


def test_the_keys_are_these_words() -> None:
    """Another word would hide every publication made before it, from the operator and from retries."""
    words = {name: value for name, value in vars(metadata_keys).items() if name.isupper()}
    assert words == {
        "PREFIX": "perago.",
        "INSTALLATION": "perago.installation",
        "ATTEMPT": "perago.attempt",
        "ATTEMPT_UID": "perago.attempt-uid",
        "CREATED": "perago.created",
        "EXECUTION": "perago.execution",
        "WORKFLOW": "perago.workflow",
        "TASK_ID": "perago.task-id",
        "LOGICAL_TASK": "perago.logical-task",
        "RETRY": "perago.retry",
        "INPUT_REF": "perago.input-ref",
        "IMAGE": "perago.image",
        "OUTPUT": "perago.output",
        "OUTPUT_GZIP": "perago.output-gzip",
        "OUTPUT_SHA256": "perago.output-sha256",
    }
