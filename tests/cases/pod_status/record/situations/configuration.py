"""Containers that cannot be created or started as they are declared."""

from tests.cases.pod_status.record.situation import Object, Situation, ended, failed, task, waits
from tests.cases.pod_status.record.stage import CODE_MOUNT

CONFIG_ERROR = waits("task", "CreateContainerConfigError")


def variable(source: Object) -> Object:
    """A template that gives the task a variable from somewhere."""
    return task(env=[{"name": "SETTING", "valueFrom": source}])


def unstartable(name: str, story: str, **fields: object) -> Situation:
    """A task whose process the runtime cannot start."""
    return Situation(name, story, ended("task"), template=task(**fields))


SITUATIONS = (
    Situation(
        "secret_missing",
        "An environment variable comes from a Secret that does not exist.",
        CONFIG_ERROR,
        template=variable({"secretKeyRef": {"name": "settings", "key": "a"}}),
        sequence=True,
    ),
    Situation(
        "config_map_missing",
        "An environment variable comes from a ConfigMap that does not exist.",
        CONFIG_ERROR,
        template=variable({"configMapKeyRef": {"name": "settings", "key": "a"}}),
    ),
    Situation(
        "config_map_key_missing",
        "An environment variable comes from a key that its ConfigMap does not have.",
        CONFIG_ERROR,
        template=variable({"configMapKeyRef": {"name": "situation", "key": "a"}}),
    ),
    Situation(
        "sub_path_wrong",
        "A volume is mounted by a sub-path that leads through a file.",
        CONFIG_ERROR,
        template=task(
            volumeMounts=[
                {"name": "situation", "mountPath": "/opt/part", "subPath": "situation.py/part", "readOnly": True}
            ]
        ),
    ),
    unstartable("command_missing", "The image does not have the command.", command=["no-such-command"]),
    unstartable("program_missing", "The command is a path that does not exist.", command=["/no/such/program"]),
    unstartable("program_not_executable", "The command is a file that may not be executed.", command=["/etc/hostname"]),
    unstartable("program_is_a_folder", "The command is a folder.", command=["/opt"]),
    unstartable(
        "program_of_no_format",
        "The command is a file that is neither a program nor a script.",
        command=[f"{CODE_MOUNT}/no-interpreter"],
    ),
    unstartable(
        "interpreter_missing",
        "The command is a script whose interpreter does not exist.",
        command=[f"{CODE_MOUNT}/no-such-interpreter"],
    ),
    unstartable("working_directory_wrong", "The working directory is a file.", workingDir="/etc/hostname"),
    unstartable("working_directory_unmakable", "The working directory cannot be made.", workingDir="/proc/none"),
    unstartable(
        "mount_over_a_file",
        "A folder is mounted where the image has a file.",
        volumeMounts=[{"name": "situation", "mountPath": "/etc/hostname.d/../os-release", "readOnly": True}],
    ),
    Situation(
        "memory_limit_too_low",
        "The memory limit does not suffice for a process to begin.",
        ended("task"),
        spec={"resources": {"limits": {"memory": "100Ki"}, "requests": {"memory": "100Ki"}}},
    ),
    Situation(
        "arguments_too_long",
        "An environment variable is longer than the kernel takes.",
        ended("task"),
        template=task(env=[{"name": "SETTING", "value": "x" * 140_000}]),
    ),
    Situation(
        "post_start_hook_failed",
        "A pod template gave the task a postStart hook, which failed.",
        failed,
        template=task(lifecycle={"postStart": {"exec": {"command": ["python", "-c", "raise SystemExit(2)"]}}}),
    ),
    Situation(
        "liveness_probe_failed",
        "A pod template gave the task a liveness probe, which failed, so that the kubelet ended it.",
        failed,
        template=task(
            livenessProbe={
                "exec": {"command": ["python", "-c", "raise SystemExit(2)"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
            }
        ),
    ),
)
