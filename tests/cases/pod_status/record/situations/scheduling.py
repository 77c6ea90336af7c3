"""Pods for which no node is found."""

import time

from tests.cases.pod_status.record.situation import Object, Situation, condition, created

UNSCHEDULABLE = condition("PodScheduled", "False")


def unschedulable(name: str, story: str, template: Object | None = None, **spec: object) -> Situation:
    """A pod that the scheduler says it cannot place."""
    return Situation(name, story, UNSCHEDULABLE, template=template or {}, spec=dict(spec))


def resources(**requests: str) -> Object:
    """Resources of the task."""
    return {"requests": requests, "limits": requests}


SITUATIONS = (
    unschedulable("too_much_cpu", "No node has as much CPU.", resources=resources(cpu="100")),
    unschedulable("too_much_memory", "No node has as much memory.", resources=resources(memory="1Ti")),
    unschedulable(
        "too_much_ephemeral_storage",
        "No node has as much local storage.",
        resources=resources(**{"ephemeral-storage": "100Ti"}),
    ),
    unschedulable("no_gpu", "No node has a GPU.", resources=resources(**{"nvidia.com/gpu": "1"})),
    unschedulable("node_selector", "No node has the label.", {"nodeSelector": {"example.com/pool": "none"}}),
    unschedulable(
        "node_affinity",
        "No node fits the affinity.",
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "example.com/zone", "operator": "Exists"}]}]
                    }
                }
            }
        },
    ),
    unschedulable(
        "pod_affinity",
        "No node runs a pod that this one wants to be with.",
        {
            "affinity": {
                "podAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"labelSelector": {"matchLabels": {"app": "none"}}, "topologyKey": "kubernetes.io/hostname"}
                    ]
                }
            }
        },
    ),
    unschedulable(
        "topology_spread",
        "No node lies in a zone, over which the pods have to be spread.",
        {
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "example.com/zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"app": "none"}},
                }
            ]
        },
    ),
    unschedulable(
        "claim_missing",
        "A volume's claim does not exist.",
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "none"}}]},
    ),
    unschedulable(
        "storage_class_missing",
        "The workspace's storage class does not exist.",
        volume={"size": "1Gi", "storageClassName": "none"},
    ),
    Situation(
        "gated",
        "A queue holds the pod back.",
        condition("PodScheduled", "False", "SchedulingGated"),
        template={"schedulingGates": [{"name": "example.com/queue"}]},
    ),
    Situation(
        "no_scheduler",
        "The pod names a scheduler that does not exist.",
        created,
        template={"schedulerName": "none"},
        when=created,
        act=lambda stage, pod: time.sleep(3),
    ),
)
