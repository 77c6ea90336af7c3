"""Keys of the metadata that each commit of Perago's carries: who made it, from where, with which result.

The agent writes them and the operator reads them as evidence, so they stand here and nowhere else.
"""

from typing import Final

PREFIX: Final = "perago."
"""Every key begins with it; a commit without such a key was not made by Perago."""

INSTALLATION: Final = "perago.installation"
ATTEMPT: Final = "perago.attempt"
ATTEMPT_UID: Final = "perago.attempt-uid"
CREATED: Final = "perago.created"
"""When the attempt's object was created, as the API server writes it: what was created before is earlier."""
EXECUTION: Final = "perago.execution"
WORKFLOW: Final = "perago.workflow"
TASK_ID: Final = "perago.task-id"
LOGICAL_TASK: Final = "perago.logical-task"
RETRY: Final = "perago.retry"
INPUT_REF: Final = "perago.input-ref"
IMAGE: Final = "perago.image"
OUTPUT: Final = "perago.output"
"""The body's output, `{"result": …}` as JSON, where it is small."""
OUTPUT_GZIP: Final = "perago.output-gzip"
"""The same JSON of a larger output, gzipped, in base64."""
OUTPUT_SHA256: Final = "perago.output-sha256"
"""In place of an output that is too large even so: the digest of its JSON."""
