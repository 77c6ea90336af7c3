"""The demo's steps in order, each with a check of its result."""

from dataclasses import dataclass
from pathlib import Path

from perago_dev import release
from perago_dev.cluster.target import open_cluster
from perago_dev.demo import checks, claims, definitions, own_task, registering, secrecy
from perago_dev.demo.cluster import NAMESPACE
from perago_dev.demo.stage import Stage
from perago_dev.demo.story import Story, agreed
from perago_dev.demo.workspace import Workspace
from perago_dev.environment import Environment
from perago_dev.images import dockerfiles
from perago_dev.objects import Object
from perago_dev.up import Wanted, up

EXAMPLE_IMAGE = "example-weather"
GONE_SECONDS = 30.0
"""How long the pod and the staging branch of a finished attempt may still exist."""


@dataclass(frozen=True)
class Images:
    """The references by which pods name the example's image and that of the demo's own task."""

    example: str
    own: str


@dataclass(frozen=True)
class Published:
    """The results of the workflow: its branch, the head of the branch, and the attempts that ran."""

    branch: str
    head: str
    attempts: tuple[str, ...]


def play(name: str, story: Story) -> Published:
    """Run all steps. Raises EnvironmentProblem at the first that fails."""
    env = bring_up(name, story)
    built = prepare(env, story)
    stage, start = set_the_stage(env, built, story)
    published = run_workflow(stage, start, story)
    claims.show(stage, start, built.own, story)
    run_by_hand(stage, published, story)
    nothing_is_left(stage, story)
    no_key_is_shown(stage, story)
    return published


def bring_up(name: str, story: Story) -> Environment:
    """Bring the environment up, unless it is already running."""
    with story.step("environment up", tells=True) as outcome:
        env = up(Wanted(name))
        outcome.append(f"Conductor {env.conductor_url}, lakeFS {env.lakefs_endpoint}")
    return env


def prepare(env: Environment, story: Story) -> Images:
    """Install the chart and build the images of the tasks."""
    with story.step("chart installed") as outcome:
        release.install(env, [NAMESPACE])
        outcome.append(f"release {release.RELEASE} in {release.SYSTEM_NAMESPACE}")
    with story.step("task images built") as outcome:
        own = _built(env, own_task.IMAGE_NAME, own_task.IMAGE_FOLDER)
        loaded = Images(*open_cluster(env).load([example_image(env), own]))
        outcome += [loaded.example, loaded.own]
    return loaded


def example_image(env: Environment) -> str:
    """The reference of the example's image, which is built if necessary."""
    return _built(env, EXAMPLE_IMAGE, definitions.EXAMPLE)


def _built(env: Environment, name: str, folder: Path) -> str:
    return dockerfiles.build(folder / "Dockerfile", folder, name, {"RUNNER_IMAGE": env.runner_image})


def set_the_stage(env: Environment, built: Images, story: Story) -> tuple[Stage, checks.Commit]:
    """Register definitions and fill the repository; also returns the commit that the workflows start from."""
    keys = (env.lakefs_endpoint, env.lakefs_access_key, env.lakefs_secret_key)
    with story.step("repository filled") as outcome:
        workspace = Workspace.of(*keys, definitions.REPOSITORY)
        start = workspace.commit(workspace.fill(definitions.OBSERVATIONS, definitions.observations()))
        checks.exact_files(workspace.files(start.id), definitions.INPUT_FILES)
        outcome.append(f"{definitions.REPOSITORY}@{start.id[:12]} holds {definitions.OBSERVATIONS}")
    stage = Stage.of(env, workspace)
    remove_interrupted(stage)
    with story.step("definitions registered") as outcome:
        registering.register(env.conductor_url, env.state_dir / "logs" / "register.log")
        stage.cluster.apply(*definitions.perago_tasks(built.example), *own_task.perago_tasks(built.own))
        outcome.append("4 tasks and 3 workflows in Conductor, 4 PeragoTasks in Kubernetes")
    return stage, start


