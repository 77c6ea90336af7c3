"""The TaskDef: its keys in order, its schemas closed and silent about the models."""

import enum
import json
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    computed_field,
    field_serializer,
)
from pydantic.dataclasses import dataclass
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypedDict

import perago
from perago.taskdef import TASKDEF_SCHEMA_TYPE, TASKDEF_SCHEMA_VERSION, schema_for_model
from tests.unit.perago.kit import free_task_of, idle, task_of

KEYS = [
    "name",
    "ownerEmail",
    "retryCount",
    "retryLogic",
    "retryDelaySeconds",
    "maxRetryDelaySeconds",
    "backoffJitterMs",
    "totalTimeoutSeconds",
    "timeoutPolicy",
    "timeoutSeconds",
    "responseTimeoutSeconds",
    "pollTimeoutSeconds",
    "inputKeys",
    "outputKeys",
    "inputSchema",
    "outputSchema",
]


class Leaf(BaseModel):
    """What a leaf says about itself."""

    model_config = ConfigDict(json_schema_extra={"example": 1}, title="A Leaf")
    title: str = Field("t", title="Title", description="how it is called")
    description: int


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Colour(enum.Enum):
    """What a colour says about itself."""

    RED = "red"


@dataclass
class Point:
    """A point."""

    x: int


class Options(TypedDict):
    """Options."""

    verbose: bool


class Everything(BaseModel):
    """Everything that a schema can hold."""

    leaf: Leaf = Field(description="the leaf")
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    colour: Colour = Colour.RED
    colours: list[Annotated[Colour, Field(description="one of them")]] = []
    point: Point
    options: Options
    free: dict[str, Any] = Field({"title": "kept", "discriminator": "kept"}, examples=[{"title": "kept"}])


SCHEMA = schema_for_model(Everything)


