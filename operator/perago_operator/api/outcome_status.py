"""`status.outcome`: how an attempt ended, and what stands for an outcome that cannot be read."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from perago.wire import LONGEST_LINE, MOST_LINES, FailureClass, Outcome, ResultStatus
from perago.wire.policy import Failure, failed
from perago.wire.status import OUTPUT_LIMIT, packed_output
from perago_operator.api.base import ApiModel, FreeForm, problems_of
from perago_operator.api.reasons import RECOVERABLE, Reason

Lines = Annotated[tuple[Annotated[str, Field(max_length=LONGEST_LINE)], ...], Field(max_length=MOST_LINES)]
LONGEST_MESSAGE = 16 * 1024
"""Characters of an outcome's message."""


def _packed(value: str) -> str:
    packed_output(value)
    return value


class OutcomeStatus(ApiModel):
    """How the attempt ended. It is written once. Only that of an execution which another one replaces is removed."""

    status: ResultStatus
    """The result as it is reported to Conductor."""

    reason: Annotated[str, Field(max_length=256)]
    """Why, as one CamelCase word."""

    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] | None = None
    """Why, in words for people."""

    output: FreeForm | None = None
    """The task's output."""

    output_gzip: Annotated[str, Field(max_length=OUTPUT_LIMIT), AfterValidator(_packed)] | None = None
    """The output as base64 of gzipped JSON, when it is larger than 64 KiB."""

    traceback: Lines | None = None
    """The last lines of the traceback, where an exception ended the attempt."""

    execution: Annotated[int, Field(ge=1)] | None = None
    """The execution whose agent wrote it; absent where the operator did."""

    failure_class: FailureClass | None = None
    """Who has to do something about a failure: `User`, whose task or input it is; `Configuration`, whoever declares
    tasks, images and Secrets; `Infrastructure`, whoever runs nodes, network and servers."""

    remedy: Annotated[str, Field(max_length=1024)] | None = None
    """What to do about the reason."""

    failure_policy_rule: Annotated[int, Field(ge=0)] | None = None
    """Number of the rule of `failurePolicy` that chose the status, counted from 0; absent where none did."""

    @property
    def is_recoverable(self) -> bool:
        """Whether an agent has given up on the infrastructure, so that another execution may fare better."""
        by_agent = self.execution is not None and self.status != "COMPLETED"
        return by_agent and self.failure_class == "Infrastructure" and self.reason in RECOVERABLE

    def wire(self) -> Outcome:
        """The same outcome as it is reported to Conductor."""
        return Outcome.model_validate(self.model_dump())


_DECISIVE = frozenset({"status", "reason", "output", "outputGzip", "execution"})
"""Fields without which an outcome would be another one."""


def _readable(value: object, validated: ValidatorFunctionWrapHandler) -> object:
    """The outcome; a failure in the place of one that cannot be read, since it is written once and stays.

    What a newer version says of it besides, in words that are not known here, is left out.
    """
    try:
        return validated(value)
    except ValidationError as error:
        wrong = {str(place) for problem in error.errors(include_input=False) for place in problem["loc"][:1]}
        if isinstance(value, dict) and wrong and wrong.isdisjoint(_DECISIVE):
            return validated({name: field for name, field in value.items() if name not in wrong})
        return _unreadable(value, problems_of(error))


def _unreadable(value: object, problems: str) -> OutcomeStatus:
    message = f"the outcome that the attempt's agent wrote cannot be read: {problems}"
    outcome = failed((), Failure(Reason.OUTPUT_TOO_LARGE.value), message).model_dump(exclude={"execution"})
    by = value.get("execution") if isinstance(value, dict) else None
    return OutcomeStatus(**outcome, execution=by if isinstance(by, int) and by > 0 else None)


ReadableOutcome = Annotated[OutcomeStatus, WrapValidator(_readable)]
"""An outcome, whoever wrote it, and whichever words a newer version uses."""
