"""The reference of the chart's values: `python -m perago_dev.values_reference [--check]`.

Writes `docs/reference/values.md` and the chart's own README from the comments of `values.yaml`, and from the docstrings
of the settings that no value has; with `--check` writes nothing and fails when a file differs.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from perago_dev.source import REPOSITORY
from perago_operator.api.generated import written
from perago_operator.settings import Settings, variable

CHART = REPOSITORY / "charts" / "perago"
PAGE, README = "docs/reference/values.md", "charts/perago/README.md"

INTRODUCTION = """\
<!-- Generated from charts/perago/values.yaml and perago_operator.settings; run `make values` after changing them. -->
# Values of the chart

What is not listed here is refused by the chart's schema. A row without a default describes the rows below it.
[Operations](../operations.md) says how to install, upgrade and watch Perago.
"""
SETTINGS = """
## Settings without a value of their own

These environment variables of the operator can be set with `extraEnv`, and take precedence over values.

| variable | default | meaning |
|---|---|---|
"""
CHART_README = """\
<!-- Generated from values.yaml; run `make values` after changing it. -->
# Perago

Runs Conductor task attempts as isolated pods on versioned lakeFS workspaces.

The release's namespace, and each namespace where attempts run, must have two Secrets: `perago-lakefs` with the keys
`endpoint`, `accessKeyId` and `secretAccessKey`, and `perago-conductor` with the key `url` and, if the server asks for
them, `token`, or `username` and `password`.

```
helm install perago … --namespace perago-system --set 'namespaces={jobs}'
helm test perago --namespace perago-system
```

## Values

"""
TABLE = "| value | default | meaning |\n|---|---|---|\n"


@dataclass(frozen=True)
class Value:
    """A value by its path, the comment above it, and its default as JSON; None for one that has values of its own."""

    path: str
    comment: str
    default: str | None


def values(text: str) -> Iterator[Value]:
    """The values of a `values.yaml`, in its order."""
    yield from _values(yaml.compose(text), "", text.splitlines())


def _values(node: yaml.Node | None, prefix: str, lines: Sequence[str]) -> Iterator[Value]:
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        comment = comment_above(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style and not _is_free(path):
            if comment:
                yield Value(path, comment, None)
            yield from _values(value, f"{path}.", lines)
        else:
            yield Value(path, comment, json.dumps(yaml.safe_load(yaml.serialize(value)), separators=(", ", ": ")))


def _is_free(path: str) -> bool:
    """Whether people choose the keys below a value: its default is one of many."""
    return path in ("resources.requests", "resources.limits", "metrics.dashboard.labels")


def comment_above(lines: Sequence[str], line: int) -> str:
    """The comment that ends right above a line, as one paragraph."""
    first = line
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(text.strip().removeprefix("#").strip() for text in lines[first:line])


def table(text: str) -> str:
    """The values of a `values.yaml` as rows."""
    return TABLE + "".join(_row(value) for value in values(text))


def _row(value: Value) -> str:
    default = "" if value.default is None else f"`{value.default}`"
    return _cells(f"`{value.path}`", default, value.comment)


def _cells(*cells: str) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n".replace("|  |", "| |")


def other_settings(set_by_chart: str) -> str:
    """Rows of the settings that the chart's templates do not name."""
    rows = []
    for name, field in Settings.model_fields.items():
        if not re.search(rf"\b{variable(name)}\b", set_by_chart):
            default = "" if field.is_required() else f"`{json.dumps(field.default, default=str)}`"
            rows.append(_cells(f"`{variable(name)}`", default, " ".join((field.description or "").split())))
    return "".join(rows)


def rendered() -> dict[str, str]:
    """Both files."""
    text = (CHART / "values.yaml").read_text()
    environment = (CHART / "templates" / "_env.tpl").read_text()
    return {
        PAGE: f"{INTRODUCTION}\n{table(text)}{SETTINGS}{other_settings(environment)}",
        README: CHART_README + table(text),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perago_dev.values_reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail when a file differs")
    chosen = parser.parse_args(arguments)
    files = {str(REPOSITORY / path): text for path, text in rendered().items()}
    return written(files, check=chosen.check, remedy="run make values")


if __name__ == "__main__":
    sys.exit(main())
