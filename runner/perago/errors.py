"""Every exception that the attempt core raises. Knows nothing of the rest of the package.

Exception
├── ValueError
│   ├── TaskDefinitionError          a declaration that cannot be a task
│   ├── RuntimeConfigError           a setting of the process that makes no sense
│   └── TaskInputError               a payload, an object path or a workspace that this task cannot take
├── TaskExecutionError
│   ├── TaskFailed                   raised by a body: this attempt failed, a retry may help
│   └── TaskTerminalError            raised by a body: no retry can help
├── GuardrailViolation
│   ├── PreGuardrailViolation        the input workspace is not what the task expects: terminal
│   └── PostGuardrailViolation       the body left a workspace that must not be published
├── PublishFenceError                the target branch is not in a state that this attempt may replace
└── StaleAttemptError                Conductor has moved on from this attempt
"""


class TaskDefinitionError(ValueError):
    """A task, its module or its declaration breaks a rule; the text names the field and the value."""


class RuntimeConfigError(ValueError):
    """A setting of the running process is missing or makes no sense."""


class TaskInputError(ValueError):
    """The payload, an object path or the workspace is not what this task can take."""


class TaskExecutionError(Exception):
    """The attempt could not be carried out, or its body says that it failed."""


class _ReasonedError(TaskExecutionError):
    def __init__(self, reason: str) -> None:
        if not isinstance(reason, str):
            raise TypeError(f"{type(self).__name__} takes one reason of type str, not {type(reason).__name__}")
        super().__init__(reason)
        self.reason = reason


class TaskFailed(_ReasonedError):
    """Raised by a task body: this attempt failed, and Conductor may retry it.

    Parameters
    ----------
    reason : str
        What people read in Conductor.

    Raises
    ------
    TypeError
        The reason is not a str, or there is more than one argument.

    Examples
    --------
    >>> import perago
    >>> perago.result_for_exception(perago.TaskFailed("the report is not out yet")).status
    'FAILED'
    """


class TaskTerminalError(_ReasonedError):
    """Raised by a task body: this attempt failed, and no retry can help.

    Parameters
    ----------
    reason : str
        What people read in Conductor.

    Raises
    ------
    TypeError
        The reason is not a str, or there is more than one argument.

    Examples
    --------
    >>> import perago
    >>> perago.result_for_exception(perago.TaskTerminalError("ftp://… is not https")).status
    'FAILED_WITH_TERMINAL_ERROR'
    """


class GuardrailViolation(Exception):
    """A declared guardrail does not hold for the workspace."""


class PreGuardrailViolation(GuardrailViolation):
    """A `pre` guardrail does not hold before the body runs; terminal, for the input ref is immutable."""


class PostGuardrailViolation(GuardrailViolation):
    """A `post` guardrail does not hold after the body ran."""


class PublishFenceError(Exception):
    """The target branch is in a state that this attempt may not replace; nothing was changed."""


class StaleAttemptError(Exception):
    """Conductor no longer regards this attempt as the current one, so it may cause no side effect.

    Parameters
    ----------
    task_id : str
        The attempt's task id.
    message : str, optional
        Another text than the usual one.

    Examples
    --------
    >>> import perago
    >>> print(perago.StaleAttemptError("t1"))
    attempt t1 is no longer the current one in Conductor
    """

    def __init__(self, task_id: str, message: str | None = None) -> None:
        super().__init__(task_id, message)
        self.task_id = task_id
        self.message = message or f"attempt {task_id} is no longer the current one in Conductor"

    def __str__(self) -> str:
        return self.message


def error_named(name: str, message: str) -> Exception:
    """The error of this module that is called `name`, as it crosses a process boundary; else a TaskExecutionError."""
    kind = globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return TaskExecutionError(f"{name}: {message}")
    return StaleAttemptError("", message) if kind is StaleAttemptError else kind(message)
