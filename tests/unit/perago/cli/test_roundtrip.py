"""The warning for models that refuse, as params, what they send as a result; each case is tried for real as well."""

import json
from typing import Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    computed_field,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from perago.cli import main
from perago.cli.roundtrip import refused_again
from tests.unit.perago.cli.conftest import GOOD, ModuleMaker


class Plain(BaseModel):
    width: float = 1


class Computed(BaseModel):
    width: float = 1

    @computed_field
    def area(self) -> float:
        return self.width**2


class Aliased(BaseModel):
    width: float = Field(1, alias="w")


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    line_width: float = 1


class Chosen(BaseModel):
    width: float = Field(1, validation_alias=AliasChoices("w", AliasPath("size", 0)))


class Kept(BaseModel):
    secret: str = Field("x", exclude=True)


class Secret(BaseModel):
    secret: str = Field(exclude=True)


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True)
    width: float = Field(1, alias="w")


class NameChosen(BaseModel):
    width: float = Field(1, validation_alias=AliasChoices("w", "width"))


class Sent(BaseModel):
    width: float = Field(1, serialization_alias="w")


class Cleaned(Computed):
    @model_validator(mode="before")
    @classmethod
    def without_area(cls, value: Any) -> Any:
        return {key: item for key, item in value.items() if key != "area"}


class Written(Aliased):
    @model_serializer
    def write(self) -> dict[str, float]:
        return {"w": self.width}


class Listed(RootModel[list[Plain]]):
    root: list[Plain] = []


class Outer(BaseModel):
    inner: dict[str, list[Computed] | None] = {"a": [Computed()]}
    other: "Outer | None" = None


SAMPLES = [Plain(), Computed(), Aliased(), Generated(), Chosen(), Kept(), Secret(secret="x"), ByName(), NameChosen()]
SAMPLES += [Sent(), Cleaned(), Written(), Outer()]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_the_warning_tells_what_a_round_trip_shows(sample: BaseModel) -> None:
    """A model that is warned of refuses its output, and no other does."""
    sent = sample.model_dump(mode="json", by_alias=False)
    try:
        type(sample).model_validate(sent, extra="forbid")
    except ValidationError:
        assert refused_again(type(sample)) != []
    else:
        assert refused_again(type(sample)) == []


def test_each_difference_is_named() -> None:
    """With the model, however deep it is."""
    assert refused_again(Outer) == [
        "Computed does not take back what it sends (computed field 'area'): "
        "as the params of a next task it refuses its own output"
    ]
    assert "field 'width' is taken only as 'w' or 'size.0'" in refused_again(Chosen)[0]
    assert "field 'secret' is required and never sent" in refused_again(Secret)[0]
    assert refused_again(Listed) == []


def test_check_shows_the_keys_that_come_in_and_those_that_go_out(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Aliases of params, and names and computed fields of results."""
    computed = "\n\n    @computed_field\n    def half(self) -> float:\n        return self.lines / 2\n"
    source = GOOD.replace("lines: int", 'lines: int = Field(alias="n")' + computed).replace(
        "factor: int = Field(2,", "factor: int = Field(2, alias='f',"
    )
    assert main(["check", module("from pydantic import computed_field\n" + source), "--json"]) == 0
    task = json.loads(capsys.readouterr().out)["task"]
    assert (task["params"], task["result"]) == ({"f": "int = 2"}, {"lines": "int", "half": "float"})


def test_check_warns(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """In its answer, with the task's name."""
    source = GOOD.replace("lines: int", 'lines: int = Field(alias="n")').replace("Report(lines=", "Report(n=")
    assert main(["check", module(source)]) == 0
    assert "warning    task 'text.repeat': result: Report does not take back" in capsys.readouterr().out


def test_check_warns_of_a_default_that_json_cannot_say(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """Conductor refuses the TaskDef."""
    assert main(["check", module(GOOD.replace("int = Field(2,", "float = Field(float('inf'),"))]) == 0
    assert "warning    task 'text.repeat': the TaskDef's inputSchema has a NaN" in capsys.readouterr().out
