"""Definitions as Conductor stores them, compared with the ones to register. Pure; an object is its JSON."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

_STAMPS = ("createTime", "updateTime", "createdBy", "updatedBy", "ownerApp")
"""What Conductor writes itself."""

_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "rateLimitFrequencyInSeconds": (1,),
    "backoffScaleFactor": (1,),
    "taskStatusListenerEnabled": (True,),
    "retryCount": (3,),
    "retryDelaySeconds": (60,),
    "retryLogic": ("FIXED",),
    "responseTimeoutSeconds": (3600,),
    "timeoutPolicy": ("TIME_OUT_WF", "ALERT_ONLY"),
    "schemaVersion": (2,),
    "version": (1,),
    "restartable": (True,),
    "enforceSchema": (True, False),
    "type": ("SIMPLE",),
}
"""What Conductor 3.32 fills in where a definition says nothing; anything empty is a default, too."""

_OPEN = ("data", "inputParameters", "inputTemplate", "outputParameters", "variables", "metadata", "inputExpression")
"""Members whose content is the author's own: Conductor fills in nothing there."""


def difference(stored: Object | None, wanted: Object, name: str) -> list[str]:
    """What registering changes, as lines of a unified difference; none if everything is there already."""
    before = [] if stored is None else _lines(_less_additions(stored, wanted))
    return list(difflib.unified_diff(before, _lines(wanted), "in Conductor", name, lineterm="", n=2))


def _less_additions(stored: Any, wanted: Any) -> Any:
    """What is stored, less what Conductor has added by itself to a definition that says what `wanted` says."""
    if isinstance(stored, list) and isinstance(wanted, list):
        pairs = zip(stored, wanted + [{}] * len(stored), strict=False)
        return [_less_additions(item, counterpart) for item, counterpart in pairs]
    if not isinstance(stored, dict) or not isinstance(wanted, dict):
        return stored
    return dict(_members_less_additions(stored, wanted))


def _members_less_additions(stored: Object, wanted: Object) -> Iterator[tuple[str, Any]]:
    for key, value in stored.items():
        if key in wanted:
            yield key, value if key in _OPEN else _less_additions(value, wanted[key])
        elif key not in _STAMPS and not _is_default(key, value):
            yield key, value


def _is_default(key: str, value: Any) -> bool:
    if value is None or value in ("", [], {}):
        return True
    if key in _DEFAULTS:
        return any(value is default or value == default for default in _DEFAULTS[key])
    return value is False or (type(value) is int and value == 0)


def _lines(value: Object) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def simple_tasks(workflow: Object) -> list[str]:
    """The names of the tasks that workers have to do, each once, in the order of the definition, at any depth."""
    names: dict[str, None] = {}
    pending: list[Any] = [workflow.get("tasks")]
    while pending:
        item = pending.pop(0)
        if isinstance(item, list):
            pending = [*item, *pending]
        elif isinstance(item, dict):
            if "taskReferenceName" in item and item.get("type", "SIMPLE") == "SIMPLE":
                names[str(item.get("name"))] = None
            nested = [item.get(key) for key in ("defaultCase", "forkTasks", "loopOver")]
            cases = item.get("decisionCases")
            pending = [*nested, *(cases.values() if isinstance(cases, dict) else []), *pending]
    return list(names)