def remove_interrupted(stage: Stage) -> None:
    """End what an interrupted demo left behind: its own task would wait forever."""
    for task_type in (own_task.PATIENT, own_task.CUT_OFF):
        for workflow in stage.conductor.running(task_type):
            stage.conductor.terminate(workflow)
    for attempt in stage.cluster.attempts():
        if not checks.is_complete(attempt):
            stage.cluster.remove(attempt["metadata"]["name"])


def run_workflow(stage: Stage, start: checks.Commit, story: Story) -> Published:
    """Run the workflow to its end, and check what it published."""
    branch = stage.workspace.new_branch(start.id)
    with story.step("workflow completed", tells=True) as outcome:
        identity = stage.conductor.start(definitions.WORKFLOW, definitions.workflow_input(branch, start.id))
        tasks = checks.workflow_completed(stage.follower.workflow(stage.conductor, identity))
        for task, want in zip(tasks, (definitions.FIGURES, definitions.REPORT), strict=True):
            checks.result_is(task, want)
        outcome.append(f"{len(tasks)} tasks COMPLETED in Conductor, each with the right result")
    names = [str(task["taskId"]) for task in tasks]
    with story.step("attempts complete", tells=True) as outcome:
        attempts = stage.follower.attempts(names)
        for attempt in attempts:
            checks.attempt_succeeded(attempt, "Accepted")
        outcome.append("reports accepted, read back from Conductor")
    head = check_publications(stage.workspace, branch, start, list(zip(tasks, attempts, strict=True)), story)
    return Published(branch, head, tuple(names))


def check_publications(
    workspace: Workspace, branch: str, start: checks.Commit, done: list[tuple[Object, Object]], story: Story
) -> str:
    """Check that each task's commit is on its input ref and names its attempt; returns the branch's head."""
    with story.step("publications checked") as outcome:
        ref = start.id
        for task, attempt in done:
            commit = workspace.commit(checks.published_ref(task))
            checks.publication(commit, ref, attempt)
            ref = commit.id
        checks.head_is(workspace.commit(branch).id, ref)
        check_files(workspace, ref, definitions.TITLE)
        outcome.append(f"{branch}: {start.id[:8]} → {' → '.join(checks.published_ref(task)[:8] for task, _ in done)}")
    return ref


def check_files(workspace: Workspace, ref: str, title: str) -> None:
    """Check that exactly the expected files exist, and that the picture and the report are what they should be."""
    checks.exact_files(workspace.files(ref), definitions.INPUT_FILES | definitions.PUBLISHED_FILES)
    checks.picture(workspace.read(ref, definitions.PICTURE), definitions.PICTURE_SIZE)
    checks.report(workspace.read(ref, definitions.REPORT_FILE).decode(), title, definitions.YEARS)


def nothing_is_left(stage: Stage, story: Story) -> None:
    """Check that no pod, staging branch or finalizer is left shortly after the attempts' end."""

    def look() -> None:
        checks.nothing_left(stage.cluster.pods(), stage.workspace.staging_branches(), stage.cluster.attempts())

    with story.step("nothing left behind") as outcome:
        agreed(look, GONE_SECONDS)
        outcome.append("no pod, no staging branch, no finalizer")


def run_by_hand(stage: Stage, published: Published, story: Story) -> None:
    """The plain attempt: applied with kubectl and unknown to Conductor, it publishes just the same."""
    with story.step("attempt by hand", tells=True) as outcome:
        manifest = definitions.attempt(published.branch, published.head)
        name = manifest["metadata"]["name"]
        stage.cluster.remove(name)
        stage.cluster.apply(manifest)
        (attempt,) = stage.follower.attempts([name])
        checks.attempt_succeeded(attempt, "NotRequired")
        head = stage.workspace.commit(published.branch)
        checks.publication(head, published.head, attempt)
        check_files(stage.workspace, head.id, manifest["spec"]["input"]["params"]["title"])
        outcome.append(f"{name} published {head.id[:8]} on {published.branch}")


def no_key_is_shown(stage: Stage, story: Story) -> None:
    """Check that no log, event or status of the operator, the agents and the tasks shows a key."""
    with story.step("no key is visible") as outcome:
        texts = stage.texts()
        secrecy.absent(texts, secrecy.keys(stage.env))
        outcome.append(f"{len(texts)} logs, events and attempts searched")
