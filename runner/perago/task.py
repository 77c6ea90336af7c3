"""Declaring a task: the decorator, the rules that it checks, and how a module's one task is found.

Loads nothing heavy: an author's module pays for pydantic and for this. Every problem of a declaration is reported at
once, in one TaskDefinitionError, at the moment the module is imported.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Never, overload

from pydantic import BaseModel

from perago.declaration import body_problems, models_of, text_problems
from perago.errors import TaskDefinitionError
from perago.models import TaskControls, WorkspaceSpec
from perago.problems import refuse
from perago.target import is_import_path

if TYPE_CHECKING:
    from perago.signatures import WorkspaceDecorator, WorkspaceFreeDecorator

TASK_ATTRIBUTE = "__perago_task__"


@dataclass(frozen=True)
class TaskDefinition:
    """One declared task, as the decorator leaves it at the function: `fn.__perago_task__`.

    Parameters
    ----------
    name : str
        The name of the TaskDef in Conductor.
    owner_email : str
        The owner that Conductor shows.
    fn : callable
        The body.
    params_model, output_model : type of pydantic.BaseModel
        The models of the body's params and of its result.
    description : str, optional
        What Conductor shows.
    workspace : WorkspaceSpec, optional
        Given if and only if the body takes a workspace.
    controls : TaskControls
        What Conductor enforces.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> definition = double.__perago_task__
    >>> definition.name, definition.has_workspace, definition.params_model is Number
    ('double', False, True)
    """

    name: str
    owner_email: str
    fn: Callable[..., BaseModel]
    params_model: type[BaseModel]
    output_model: type[BaseModel]
    description: str | None = None
    workspace: WorkspaceSpec | None = None
    controls: TaskControls = field(default_factory=TaskControls)

    @property
    def has_workspace(self) -> bool:
        """Whether the body takes a workspace."""
        return self.workspace is not None


def excluding(definition: TaskDefinition, patterns: Sequence[str]) -> TaskDefinition:
    """The task with further patterns of what is never published; raises TaskDefinitionError for one that is none."""
    if definition.workspace is None or not patterns:
        return definition
    workspace = replace(definition.workspace, exclude=[*definition.workspace.exclude, *patterns])
    return replace(definition, workspace=workspace)


@overload
def task(
    *,
    name: str,
    owner_email: str,
    description: str | None = None,
    workspace: WorkspaceSpec,
    controls: TaskControls | None = None,
    **unknown: Never,
) -> "WorkspaceDecorator": ...


@overload
def task(
    *,
    name: str,
    owner_email: str,
    description: str | None = None,
    workspace: None = None,
    controls: TaskControls | None = None,
    **unknown: Never,
) -> "WorkspaceFreeDecorator": ...


def task(
    *,
    name: str,
    owner_email: str,
    description: str | None = None,
    workspace: WorkspaceSpec | None = None,
    controls: TaskControls | None = None,
    **unknown: Never,
) -> Callable[[Any], Any]:
    """Declare the decorated function as its module's task.

    Parameters
    ----------
    name : str
        The name of the TaskDef in Conductor, without path separators.
    owner_email : str
        The owner that Conductor shows.
    description : str, optional
        What Conductor shows.
    workspace : WorkspaceSpec, optional
        With it, the body is `(workspace: Path, params: Model) -> Model`; without it, `(params: Model) -> Model`.
    controls : TaskControls, optional
        What Conductor enforces; the defaults of `TaskControls`, if it is left out.
    **unknown
        Any other field is refused by name.

    Returns
    -------
    callable
        A decorator. It returns the function itself, with its `TaskDefinition` as `__perago_task__`, so the body can be
        called as before.

    Raises
    ------
    TaskDefinitionError
        By the decorator: the message lists everything that is wrong with the declaration.

    Notes
    -----
    A body is a plain synchronous function. Its parameters are called `workspace` and `params`, are annotated, and have
    no defaults; `params` and the return value are annotated with pydantic models. What it raises fails the attempt:
    `TaskTerminalError` without a retry, anything else with one.

    Examples
    --------
    >>> from pathlib import Path
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Params(BaseModel):
    ...     suffix: str
    >>> class Report(BaseModel):
    ...     files: int
    >>> @perago.task(name="count", owner_email="you@example.org", workspace=perago.WorkspaceSpec(read_only=True))
    ... def count(workspace: Path, params: Params) -> Report:
    ...     return Report(files=len(list(workspace.rglob(f"*{params.suffix}"))))
    >>> count(Path("/nowhere"), Params(suffix=".csv"))
    Report(files=0)
    """
    problems = text_problems(name, owner_email, description, unknown)
    problems += _option_problems(workspace, controls)

    def declare(fn: FunctionType) -> FunctionType:
        all_problems = problems + body_problems(fn, has_workspace=workspace is not None)
        refuse(*(f"task {name!r}: {problem}" for problem in all_problems))
        if all_problems:
            return fn
        params_model, output_model = models_of(fn)
        definition = TaskDefinition(
            name, owner_email, fn, params_model, output_model, description, workspace, controls or TaskControls()
        )
        setattr(fn, TASK_ATTRIBUTE, definition)
        return fn

    return declare


def _option_problems(workspace: object, controls: object) -> list[str]:
    problems = []
    if workspace is not None and not isinstance(workspace, WorkspaceSpec):
        problems.append(f"workspace must be a WorkspaceSpec, not {workspace!r}")
    if controls is not None and not isinstance(controls, TaskControls):
        problems.append(f"controls must be TaskControls, not {controls!r}")
    elif controls is not None and controls.publish_budget is not None and workspace is None:
        problems.append("controls.publish_budget is only for a task with a workspace")
    return problems


def load_module_task(target: str) -> TaskDefinition:
    """Import a module and return the one task that it declares.

    Parameters
    ----------
    target : str
        The module's import path, such as `pkg.module`.

    Returns
    -------
    TaskDefinition
        The task; those that the module imports from other modules do not count.

    Raises
    ------
    TaskDefinitionError
        The target is not an import path, the module declares no task or several, or it cannot be imported; then the
        module's own exception is the cause.

    Examples
    --------
    >>> import perago
    >>> perago.load_module_task("tasks/wordcount.py")
    Traceback (most recent call last):
    perago.errors.TaskDefinitionError: 'tasks/wordcount.py' is not an import path such as 'package.module' \
