"""Changes its workspace as its parameters say."""

from pathlib import Path

from pydantic import BaseModel

import perago


class Params(BaseModel):
    write: dict[str, str] = {}
    delete: list[str] = []
    link: dict[str, str] = {}
    fail: str | None = None
    private: bool = False
    wait_for: str | None = None
    note: str | None = None


class Found(BaseModel):
    files: int
    note: str | None


@perago.task(name="writable", owner_email="team@example.com", workspace=perago.WorkspaceSpec())
def writable(workspace: Path, params: Params) -> Found:
    files = sum(1 for path in workspace.rglob("*") if path.is_file())
    for name in params.delete:
        (workspace / name).unlink()
    for name, text in params.write.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if params.private:
            path.chmod(0o600)
    for name, target in params.link.items():
        (workspace / name).symlink_to(target)
    while params.wait_for and not Path(params.wait_for).exists():
        pass
    if params.fail:
        raise perago.TaskFailed(params.fail)
    return Found(files=files, note=params.note)
