"""The reference of the Python package: `python -m perago_dev.api_reference [--check] [FILE]`.

Writes `docs/reference/api.md` from the docstrings of the public names; with `--check` writes nothing and fails when the
file differs.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from pydantic import BaseModel

import perago
import perago.errors
import perago.taskdef
import perago.workspace
from perago_operator.api.generated import written

PAGE = "docs/reference/api.md"

AREAS: Mapping[str, tuple[str, ...]] = {
    "Declaring a task": ("task", "TaskDefinition", "load_module_task", "WorkspaceSpec"),
    "Guardrails": ("require_file", "require_dir", "require_glob", "forbid_glob", "check_guardrails"),
    "Controls": ("TaskControls", "RetryPolicy", "TimeoutPolicy", "ExecutionLimits", "PublishBudget"),
    "TaskDefs": ("build_taskdef", "write_taskdef", "taskdef.schema_for_model"),
    "Running attempts": (
        "run_workspace_task_attempt",
        "run_workspace_free_task_attempt",
        "TaskExecutionContext",
        "StagedWorkspace",
        "staging_branch_name",
        "assert_current_attempt_snapshot",
    ),
    "Bodies and outputs": (
        "invoke_workspace_task_body",
        "invoke_workspace_free_task",
        "build_workspace_task_output",
        "build_workspace_free_task_output",
        "WorkspaceInput",
        "WorkspaceOutput",
    ),
    "Results": (
        "RuntimeTaskResult",
        "completed_result",
        "failed_result",
        "terminal_failed_result",
        "result_for_exception",
    ),
    "Mapping between objects and files": (
        "workspace_local_path",
        "workspace.workspace_object_path",
        "workspace.workspace_object_prefix",
        "workspace_upload_files",
        "workspace_download_files",
        "workspace_delete_object_paths",
        "build_workspace_sync_plan",
        "WorkspaceUploadFile",
        "WorkspaceDownloadFile",
        "WorkspaceSyncPlan",
    ),
    "Directories of attempts": (
        "workspace.prepare_attempt_workspace",
        "workspace.attempt_workspace_dir",
        "workspace.cleanup_attempt_workspace",
        "workspace.cleanup_attempt_workspace_safely",
        "workspace.WorkspaceOwner",
        "workspace.new_workspace_owner",
        "workspace.register_active_workspace_owner",
        "workspace.unregister_active_workspace_owner",
        "workspace.active_workspace_owner_tokens",
    ),
    "Errors": (
        "TaskDefinitionError",
        "RuntimeConfigError",
        "TaskInputError",
        "TaskExecutionError",
        "TaskFailed",
        "TaskTerminalError",
        "GuardrailViolation",
        "PreGuardrailViolation",
        "PostGuardrailViolation",
        "PublishFenceError",
        "StaleAttemptError",
    ),
}

INTRODUCTION = """\
<!-- Generated from the docstrings of the perago package; run `make api-reference` after changing them. -->
# Python reference

What `import perago` offers to authors of tasks and to integrators who run attempts themselves. Authors start with
[the author's guide](../authors-guide.md). Python's `help` shows the same text, and the tests run all examples.
"""

_SECTION = re.compile(r"^(\w+)\n-+$", re.MULTILINE)
_FIELDS = ("Parameters", "Returns", "Raises")


def named(name: str) -> object:
    """The public object of a name below `perago`."""
    return attrgetter(name)(perago)


def sections(documented: object) -> dict[str, str]:
    """The numpydoc sections of an object's docstring, by title; what stands before the first has the title ""."""
    first, *rest = _SECTION.split(inspect.getdoc(documented) or "")
    titled = dict(zip(rest[::2], rest[1::2], strict=True))
    return {title: text.strip("\n") for title, text in {"": first, **titled}.items()}


def fields(section: str) -> Iterator[tuple[str, str]]:
    """The entries of a section such as Parameters: the line that begins each, and its text."""
    head, lines = "", list[str]()
    for line in [*section.splitlines(), "end"]:
        if line.startswith(" ") or not line:
            lines.append(line.strip())
            continue
        if head:
            yield head, " ".join(lines).strip()
        head, lines = line, []


def parameters(documented: object) -> list[inspect.Parameter]:
    """The parameters of a callable, without annotations, as a caller writes them."""
    if not callable(documented):
        return []
    if isinstance(documented, type) and issubclass(documented, BaseModel):
        documented.model_rebuild()  # what loads models late has their signatures late, too
    return [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(documented).parameters.values()
    ]


def rendered() -> str:
    """The page."""
    parts = [INTRODUCTION, *(f"- [{area}](#{_anchor(area)})" for area in AREAS), ""]
    for area, names in AREAS.items():
        parts += [f"## {area}", ""]
        if area == "Errors":
            parts += ["```text", _tree(), "```", ""]
        for name in names:
            parts += _entry(name)
    return "\n".join(parts)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _tree() -> str:
    return (perago.errors.__doc__ or "").split("\n\n", 1)[1].strip()


def _entry(name: str) -> Iterable[str]:
    documented = named(name)
    parts = sections(documented)
    yield f"### `perago.{name}`"
    yield ""
    if "Parameters" in parts or not inspect.isclass(documented):
        yield from ("```python", _signature(name.rpartition(".")[2], documented), "```", "")
    yield from (parts.pop(""), "")
    for title, text in parts.items():
        yield from (f"**{title}**", "", *_section(title, text), "")
    yield from _members(documented)


def _section(title: str, text: str) -> Iterable[str]:
    if title in _FIELDS:
        return [_field(head, body) for head, body in fields(text)]
    return _examples(text) if title == "Examples" else [text]


def _field(head: str, body: str) -> str:
    name, _, kind = head.partition(" : ")
    return f"- `{name}`{f' ({kind})' if kind else ''}: {body}"


def _examples(text: str) -> Iterator[str]:
    for block in re.split(r"\n{2,}", text):
        yield from ("```pycon", block, "```") if block.startswith(">>>") else (block, "")


def _signature(name: str, documented: object) -> str:
    plain: list[str] = []
    for parameter in parameters(documented):
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in plain:
            plain.append("*")
        plain.append(str(parameter).replace("<factory>", "…"))
    line = f"{name}({', '.join(plain)})"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(plain) + ",\n)"


def _members(documented: object) -> Iterable[str]:
    if not inspect.isclass(documented) or issubclass(documented, Exception):
        return []
    rows = [
        f"- `{_member(name, member)}`: {(inspect.getdoc(member) or '').splitlines()[0]}"
        for name, member in vars(documented).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    ]
    return ["**Members**", "", *rows, ""] if rows else []


def _member(name: str, member: object) -> str:
    names = [parameter.name for parameter in parameters(member) if parameter.name != "self"]
    return name if isinstance(member, property) else f"{name}({', '.join(names)})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the file differs")
    parser.add_argument("file", nargs="?", default=PAGE)
    options = parser.parse_args(arguments)
    return written({options.file: rendered()}, check=options.check, remedy="run `make api-reference` and commit it")


if __name__ == "__main__":
    sys.exit(main())
