"""The workspace of a Conductor payload: repository, branch, immutable ref. Pure."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, field_validator, model_serializer, model_validator


class _WorkspaceReference(BaseModel):
    """`repository`, `branch` and an immutable ref; the type key is dumped as it was spelled in the input."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    repository: str
    branch: str
    ref_type: Literal["commit"]
    ref: str
    _spelling: str = PrivateAttr("ref_type")

    @model_validator(mode="wrap")
    @classmethod
    def _either_spelling(cls, value: Any, handler: Any) -> Self:
        if not isinstance(value, Mapping):
            return handler(value)  # type: ignore[no-any-return]
        if "refType" not in value:
            return handler(dict(value))  # type: ignore[no-any-return]
        if "ref_type" in value:
            raise ValueError("refType and ref_type are two spellings of one key; give one of them")
        reference: Self = handler({("ref_type" if key == "refType" else key): item for key, item in value.items()})
        reference._spelling = "refType"
        return reference

    @field_validator("repository", "branch", "ref")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value

    @model_serializer(mode="plain")
    def _as_spelled(self) -> dict[str, str]:
        return {"repository": self.repository, "branch": self.branch, self._spelling: self.ref_type, "ref": self.ref}

    def __eq__(self, other: object) -> bool:
        """Equal when they name the same ref; the spelling of the type key does not count."""
        return type(other) is type(self) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, str, str, str]:
        return (self.repository, self.branch, self.ref_type, self.ref)


class WorkspaceOutput(_WorkspaceReference):
    """The workspace of a completed attempt: that of its input, at the ref that it ended on.

    Parameters
    ----------
    repository, branch, ref_type, ref : str
        As in `WorkspaceInput`.

    Examples
    --------
    >>> import perago
    >>> perago.WorkspaceOutput(repository="weather", branch="main", ref_type="commit", ref="9b1c").model_dump()
    {'repository': 'weather', 'branch': 'main', 'ref_type': 'commit', 'ref': '9b1c'}
    """


class WorkspaceInput(_WorkspaceReference):
    """The workspace of an attempt: the commit that it starts from, and the branch that it advances.

    Parameters
    ----------
    repository : str
        The repository.
    branch : str
        The target branch.
    ref_type : "commit"
        Also taken as `refType`; it is dumped as it was spelled.
    ref : str
        The id of the commit.

    Raises
    ------
    pydantic.ValidationError
        A value is missing, blank or not a str, the type is not "commit", or there is another key.

    Examples
    --------
    >>> import perago
    >>> workspace = perago.WorkspaceInput.model_validate(
    ...     {"repository": "weather", "branch": "main", "refType": "commit", "ref": "4f2a"}
    ... )
    >>> workspace.published_output("9b1c").model_dump()
    {'repository': 'weather', 'branch': 'main', 'refType': 'commit', 'ref': '9b1c'}
    """

    def published_output(self, ref: str) -> WorkspaceOutput:
        """This workspace at `ref`, its type key spelled as here; raises pydantic's ValidationError on a blank ref."""
        output = WorkspaceOutput(repository=self.repository, branch=self.branch, ref_type=self.ref_type, ref=ref)
        output._spelling = self._spelling
        return output
