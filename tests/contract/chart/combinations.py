"""Choices of the chart's values, and so few rows of them that each pair of two choices occurs in one row at least."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

Choice = tuple[str, str]
"""A row of `CHOICES`, and the name of one of its alternatives."""

SERVERS = '[{"to":[{"ipBlock":{"cidr":"10.1.2.3/32"}}],"ports":[{"port":443}]}]'
POLICY = (
    "networkPolicy.enabled=true",
    'networkPolicy.apiServer.cidrs=["10.0.0.1/32"]',
    f"networkPolicy.servers={SERVERS}",
)

CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "scope": {"all": ('namespaces=["one"]',), "two": ("clusterWide=false", 'namespaces=["one","two"]')},
    "replicas": {"one": (), "three": ("replicas=3", 'podDisruptionBudget.minAvailable="50%"')},
    "network": {
        "open": (),
        "closed": POLICY,
        "internet": (*POLICY, "networkPolicy.internet=true", f"networkPolicy.attempts={SERVERS}"),
    },
    "monitoring": {
        "none": ("metrics.service=false",),
        "service": (
            "metrics.serviceMonitor.enabled=true",
            "metrics.prometheusRule.enabled=true",
            'metrics.prometheusRule.alertLabels={"team":"data"}',
            'metrics.prometheusRule.runbookUrl="https://docs.example/operations#"',
            'metrics.prometheusRule.disabled=["PeragoNoLeader"]',
        ),
        "pods": (
            "metrics.podMonitor.enabled=true",
            'metrics.podMonitor.labels={"release":"prometheus"}',
            "metrics.dashboard.enabled=true",
            'metrics.dashboard.annotations={"grafana_folder":"Perago"}',
        ),
    },
    "accounts": {
        "made": ('serviceAccount.annotations={"a":"b"}', 'runner.serviceAccountAnnotations={"a":"b"}'),
        "given": (
            "serviceAccount.create=false",
            'serviceAccount.name="mine"',
            "runner.createServiceAccounts=false",
            "aggregatedRoles.create=false",
        ),
    },
    "user": {"fixed": (), "cluster": ("userFromCluster=true", "runner.hostUsers=false")},
    "names": {
        "default": (),
        "own": ('fullnameOverride="work"', 'commonLabels={"team":"data"}', 'podLabels={"team":"ops"}'),
    },
    "placing": {
        "default": (),
        "own": (
            'tolerations=[{"key":"system","operator":"Exists"}]',
            'affinity={"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":'
            '{"topologyKey":"topology.kubernetes.io/zone","labelSelector":{"matchLabels":{"a":"b"}}}}]}}',
            'nodeSelector={"kubernetes.io/os":"linux"}',
            'priorityClassName="system-cluster-critical"',
            'updateStrategy={"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":"50%"}}',
            'dnsPolicy="None"',
            'dnsConfig={"nameservers":["10.0.0.10"],"options":[{"name":"ndots","value":"2"}]}',
            'hostAliases=[{"ip":"10.1.2.3","hostnames":["lakefs.example"]}]',
        ),
    },
    "more": {
        "none": ("crds.install=false",),
        "all": (
            'extraVolumes=[{"name":"more","emptyDir":{}}]',
            'extraVolumeMounts=[{"name":"more","mountPath":"/more"}]',
            'extraEnv=[{"name":"PERAGO_LOG_LEVEL","value":"DEBUG"},{"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}]',
            'extraObjects=[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{ .Release.Name }}-more"}},'
            '"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: text}"]',
            'trustedCA.configMap="company"',
            'proxy.https="http://proxy:3128"',
            "nodeCache.enabled=true",
            'nodeCache.hostPath="/var/cache/perago"',
            'imagePullSecrets=[{"name":"registry"}]',
            'test.repository="repository"',
            'test.commit="a52a65d9"',
        ),
    },
}


def pairs(row: Sequence[Choice]) -> set[tuple[Choice, Choice]]:
    """All pairs of choices in a row."""
    return set(combinations(row, 2))


def all_pairs() -> set[tuple[Choice, Choice]]:
    """Every pair of two choices that can be made at once."""
    options = [[(name, alternative) for alternative in choices] for name, choices in CHOICES.items()]
    return {pair for one, other in combinations(options, 2) for pair in product(one, other)}


def rows() -> list[tuple[Choice, ...]]:
    """Rows that have every pair between them: each takes, name by name, what adds most pairs that are missing."""
    missing, found = all_pairs(), list[tuple[Choice, ...]]()
    while missing:
        row: tuple[Choice, ...] = min(missing)
        for name, choices in CHOICES.items():
            if name not in dict(row):
                options = [(*row, (name, alternative)) for alternative in choices]
                row = max(options, key=lambda option: len(_ordered(option) & missing))
        missing -= _ordered(row)
        found.append(tuple(sorted(row, key=lambda choice: list(CHOICES).index(choice[0]))))
    return found


def _ordered(row: Sequence[Choice]) -> set[tuple[Choice, Choice]]:
    return pairs(sorted(row, key=lambda choice: list(CHOICES).index(choice[0])))


def settings(row: Sequence[Choice]) -> list[str]:
    """The settings of a row."""
    return [setting for name, alternative in row for setting in CHOICES[name][alternative]]
