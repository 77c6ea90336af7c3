"""A writable task with everything that a declaration can say."""

from enum import Enum
from pathlib import Path

from pydantic import BaseModel, Field

import perago


class Quality(Enum):
    LOW = "low"
    HIGH = "high"


class Shot(BaseModel):
    """One shot; what a model says about itself stays out of the TaskDef."""

    title: str
    frames: int = Field(ge=1, description="how many frames it has")


class RenderParams(BaseModel):
    shots: list[Shot] = Field(description="in order")
    quality: Quality = Quality.LOW


class RenderReport(BaseModel):
    rendered: int
    folder: Path = Path("out")


@perago.task(
    name="audio.render",
    owner_email="render@example.org",
    description="renders the shots",
    workspace=perago.WorkspaceSpec(
        prefix="/audio/render",
        pre=[perago.require_dir("raw"), perago.require_glob("raw/**/*.wav", min_count=1, max_count=9)],
        post=[perago.require_file("out/index.txt"), perago.forbid_glob("**/*.tmp")],
    ),
    controls=perago.TaskControls(
        retry=perago.RetryPolicy(
            count=10, logic="EXPONENTIAL_BACKOFF", delay_seconds=5, max_delay_seconds=300, jitter_ms=250
        ),
        timeout=perago.TimeoutPolicy(
            policy="RETRY", seconds=7200, response_seconds=900, poll_seconds=60, total_seconds=86400
        ),
        limits=perago.ExecutionLimits(
            concurrent_exec_limit=4, rate_limit_frequency_in_seconds=60, rate_limit_per_frequency=10
        ),
        publish_budget=perago.PublishBudget(
            observed_merge_p99_seconds=20,
            safety_margin_seconds=10,
            lakefs_merge_timeout_seconds=60,
            conductor_completion_timeout_seconds=30,
            worker_shutdown_grace_seconds=30,
            heartbeat_interval_seconds=60,
        ),
    ),
)
def render(workspace: Path, params: RenderParams) -> RenderReport:
    out = workspace / "out"
    out.mkdir()
    (out / "index.txt").write_text("\n".join(f"{shot.title} {params.quality.value}" for shot in params.shots))
    return RenderReport(rendered=sum(shot.frames for shot in params.shots))