(did you mean 'tasks.wordcount'?)
    """
    check_module_target(target)
    try:
        module = importlib.import_module(target)
    except TaskDefinitionError:
        raise
    except (Exception, SystemExit) as error:
        raise TaskDefinitionError(f"module {target!r} cannot be imported: {type(error).__name__}: {error}") from error
    return only_task(module)


def check_module_target(target: str) -> None:
    """Raise TaskDefinitionError unless `target` is an import path; a file's path gets the import path it may mean."""
    if not is_import_path(target):
        guess = re.sub(r"\.py$", "", target.partition(":")[0]).strip("./").replace("/", ".")
        hint = f" (did you mean {guess!r}?)" if guess != target and is_import_path(guess) else ""
        raise TaskDefinitionError(f"{target!r} is not an import path such as 'package.module'{hint}")


def declared_tasks(module: ModuleType) -> list[TaskDefinition]:
    """The tasks that the module itself declares, in order of their names; those it imported do not count."""
    own = [definition for definition in visible_tasks(module) if definition.fn.__module__ == module.__name__]
    return sorted(own, key=lambda definition: definition.name)


def visible_tasks(module: ModuleType) -> list[TaskDefinition]:
    """The tasks among the module's values, each once, declared there or imported.

    The other values are only looked at: a lazy proxy among them must not wake up, let alone fail.
    """
    marks = (inspect.getattr_static(value, TASK_ATTRIBUTE, None) for value in vars(module).values())
    return list({id(mark): mark for mark in marks if isinstance(mark, TaskDefinition)}.values())


def only_task(module: ModuleType) -> TaskDefinition:
    """The module's one task; raises TaskDefinitionError when it declares none or several."""
    tasks = declared_tasks(module)
    if len(tasks) != 1:
        names = ", ".join(repr(definition.name) for definition in tasks) or "none"
        raise TaskDefinitionError(f"module {module.__name__!r} must declare exactly one task; it declares {names}")
    return tasks[0]
