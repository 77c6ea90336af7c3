"""What a type checker knows of a body, before it is decorated and after. Nothing loads it when a module is run."""

from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from perago.task import TaskDefinition

P_contra = TypeVar("P_contra", bound=BaseModel, contravariant=True)
R_co = TypeVar("R_co", bound=BaseModel, covariant=True)
P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


class WorkspaceBody(Protocol, Generic[P_contra, R_co]):
    """A body that takes a workspace."""

    def __call__(self, workspace: Path, params: P_contra) -> R_co: ...


class WorkspaceFreeBody(Protocol, Generic[P_contra, R_co]):
    """A body that takes none."""

    def __call__(self, params: P_contra) -> R_co: ...


class WorkspaceTask(WorkspaceBody[P_contra, R_co], Protocol):
    """A decorated body with a workspace: still the function itself."""

    __perago_task__: TaskDefinition


class WorkspaceFreeTask(WorkspaceFreeBody[P_contra, R_co], Protocol):
    """A decorated body without a workspace: still the function itself."""

    __perago_task__: TaskDefinition


class WorkspaceDecorator(Protocol):
    """What `perago.task` returns for a task with a workspace."""

    def __call__(self, fn: WorkspaceBody[P, R], /) -> WorkspaceTask[P, R]: ...


class WorkspaceFreeDecorator(Protocol):
    """What `perago.task` returns for a task without a workspace."""

    def __call__(self, fn: WorkspaceFreeBody[P, R], /) -> WorkspaceFreeTask[P, R]: ...
