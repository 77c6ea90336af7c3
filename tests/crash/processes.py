"""Processes in one event loop: what each of them started, and its death, after which nothing of it has any effect.

A process is known by its context, which every asyncio task that it starts inherits.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

MANY = 100
"""Tasks among which those that have ended are looked for."""


@dataclass(eq=False)
class Process:
    """A replica of the operator."""

    name: str
    alive: bool = True
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)
    """In the order in which they were started, so that they die in the same order every time."""

    def begun(self, task: "asyncio.Task[Any]") -> None:
        """It has started a task; those that have ended are forgotten now and then."""
        if len(self.tasks) >= MANY:
            self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(task)

    def kill(self) -> None:
        """It ends like `kill -9`: its tasks are gone, and what they still do on their way out reaches nobody."""
        self.alive = False
        for task in self.tasks:
            task.cancel()
        self.tasks = []


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""None for everything that is not a replica: servers, kubelets, agents and people."""


def context_of(process: Process | None) -> Context:
    """A context for what the process does."""
    context = copy_context()
    context.run(PROCESS.set, process)
    return context


def remembered(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    /,
    *,
    context: Context | None = None,
) -> "asyncio.Task[Any]":
    """A task factory: each process knows its tasks, and a dead one starts none."""
    task = asyncio.Task(work, loop=loop, context=context)
    process = PROCESS.get() if context is None else context.get(PROCESS)
    if process is not None:
        if process.alive:
            process.begun(task)
        else:
            task.cancel()
    return task


def started(process: Process, work: Coroutine[Any, Any, None], ended: Callable[[], None]) -> None:
    """Let a process begin; `ended` is called, outside of it, once its main task is over for whatever reason."""
    loop = asyncio.get_running_loop()
    main = loop.create_task(work, context=context_of(process), name=process.name)
    main.add_done_callback(lambda _: ended(), context=context_of(None))
