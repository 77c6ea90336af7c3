"""A workspace-free task that fails in both ways, and answers with what its model takes."""

from pydantic import BaseModel, ConfigDict, Field

import perago


class ScoreParams(BaseModel):
    model_config = ConfigDict(extra="allow")
    values: list[float]
    least: int = Field(1, alias="atLeast")


class Score(BaseModel):
    mean: float


@perago.task(name="score", owner_email="a@example.org", controls=perago.TaskControls(retry=perago.RetryPolicy(count=0)))
def score(params: ScoreParams) -> Score:
    if not params.values:
        raise perago.TaskTerminalError("no values")
    if len(params.values) < params.least:
        raise perago.TaskFailed(f"{len(params.values)} of {params.least} values")
    return {"mean": sum(params.values) / len(params.values)}  # type: ignore[return-value]
