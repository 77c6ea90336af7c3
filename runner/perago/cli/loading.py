"""Loads a task module for the command: reports all problems at once, and the module's own traceback if it raises."""

import importlib
import os.path
from pathlib import Path
from types import ModuleType

from perago.cli.declared import body_place
from perago.cli.output import Unusable
from perago.errors import TaskDefinitionError
from perago.problems import Problem, collecting
from perago.task import TaskDefinition, check_module_target, declared_tasks, visible_tasks
from perago.traces import place_of, trace_of


def load(target: str) -> TaskDefinition:
    """The module's one task; raises Unusable with everything that is wrong."""
    try:
        check_module_target(target)
    except TaskDefinitionError as error:
        hint = _import_path_hint(target)
        raise Unusable([Problem(f"{target!r} is not an import path such as 'package.module'{hint}")]) from error
    with collecting() as problems:
        module = _imported(target, problems)
    if problems:
        raise Unusable(problems)
    tasks = sorted(declared_tasks(module), key=body_place)
    if len(tasks) != 1:
        raise Unusable([_no_task(module)] if not tasks else [_one_of_many(task, len(tasks)) for task in tasks])
    return tasks[0]


def _import_path_hint(target: str) -> str:
    """What the author may have meant by a file's path, seen from this folder."""
    path, _, _ = target.partition(":")
    file = Path(os.path.normpath(Path.cwd() / path))
    if file.is_relative_to(Path.cwd()):
        folder, module = Path.cwd(), file.relative_to(Path.cwd())
    else:
        folder, module = file.parent, Path(file.name)
    dotted = ".".join(module.with_suffix("").parts) if file.suffix == ".py" or "/" in path else path.strip(".")
    dotted = dotted.removesuffix(".__init__")
    if not all(part.isidentifier() for part in dotted.split(".")):
        return ""
    return f"; did you mean {dotted!r}" + ("?" if folder == Path.cwd() else f", from the folder {folder}?")


def _imported(target: str, problems: list[Problem]) -> ModuleType:
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{target}.".startswith(f"{error.name}."):
            raise Unusable([Problem(_not_found(error.name))]) from error
        raise _raised(target, error, problems) from error
    except BaseException as error:
        raise _raised(target, error, problems) from error


def _not_found(name: str) -> str:
    parent, _, last = name.rpartition(".")
    if parent and not hasattr(importlib.import_module(parent), "__path__"):
        return f"there is no module {name!r}: {parent!r} is a module, not a package; leave out {'.' + last!r}"
    hint = "run the command from the folder that contains the package, or install the package"
    return f"there is no module {name!r} in {Path.cwd()} or among the installed packages: {hint}"


def _raised(target: str, error: BaseException, problems: list[Problem]) -> Unusable:
    message = f"module {target!r} raises {type(error).__name__} while it is imported: {error}"
    return Unusable([*problems, Problem(message.rstrip(": "), *place_of(error))], trace_of(error))


def _no_task(module: ModuleType) -> Problem:
    imported = sorted(f"{definition.name!r} of {definition.fn.__module__}" for definition in visible_tasks(module))
    note = f"; tasks that it imports do not count: {', '.join(imported)}" if imported else ""
    message = f"module {module.__name__!r} does not declare a task: decorate one function with @perago.task(…){note}"
    return Problem(message, module.__file__, 1 if module.__file__ else None)


def _one_of_many(task: TaskDefinition, count: int) -> Problem:
    module = task.fn.__module__
    message = f"module {module!r} declares {count} tasks, among them {task.name!r}; move each into a module of its own"
    return Problem(message, *body_place(task))
