"""The CRDs, generated from the models: `python -m perago_operator.api.crds [--check] [DIRECTORY]`.

Writes `crds/*.yaml`; with `--check` writes nothing and fails when they differ from the models.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import yaml
from pydantic import JsonValue

from perago.wire import API_GROUP, API_VERSION, ATTEMPTS_PLURAL
from perago_operator.api.attempt import OBJECT_RULES, PeragoAttempt
from perago_operator.api.base import RULES_KEY, ApiModel
from perago_operator.api.generated import written
from perago_operator.api.schema import Schema, structural
from perago_operator.api.task import TASKS_PLURAL, PeragoTask

SIZE_LIMIT = 64 * 1024
"""Largest size of a CRD, in bytes of JSON, as `kubectl apply` keeps it in an annotation (256 KiB at most)."""

HEADER = "# Generated from perago_operator.api by `python -m perago_operator.api.crds`; edit the models instead.\n"


def column(name: str, path: str, kind: str = "string", *, wide: bool = False, description: str = "") -> Schema:
    """A printer column; a wide one is shown only with `-o wide`."""
    printed: Schema = {"name": name, "type": kind, "jsonPath": path}
    if description:
        printed["description"] = description
    if wide:
        printed["priority"] = 1
    return printed


ATTEMPT_COLUMNS: list[JsonValue] = [
    column("Task", ".spec['taskRef','task']['name','module']", description="PeragoTask or module."),
    column("Phase", ".status.phase"),
    column("Step", ".status.step"),
    column("Result", ".status.outcome.status"),
    column("Retry", ".spec.conductor.retryCount", "integer"),
    column("Reported", ".status.reporting.state"),
    column("Age", ".metadata.creationTimestamp", "date"),
    column("Repository", ".status.workspace.repository", wide=True),
    column("Branch", ".status.workspace.branch", wide=True),
    column("Ref", ".status.workspace['publishedRef','inputRef']", wide=True),
    column("Pod", ".status.podName", wide=True),
    column("Node", ".status.nodeName", wide=True),
    column("Reason", ".status.outcome.reason", wide=True),
    column("Class", ".status.outcome.failureClass", wide=True, description="Who has to do something about a failure."),
    column("Progress", ".status.transfer.summary", wide=True, description="How far a download or an upload is."),
    column("Waiting", ".status.waiting.server", wide=True, description="Server that does not answer the agent."),
]

TASK_COLUMNS: list[JsonValue] = [
    column("Type", ".spec.taskType"),
    column("Active", ".status.active", "integer"),
    column("Queued", ".status.queued", "integer"),
    column("Paused", ".spec.paused", "boolean"),
    column("Polling", ".status.conditions[?(@.type=='Polling')].status"),
    column("Age", ".metadata.creationTimestamp", "date"),
    column("Domain", ".spec.domain", wide=True),
    column("Module", ".spec.module", wide=True),
    column("Image", ".spec.image", wide=True),
    column("Max", ".spec.maxConcurrency", "integer", wide=True),
    column("Pending", ".status.pendingPods", "integer", wide=True),
    column("Last-Poll", ".status.lastPollTime", "date", wide=True),
]


def attempt_crd() -> Schema:
    """The CRD of PeragoAttempt."""
    names: Schema = {"singular": "peragoattempt", "plural": ATTEMPTS_PLURAL, "shortNames": ["pa"]}
    version = _version(PeragoAttempt, OBJECT_RULES, ATTEMPT_COLUMNS)
    version["selectableFields"] = [{"jsonPath": ".status.podName"}, {"jsonPath": ".status.phase"}]
    return _crd(names, "PeragoAttempt", version)


def task_crd() -> Schema:
    """The CRD of PeragoTask."""
    names: Schema = {"singular": "peragotask", "plural": TASKS_PLURAL, "shortNames": ["pt"]}
    return _crd(names, "PeragoTask", _version(PeragoTask, [], TASK_COLUMNS))


def _version(model: type[ApiModel], rules: list[JsonValue], columns: list[JsonValue]) -> Schema:
    return {
        "name": API_VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": _root(model, rules)},
    }


def _root(model: type[ApiModel], rules: list[JsonValue]) -> Schema:
    """The schema of the whole object. The API server validates the metadata itself."""
    schema = structural(model)
    properties = schema["properties"]
    assert isinstance(properties, dict)
    described: Schema = {
        "apiVersion": {"type": "string", "description": f"Version of this schema: {API_GROUP}/{API_VERSION}."},
        "kind": {"type": "string", "description": f"{model.__name__}."},
        "metadata": {"type": "object"},
    }
    schema["properties"] = {**described, **{name: properties[name] for name in ("spec", "status")}}
    schema["required"] = ["spec"]
    if rules:
        schema[RULES_KEY] = rules
    return schema


def _crd(names: Schema, kind: str, version: Schema) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{API_GROUP}"},
        "spec": {
            "group": API_GROUP,
            "scope": "Namespaced",
            "names": {**names, "kind": kind, "listKind": f"{kind}List", "categories": ["perago"]},
            "versions": [version],
        },
    }


def rendered() -> dict[str, str]:
    """File name → YAML of every CRD. Raises ValueError when one exceeds `SIZE_LIMIT`."""
    files = {}
    for crd in (attempt_crd(), task_crd()):
        metadata = crd["metadata"]
        assert isinstance(metadata, dict)
        text = HEADER + yaml.safe_dump(crd, sort_keys=False, width=100, allow_unicode=True)
        if (size := len(json.dumps(crd))) >= SIZE_LIMIT:
            raise ValueError(f"{metadata['name']} is {size} bytes, the limit is {SIZE_LIMIT}")
        files[f"{metadata['name']}.yaml"] = text
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the CRDs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perago_operator.api.crds", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail when a file differs")
    parser.add_argument("directory", nargs="?", default="crds")
    chosen = parser.parse_args(arguments)
    files = {f"{chosen.directory}/{name}": text for name, text in rendered().items()}
    return written(files, check=chosen.check, remedy="run make crds")


if __name__ == "__main__":
    sys.exit(main())
