"""Loading a task module for the command: every problem at once, and the module's own traceback when it raises."""

import importlib
from types import ModuleType

from perago.cli.output import Unusable, refused, trace_of
from perago.errors import TaskDefinitionError
from perago.problems import Problem, collecting
from perago.task import TaskDefinition, check_module_target, only_task


def load(target: str) -> TaskDefinition:
    """The module's one task; raises Unusable with everything that is wrong."""
    try:
        check_module_target(target)
    except TaskDefinitionError as error:
        refused(error)
    with collecting() as problems:
        module = _imported(target, problems)
    if problems:
        raise Unusable(problems)
    try:
        return only_task(module)
    except TaskDefinitionError as error:
        raise Unusable([Problem(str(error), module.__file__, 1)]) from error


def _imported(target: str, problems: list[Problem]) -> ModuleType:
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{target}.".startswith(f"{error.name}."):
            hint = "run it from the folder that holds the package, or install the package"
            raise Unusable([Problem(f"there is no module {error.name!r} here: {hint}")]) from error
        raise _raised(target, error, problems) from error
    except (Exception, SystemExit) as error:
        raise _raised(target, error, problems) from error


def _raised(target: str, error: BaseException, problems: list[Problem]) -> Unusable:
    problem = Problem(f"module {target!r} raises {type(error).__name__} while it is imported: {error}")
    return Unusable([*problems, problem], trace_of(error))
