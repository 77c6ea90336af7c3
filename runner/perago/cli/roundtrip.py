"""Whether models take back, as the params of a next task, what they send as a result. Looks at classes only."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel
from pydantic.fields import FieldInfo


def refused_again(model: type[BaseModel]) -> list[str]:
    """A sentence for the model, and for each model within it, that would refuse its own output."""
    return [
        f"{part.__name__} does not take back what it sends ({', '.join(differences)}): "
        "as the params of a next task it refuses its own output"
        for part in _models(model)
        if (differences := _differences(part))
    ]


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and all that its fields hold, each once."""
    models: list[type[BaseModel]] = []
    pending: list[Any] = [model]
    while pending:
        kind = pending.pop(0)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in models:
                models.append(kind)
                pending += [field.annotation for field in kind.model_fields.values() if not field.exclude]
        else:
            pending += get_args(getattr(kind, "__value__", kind))
    return models


def _differences(model: type[BaseModel]) -> list[str]:
    if issubclass(model, RootModel) or _has_own_words(model):
        return []
    computed = [f"computed field {name!r}" for name in model.model_computed_fields]
    return computed + [
        difference for name, field in model.model_fields.items() for difference in _of(model, name, field)
    ]


def _has_own_words(model: type[BaseModel]) -> bool:
    """Whether functions of the model change what comes in or goes out, so that its fields do not tell."""
    decorators = model.__pydantic_decorators__
    modes = {decorator.info.mode for decorator in decorators.model_validators.values()}
    return bool(decorators.model_serializers) or not modes.isdisjoint({"before", "wrap"})


def _of(model: type[BaseModel], name: str, field: FieldInfo) -> Iterator[str]:
    if field.exclude:
        if field.is_required():
            yield f"field {name!r} is required and never sent"
        return
    accepted = _accepted(field.validation_alias, name)
    by_name = model.model_config.get("validate_by_name") or model.model_config.get("populate_by_name")
    if name not in accepted and not by_name:
        yield f"field {name!r} is taken only as {' or '.join(map(repr, accepted))}"


def _accepted(alias: str | AliasPath | AliasChoices | None, name: str) -> list[str]:
    if alias is None:
        return [name]
    if isinstance(alias, AliasChoices):
        return [key for choice in alias.choices for key in _accepted(choice, name)]
    return [alias] if isinstance(alias, str) else [".".join(map(str, alias.path))]