def every_object(schema: Any) -> list[dict[str, Any]]:
    """All schemas with properties, at any depth."""
    if isinstance(schema, list):
        return [found for item in schema for found in every_object(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if isinstance(schema.get("properties"), dict) else []
    return own + [found for value in schema.values() for found in every_object(value)]


def test_a_schema_is_closed_at_every_level() -> None:
    """Models, dataclasses and typed dictionaries take no other keys; a free mapping stays free."""
    objects = every_object(SCHEMA)
    assert len(objects) == 8
    assert all(schema["additionalProperties"] is False for schema in objects)
    assert SCHEMA["properties"]["free"]["additionalProperties"] is True


def test_references_are_inlined() -> None:
    """Nothing points elsewhere, so each schema can be read alone."""
    text = json.dumps({key: value for key, value in SCHEMA["properties"].items() if key != "free"})
    assert "$ref" not in text
    assert "$defs" not in json.dumps(SCHEMA)
    assert "discriminator" not in text


def test_what_a_model_says_about_itself_is_left_out_and_what_a_field_says_is_kept() -> None:
    """Docstrings, titles and json_schema_extra go; field descriptions, defaults and examples stay."""
    leaf = SCHEMA["properties"]["leaf"]
    assert leaf == {
        "type": "object",
        "additionalProperties": False,
        "description": "the leaf",
        "properties": {
            "title": {"type": "string", "default": "t", "description": "how it is called"},
            "description": {"type": "integer"},
        },
        "required": ["description"],
    }
    assert SCHEMA["properties"]["colour"] == {"type": "string", "enum": ["red"], "default": "red"}
    assert SCHEMA["properties"]["colours"]["items"]["description"] == "one of them"
    assert "description" not in SCHEMA["properties"]["leaves"]["items"]
    assert "description" not in SCHEMA
    assert "description" not in SCHEMA["properties"]["point"]
    assert "description" not in SCHEMA["properties"]["options"]
    assert SCHEMA["properties"]["free"]["default"] == {"title": "kept", "discriminator": "kept"}
    assert SCHEMA["properties"]["free"]["examples"] == [{"title": "kept"}]


def test_a_schema_takes_what_its_model_takes_and_no_more() -> None:
    """A validator of another project agrees with pydantic on good and on unknown keys."""
    good: dict[str, dict[str, Any]] = {
        "leaf": {"description": 1},
        "pet": {"kind": "dog"},
        "point": {"x": 1},
        "options": {"verbose": True},
    }
    jsonschema.validate(good, SCHEMA)
    for key in ("leaf", "pet", "point", "options"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(good | {key: good[key] | {"unknown": 1}}, SCHEMA)


class Tree(BaseModel):
    children: list["Tree"] = []


class Root(RootModel[list[int]]):
    pass


def test_a_model_that_contains_itself_is_refused_by_name() -> None:
    """Inlining would not end."""
    with pytest.raises(perago.TaskDefinitionError, match="Tree, which contains itself"):
        schema_for_model(Tree)


def test_a_root_model_is_refused_by_name() -> None:
    """Params and results are objects with fields."""
    with pytest.raises(perago.TaskDefinitionError, match="Root is a RootModel"):
        schema_for_model(Root)


def test_the_keys_come_in_the_contracts_order() -> None:
    """Without description and limits, and with both."""
    assert list(perago.build_taskdef(task_of(idle))) == KEYS

    @perago.task(
        name="n",
        owner_email="a@b",
        description="d",
        controls=perago.TaskControls(limits=perago.ExecutionLimits(4, 60, 10)),
    )
    def body(params: Leaf) -> Leaf:
        return params

    taskdef = perago.build_taskdef(body.__perago_task__)
    limits = ["concurrentExecLimit", "rateLimitFrequencyInSeconds", "rateLimitPerFrequency"]
    assert list(taskdef) == [*KEYS[:2], "description", *KEYS[2:12], *limits, *KEYS[12:]]
    assert [taskdef[key] for key in limits] == [4, 60, 10]


def test_a_field_that_no_schema_can_say_is_named() -> None:
    """A callable, and a type that is defined nowhere."""

    class Hooked(BaseModel):
        name: str
        hook: Callable[[], None]

    class Unfinished(BaseModel):
        other: "NowhereDefined"  # type: ignore[name-defined]  # noqa: F821

    for model, field in ((Hooked, "hook"), (Unfinished, "other")):
        with pytest.raises(perago.TaskDefinitionError, match=rf"no JSON schema of {model.__name__}\.{field}"):
            schema_for_model(model)


def test_a_model_that_is_itself_to_blame_is_named() -> None:
    """When each of its fields has a schema, the model's own hook is what fails."""

    class Silent(BaseModel):
        name: str

        @classmethod
        def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            raise PydanticInvalidForJsonSchema("it does not say")

    with pytest.raises(perago.TaskDefinitionError, match="no JSON schema of Silent: it does not say"):
        schema_for_model(Silent)


def test_a_workspace_tasks_schemas_hold_workspace_and_params() -> None:
    """Both keys are required, the type key is spelled ref_type, and nothing else is taken."""
    taskdef = perago.build_taskdef(task_of(idle))
    assert (taskdef["inputKeys"], taskdef["outputKeys"]) == (["workspace", "params"], ["workspace", "result"])
    schema = taskdef["inputSchema"]
    assert {key: schema[key] for key in ("name", "version", "type")} == {
        "name": "features.build.input",
        "version": TASKDEF_SCHEMA_VERSION,
        "type": TASKDEF_SCHEMA_TYPE,
    }
    workspace = schema["data"]["properties"]["workspace"]
    assert list(workspace["properties"]) == ["repository", "branch", "ref_type", "ref"]
    assert schema["data"]["additionalProperties"] is workspace["additionalProperties"] is False
    assert taskdef["outputSchema"]["name"] == "features.build.output"
    assert (TASKDEF_SCHEMA_VERSION, TASKDEF_SCHEMA_TYPE) == (1, "JSON")


def test_a_workspace_free_tasks_schemas_hold_params_alone() -> None:
    """`params` in, `result` out."""
    taskdef = perago.build_taskdef(free_task_of(lambda params: None))  # type: ignore[arg-type,return-value]
    assert (taskdef["inputKeys"], taskdef["outputKeys"]) == (["params"], ["result"])
    assert taskdef["inputSchema"]["data"]["required"] == ["params"]


class Part(BaseModel):
    """A part that computes."""

    size: int = 1

    @computed_field
    def twice(self) -> int:
        """Two of them."""
        return 2 * self.size


class Box(BaseModel):
    """What goes out is not what comes in: aliases, computed fields, fields that are kept back."""

    model_config = ConfigDict(serialize_by_alias=True)
    width: float
    name: str = Field("box", alias="label", description="what it is called")
    price: Decimal = Decimal("1.50")
    parts: list[Part] = [Part(), Part(size=2)]
    note: str | None = Field(None, exclude_if=lambda note: note is None)
    secret: str = Field("s", exclude=True)

    @computed_field
    def area(self) -> float:
        return self.width**2

    @field_serializer("width")
    def rounded(self, width: float) -> float:
        return round(width, 1)


def declared(model: type[BaseModel]) -> perago.TaskDefinition:
    """A workspace-free task that takes and returns this model."""

    def body(params):  # type: ignore[no-untyped-def]
        return params

    body.__annotations__ = {"params": model, "return": model}
    return perago.task(name="n", owner_email="a@b")(body).__perago_task__


@pytest.mark.parametrize("params", [{"width": 2}, {"width": 2.25, "label": "crate", "note": "fragile", "price": "3"}])
def test_the_output_schema_says_exactly_what_is_sent(params: dict[str, Any]) -> None:
    """Field names and computed fields at every level; a validator of another project takes every output."""
    task = declared(Box)
    output = perago.invoke_workspace_free_task(task, {"params": params})
    schema = perago.build_taskdef(task)["outputSchema"]["data"]
    jsonschema.validate(output, schema)
    said = schema["properties"]["result"]
    assert set(said["properties"]) == {"width", "name", "price", "parts", "note", "area"}
    assert set(output["result"]) == set(said["properties"]) - ({"note"} if "note" not in params else set())
    assert set(said["required"]) <= set(output["result"])
    assert said["properties"]["parts"]["items"] == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "size": {"type": "integer", "default": 1},
            "twice": {"type": "integer", "description": "Two of them.", "readOnly": True},
        },
        "required": ["twice"],
    }
    for more in ({"label": "crate"}, {"secret": "s"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"result": output["result"] | more}, schema)


def test_the_input_schema_says_what_is_accepted() -> None:
    """Aliases, and nothing that is computed."""
    schema = perago.build_taskdef(declared(Box))["inputSchema"]["data"]["properties"]["params"]
    assert set(schema["properties"]) == {"width", "label", "price", "parts", "note", "secret"}
    assert schema["required"] == ["width"]
    assert schema_for_model(Box) == schema


def test_a_definition_without_controls_has_the_defaults() -> None:
    """One that was made by hand may say None."""
    bare = perago.TaskDefinition("n", "a@b", lambda params: params, Leaf, Leaf, controls=None)  # type: ignore[arg-type]
    whole = perago.TaskDefinition("n", "a@b", lambda params: params, Leaf, Leaf)
    assert perago.build_taskdef(bare) == perago.build_taskdef(whole)


def test_what_no_output_can_be_is_named() -> None:
    """A field whose values have no JSON, and a result that is not an object with fields."""

    class Hooked(BaseModel):
        hook: Callable[[], None]

    for model, words in ((Hooked, r"Hooked\.hook"), (Root, "Root is a RootModel")):
        with pytest.raises(perago.TaskDefinitionError, match=words):
            perago.build_taskdef(perago.TaskDefinition("n", "a@b", lambda params: params, Leaf, model))


BUDGET = perago.PublishBudget(1, 1, 300, 200, 100, 100)


def budgeted(read_only: bool, response: int) -> perago.TaskDefinition:
    controls = perago.TaskControls(timeout=perago.TimeoutPolicy(response_seconds=response), publish_budget=BUDGET)
    spec = perago.WorkspaceSpec(prefix="/secret", pre=[perago.require_file("guarded")], read_only=read_only)

    @perago.task(name="n", owner_email="a@b", workspace=spec, controls=controls)
    def body(workspace: Path, params: Leaf) -> Leaf:
        return params

    return body.__perago_task__


def test_a_response_timeout_below_the_budget_is_warned_about() -> None:
    """The UserWarning has both numbers; at the budget, or read-only, there is none."""
    with pytest.warns(UserWarning, match=r"response_seconds=699.*700"):
        perago.build_taskdef(budgeted(False, 699))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        perago.build_taskdef(budgeted(False, 700))
        perago.build_taskdef(budgeted(True, 1))


def test_guardrails_prefix_and_budget_never_appear() -> None:
    """They do not concern Conductor."""
    text = json.dumps(perago.build_taskdef(budgeted(False, 700)))
    for words in ("guarded", "secret", "inputTemplate", "budget", "300"):
        assert words not in text


def test_a_taskdef_is_written_with_its_folders(tmp_path: Path) -> None:
    """Parent folders are made, the path is returned, and the file is the TaskDef."""
    path = perago.write_taskdef(task_of(idle), tmp_path / "a" / "b.json")
    assert json.loads(path.read_text()) == perago.build_taskdef(task_of(idle))


@pytest.mark.parametrize("name", ["b.yaml", "b", "folder.json"])
def test_only_a_json_files_path_is_taken(tmp_path: Path, name: str) -> None:
    """Another suffix, none, and a folder are refused, and no folder is made."""
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(perago.TaskDefinitionError, match=r"'features\.build': the TaskDef goes to a \.json file"):
        perago.write_taskdef(task_of(idle), tmp_path / "new" / name if name != "folder.json" else tmp_path / name)
    assert not (tmp_path / "new").exists()
