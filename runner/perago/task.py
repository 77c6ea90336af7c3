"""Declaring a task: the decorator, the rules that it checks, and how a module's one task is found.

Loads nothing heavy: an author's module pays for pydantic and for this. Every problem of a declaration is reported at
once, in one TaskDefinitionError, at the moment the module is imported.
"""

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Never, overload

from pydantic import BaseModel

from perago.declaration import body_problems, models_of, text_problems
from perago.errors import TaskDefinitionError
from perago.models import TaskControls, WorkspaceSpec
from perago.problems import refuse

if TYPE_CHECKING:
    from perago.signatures import WorkspaceDecorator, WorkspaceFreeDecorator

TASK_ATTRIBUTE = "__perago_task__"


@dataclass(frozen=True)
class TaskDefinition:
    """One declared task: what Conductor knows of it, its body, and the models of its params and result."""

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
    """Declare the decorated function as this module's task.

    With `workspace`, the body is `(workspace: Path, params: Model) -> Model`; without, `(params: Model) -> Model`.
    The function is returned as it is, with its TaskDefinition as `__perago_task__`. Raises TaskDefinitionError that
    lists everything that is wrong with the declaration.
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


_MODULE = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*$")


def load_module_task(target: str) -> TaskDefinition:
    """The one task that the module `target` (an import path such as `pkg.module`) declares.

    Raises TaskDefinitionError when the target is not an import path, the module cannot be imported (the cause is the
    module's own exception), or it declares no task or several.
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
    if target.endswith(".py") or not _MODULE.match(target):
        guess = re.sub(r"\.py$", "", target.partition(":")[0]).strip("./").replace("/", ".")
        hint = f" (did you mean {guess!r}?)" if guess != target and _MODULE.match(guess) else ""
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
