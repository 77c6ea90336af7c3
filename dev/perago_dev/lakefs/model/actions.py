"""Action files (`_lakefs_actions/*.yaml`): what they say and whether the development server can do it. Pure."""

import fnmatch
import functools
from dataclasses import dataclass
from typing import Any

import yaml

from perago_dev.lakefs.model.lua import ScriptError, UnsupportedScriptError, Value, compile_script

FOLDER = "_lakefs_actions/"


class InvalidActionFileError(Exception):
    """The file is no action; in lakeFS every commit on a branch that has it is refused."""


class HookFailedError(Exception):
    """A hook said no, or cannot be run here; `str()` is lakeFS's text about it."""


@dataclass(frozen=True)
class Hook:
    """One hook; `script` is the Lua of a hook of type lua, "" for other types."""

    id: str
    type: str
    script: str


@dataclass(frozen=True)
class Action:
    """One file: for each event, the branch patterns it covers (none: all)."""

    name: str
    events: dict[str, tuple[str, ...]]
    hooks: tuple[Hook, ...]

    def covers(self, event: str, branch: str) -> bool:
        """Whether it runs for an event on a branch."""
        patterns = self.events.get(event)
        return patterns is not None and (not patterns or any(fnmatch.fnmatchcase(branch, each) for each in patterns))


@functools.lru_cache(maxsize=256)
def parse(path: str, text: bytes) -> Action:
    """Raises: InvalidActionFileError, with the path and the reason as lakeFS words them."""
    try:
        raw = yaml.safe_load(text)
        return _action(raw)
    except yaml.MarkedYAMLError as error:
        raise InvalidActionFileError(f"parsing file {path}: yaml: {_yaml_problem(error)}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidActionFileError(f"parsing file {path}: invalid action: {error!r}") from error


def run(action: Action, event: str, commit: dict[int | str, Value]) -> None:
    """Runs the hooks of an action in order.

    Only Lua hooks of `pre-merge` within the subset of `model.lua` can be run; any other refuses, since letting it
    pass would pretend that it had agreed.

    Raises:
        HookFailedError: at the first that fails.
    """
    for number, hook in enumerate(action.hooks):
        try:
            _run_hook(hook, event, commit)
        except (ScriptError, UnsupportedScriptError) as error:
            reason = _traceback(error) if isinstance(error, ScriptError) else str(error)
            where = f"hook run id '0000_{number:04d}' failed on action '{action.name}' hook '{hook.id}'"
            raise HookFailedError(f"{where}: action failed: {reason}") from error


def _run_hook(hook: Hook, event: str, commit: dict[int | str, Value]) -> None:
    if hook.type != "lua" or event != "pre-merge":
        raise UnsupportedScriptError(f"the Perago development server cannot run {hook.type} hooks of {event}")
    compile_script(hook.script)({"event_type": event, "hook_id": hook.id, "commit": commit})


def _traceback(error: ScriptError) -> str:
    place = f'[string "lua"]:{error.line}:'
    return f"runtime error: {place} {error}\nstack traceback:\n\t[Go]: in ?\n\t{place} in main chunk"


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
    problem = (error.problem or "").split(", but ")[0]
    return f"line {line}: {problem.replace('expected', 'did not find expected', 1)}"


def _action(raw: Any) -> Action:
    triggers = raw[True] if True in raw else raw["on"]  # `on` without quotes is a boolean to YAML 1.1
    events = {str(event): tuple((rule or {}).get("branches") or ()) for event, rule in triggers.items()}
    hooks = tuple(
        Hook(str(each["id"]), str(each["type"]), str((each.get("properties") or {}).get("script", "")))
        for each in raw["hooks"]
    )
    if not events or not hooks:
        raise ValueError("'on' and 'hooks' must not be empty")
    return Action(str(raw["name"]), events, hooks)
