"""What the chart renders."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic.alias_generators import to_camel

from perago.wire.egress import ProxyServer
from perago_operator import settings
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.core import names
from perago_operator.core.config import AttemptLimits, NodeCache, TrustedCA

from .conftest import CHART, Helm

Object = dict[str, Any]
ROOT = CHART.parents[1]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """The objects of one kind."""
    return [one for one in objects if one["kind"] == kind]


def by_name(objects: list[Object]) -> dict[str, Object]:
    """The objects by their names."""
    return {one["metadata"]["name"]: one for one in objects}


def pod(objects: list[Object]) -> Object:
    """The operator's pod template."""
    (deployment,) = of_kind(objects, "Deployment")
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def environment(objects: list[Object]) -> dict[str, str]:
    """The operator's variables that have a value."""
    return {one["name"]: one["value"] for one in pod(objects)["containers"][0]["env"] if "value" in one}


def test_lint_finds_nothing(helm: Helm) -> None:
    """Warnings count as failures."""
    done = helm.run("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("keep", [True, False])
def test_crds_are_the_repositorys_own(helm: Helm, keep: bool) -> None:
    """Each file of crds/ is in the release, unchanged but for the mark that keeps it at uninstall."""
    rendered = by_name(of_kind(helm.template(f"crds.keep={str(keep).lower()}"), "CustomResourceDefinition"))
    own = by_name([yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")])
    marks = {one["metadata"].pop("annotations", {}).get("helm.sh/resource-policy") for one in rendered.values()}
    assert marks == {"keep" if keep else None}
    assert rendered == own


def test_crds_can_be_left_out(helm: Helm) -> None:
    """For clusters where they are managed elsewhere."""
    assert of_kind(helm.template("crds.install=false"), "CustomResourceDefinition") == []


def test_a_package_holds_the_crds_as_files(helm: Helm, tmp_path: Path) -> None:
    """The link to crds/ is followed, so that a packaged chart stands alone."""
    assert helm.run("package", str(CHART), "--destination", str(tmp_path)).returncode == 0
    (package,) = tmp_path.glob("*.tgz")
    shown = helm.run("template", str(package), "--kube-version", "v1.34.0").stdout
    assert "name: peragoattempts.perago.dev" in shown


def test_every_variable_is_one_that_the_operator_reads(helm: Helm) -> None:
    """A misspelt one would be ignored silently."""
    container = pod(helm.template())["containers"][0]
    known = {settings.variable(field) for field in settings.Settings.model_fields}
    assert {one["name"] for one in container["env"]} <= known


def test_the_operator_understands_its_variables(helm: Helm) -> None:
    """Its own reader turns them into the settings that the values ask for."""
    objects = helm.template(
        "clusterWide=false", 'namespaces=["a","b"]', 'imagePullSecrets=[{"name":"x"},{"name":"y"}]', "logJson=true"
    )
    read = settings.read(environment(objects))
    assert (read.namespaces, read.image_pull_secrets, read.log_json) == (("a", "b"), ("x", "y"), True)
    assert read.installation == "system.perago"
    assert (read.lease_name, read.lease_namespace) == ("perago-operator", "system")


def test_cluster_wide_is_told_by_no_namespaces(helm: Helm) -> None:
    """`namespaces` then only says where the runner's account is made."""
    objects = helm.template('namespaces=["a"]')
    assert settings.read(environment(objects)).namespaces == ()
    accounts = by_name(of_kind(objects, "ServiceAccount"))
    assert accounts["perago-operator"]["metadata"]["namespace"] == "system"
    assert accounts["perago-runner"]["metadata"]["namespace"] == "a"


def test_the_port_of_the_probes_is_the_operators(helm: Helm) -> None:
    """One port for probes and metrics, and it is the default of the settings."""
    (port,) = pod(helm.template())["containers"][0]["ports"]
    assert port["containerPort"] == settings.Settings.model_fields["http_port"].default


def test_the_pod_passes_the_restricted_profile(helm: Helm) -> None:
    """Numeric user, nothing writable but /tmp, no capability, seccomp."""
    template = pod(helm.template())
    container = template["containers"][0]["securityContext"]
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["runAsUser"] == 65532
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_secrets_come_by_reference(helm: Helm) -> None:
    """The chart creates none, mounts those that are named, and passes their names to the operator for the agents."""
    objects = helm.template('lakefs.secretName="lake"', 'conductor.secretName="cond"')
    mounted = {one["secret"]["secretName"] for one in pod(objects)["volumes"] if "secret" in one}
    assert of_kind(objects, "Secret") == []
    assert mounted == {"lake", "cond"}
    read = settings.read(environment(objects))
    assert (read.lakefs_secret, read.conductor_secret) == ("lake", "cond")


@pytest.mark.parametrize(("kind", "value"), [("ConfigMap", "configMap"), ("Secret", "secret")])
def test_trusted_authorities_are_mounted_and_passed_on(
    helm: Helm, kind: Literal["ConfigMap", "Secret"], value: str
) -> None:
    """The operator finds them where its settings say, and agents get the same."""
    objects = helm.template(f'trustedCA.{value}="company"', 'trustedCA.key="bundle.pem"')
    (volume,) = (one for one in pod(objects)["volumes"] if one["name"] == "trusted-ca")
    (mount,) = (one for one in pod(objects)["containers"][0]["volumeMounts"] if one["name"] == "trusted-ca")
    read = settings.read(environment(objects))
    assert volume[value]["items"] == [{"key": "bundle.pem", "path": read.trusted_ca.name}]
    assert mount["mountPath"] == str(read.trusted_ca.parent)
    assert read.config().pod.trusted_ca == TrustedCA(kind, "company", "bundle.pem")


def test_authorities_come_from_one_place(helm: Helm) -> None:
    """Of two names, one would be ignored."""
    done = helm.run("template", str(CHART), "--set", "trustedCA.configMap=a,trustedCA.secret=b")
    assert "trustedCA" in done.stderr


def test_proxies_reach_operator_and_agents(helm: Helm) -> None:
    """Servers in the cluster are exceptions by default; without a proxy nothing is set."""
    assert not {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} & set(environment(helm.template()))
    read = settings.read(environment(helm.template('proxy.https="http://proxy:3128"')))
    assert read.egress.proxies.to("https://conductor.example/api") == ProxyServer("proxy", 3128)
    assert read.egress.proxies.to("https://lakefs.jobs.svc") is None
    assert dict(read.config().pod.agent_variables).keys() == {"HTTPS_PROXY", "NO_PROXY"}


def test_patience_reaches_the_agents(helm: Helm) -> None:
    """Both times as they were given, and by default those of the settings."""
    given = settings.read(environment(helm.template("retrySeconds=7", "outageSeconds=3600"))).config().pod
    assert (given.retry_seconds, given.outage_seconds) == (7, 3600)
    fields = settings.Settings.model_fields
    otherwise = settings.read(environment(helm.template())).config().pod
    assert otherwise.retry_seconds == fields["retry_seconds"].default
    assert otherwise.outage_seconds == fields["outage_seconds"].default


def test_limits_and_pauses_are_those_of_the_settings_unless_given(helm: Helm) -> None:
    """A limit of 0 is none."""
    fields = settings.Settings.model_fields
    otherwise = settings.read(environment(helm.template())).model_dump()
    names = [name for name in fields if name.startswith(("limit_", "disruption_"))]
    assert {name: otherwise[name] for name in names} == {name: fields[name].default for name in names}
    given = ("limits.perTask=7", "limits.perNode=0", "disruptions.retries=1", "disruptions.backoffCapSeconds=2.5")
    config = settings.read(environment(helm.template(*given))).config()
    assert (config.limits.per_task, config.limits.per_node) == (7, None)
    assert (config.disruption_retries, config.disruption_backoff_cap) == (1, 2.5)


@pytest.mark.parametrize("presign", [True, False])
def test_agents_pass_lakefs_by_unless_the_chart_says_no(helm: Helm, presign: bool) -> None:
    """As the settings have it by default."""
    chosen = () if presign else ("lakefs.presign=false",)
    assert settings.read(environment(helm.template(*chosen))).config().pod.presign is presign


def test_a_node_cache_is_off_unless_it_is_wanted(helm: Helm) -> None:
    """Also where it says in which folder it would be."""
    read = settings.read(environment(helm.template('nodeCache.hostPath="/var/cache/perago"')))
    assert read.config().pod.node_cache is None


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        ("hostPath", "hostPath", "/var/cache/perago"),
        ("persistentVolumeClaim", "persistentVolumeClaim", "cache"),
    ],
)
def test_a_node_cache_reaches_the_agents_with_its_bounds(
    helm: Helm, value: str, kind: Literal["hostPath", "persistentVolumeClaim"], name: str
) -> None:
    """By default those of the settings."""
    where = ("nodeCache.enabled=true", f'nodeCache.{value}="{name}"')
    bounds = ('nodeCache.sizeLimit="2Gi"', "nodeCache.keepFreePercent=0")
    read = settings.read(environment(helm.template(*where, *bounds)))
    assert read.config().pod.node_cache == NodeCache(kind, name, 2 << 30, 0)
    fields = settings.Settings.model_fields
    default = settings.read(environment(helm.template(*where)))
    assert default.node_cache_size == fields["node_cache_size"].default
    assert default.node_cache_keep_free_percent == fields["node_cache_keep_free_percent"].default


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), "nodeCache.enabled needs nodeCache.hostPath or nodeCache.persistentVolumeClaim"),
        (("nodeCache.hostPath=/a", "nodeCache.persistentVolumeClaim=b"), "nodeCache"),
        (("nodeCache.hostPath=cache",), "nodeCache/hostPath"),
        (("nodeCache.hostPath=/a", "nodeCache.sizeLimit=1e9"), "nodeCache/sizeLimit"),
        (("nodeCache.hostPath=/a", "nodeCache.keepFreePercent=101"), "nodeCache/keepFreePercent"),
    ],
)
def test_a_node_cache_that_cannot_be_is_refused_by_name(helm: Helm, given: tuple[str, ...], told: str) -> None:
    """Before anything is installed."""
    switches = [word for value in ("nodeCache.enabled=true", *given) for word in ("--set", value)]
    done = helm.run("template", str(CHART), "--kube-version", "v1.34.0", *switches)
    assert done.returncode != 0
    assert told in done.stderr


def test_a_digest_wins_over_a_tag(helm: Helm) -> None:
    """An image is named exactly when one asks for it."""
    digest = "sha256:" + "0" * 64
    objects = helm.template('image.repository="r/operator"', 'image.tag="1"', f'image.digest="{digest}"')
    assert pod(objects)["containers"][0]["image"] == f"r/operator@{digest}"


@pytest.mark.parametrize("host_users", [True, False])
def test_pods_have_a_user_namespace_of_their_own_where_it_is_wanted(helm: Helm, host_users: bool) -> None:
    """The value arrives at the operator as it was given."""
    objects = helm.template(f"runner.hostUsers={str(host_users).lower()}")
    assert settings.read(environment(objects)).host_users is host_users


def test_bounds_of_attempts_reach_the_operator(helm: Helm) -> None:
    """By default those of the settings; an empty list allows nothing."""
    assert settings.read(environment(helm.template())).config().attempts == AttemptLimits()
    ceiling = 'attempts.ceiling={"memory":"8Gi","cpu":4,"storage":17179869184}'
    given = ("attempts.ownCode=false", "attempts.labels=[]", 'attempts.annotations=["a/"]', ceiling)
    more = ('attempts.runtimeClassNames=["kata"]', 'attempts.defaultRequests={"cpu":"100m","memory":1048576}')
    read = settings.read(environment(helm.template(*given, *more))).config().attempts
    most, requests = {"cpu": "4", "memory": "8Gi", "storage": "17179869184"}, {"cpu": "100m", "memory": "1048576"}
    assert read == AttemptLimits(False, ("kata",), (), ("a/",), most, requests)


def test_admission_policies_can_be_left_out(helm: Helm) -> None:
    """And are bound to the namespaces of a release that is not for all of them."""
    kind = "ValidatingAdmissionPolicyBinding"
    assert of_kind(helm.template("admissionPolicies.enabled=false"), kind) == []
    bindings = of_kind(helm.template("clusterWide=false", 'namespaces=["a","b"]'), kind)
    where = [one["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"] for one in bindings]
    assert where == [["a", "b"]] * 3
    assert not any("matchResources" in one["spec"] for one in of_kind(helm.template(), kind))


def test_the_sweep_of_staging_branches_can_be_set(helm: Helm) -> None:
    """By default it runs hourly over the repositories of attempts; 0 seconds, which switches it off, arrive as 0."""
    by_default = settings.read(environment(helm.template()))
    assert (by_default.repositories, by_default.sweep_seconds, by_default.sweep_age_seconds) == ((), 3600, 3600)
    given = ('stagingSweep.repositories=["one","two"]', "stagingSweep.everySeconds=0", "stagingSweep.ageSeconds=7200")
    read = settings.read(environment(helm.template(*given)))
    assert (read.repositories, read.sweep_seconds, read.sweep_age_seconds) == (("one", "two"), 0, 7200)


def test_the_tag_defaults_to_the_charts_version(helm: Helm) -> None:
    """Operator and runner of one release belong together."""
    objects = helm.template()
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert pod(objects)["containers"][0]["image"] == f"perago-operator:{version}"
    assert settings.read(environment(objects)).runner_image == f"perago-runner:{version}"


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("replica=2", "replica"),
        ("replicas=-1", "replicas"),
        ('logLevel="debug"', "logLevel"),
        ('lakefs.secretName=""', "lakefs/secretName"),
        ('lakefs.endpoint="http://x"', "endpoint"),
        ('namespaces="one"', "namespaces"),
        ('image.digest="latest"', "image/digest"),
        ('attempts.ceiling={"memory":"1e999999"}', "attempts/ceiling"),
        ('attempts.defaultRequests={"cpu":"1 core"}', "attempts/defaultRequests"),
        ('attempts.labels=["it\'s"]', "attempts/labels"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, setting: str, field: str) -> None:
    """Before anything is installed; the schema is closed at every level."""
    done = helm.run("template", str(CHART), "--kube-version", "v1.34.0", "--set-json", setting)
    assert done.returncode != 0
    assert field in done.stderr


POLICY = (
    "networkPolicy.enabled=true",
    'networkPolicy.apiServer.cidrs=["10.0.0.1/32"]',
    'networkPolicy.servers=[{"to":[{"ipBlock":{"cidr":"192.0.2.7/32"}}]}]',
)


def networks(rule: Object) -> list[str]:
    """The networks to which an egress rule leads."""
    return [peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer]


def test_attempts_reach_what_is_named_and_nobody_reaches_them(helm: Helm) -> None:
    """DNS, the API server and the servers, by the label that every pod of an attempt has."""
    objects = helm.template(*POLICY, 'namespaces=["a"]')
    policies = by_name(of_kind(objects, "NetworkPolicy"))
    attempts = policies["perago-attempts"]
    assert attempts["metadata"]["namespace"] == "a"
    assert attempts["spec"]["podSelector"] == {"matchLabels": {names.MANAGED_BY_LABEL: names.MANAGED_BY}}
    assert (attempts["spec"]["policyTypes"], attempts["spec"]["ingress"]) == (["Ingress", "Egress"], [])
    dns, *others = attempts["spec"]["egress"]
    assert networks(dns) == []
    assert {port["port"] for port in dns["ports"]} == {53}
    assert [networks(rule) for rule in others] == [["10.0.0.1/32"], ["192.0.2.7/32"]]
    assert policies["perago-operator"]["spec"]["egress"] == attempts["spec"]["egress"]


def test_the_internet_leaves_out_pods_nodes_and_metadata(helm: Helm) -> None:
    """For attempts alone, in both versions of IP."""
    policies = by_name(of_kind(helm.template(*POLICY, "networkPolicy.internet=true"), "NetworkPolicy"))
    *_, internet = policies["perago-attempts"]["spec"]["egress"]
    left_out = {peer["ipBlock"]["cidr"]: peer["ipBlock"]["except"] for peer in internet["to"]}
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(left_out["0.0.0.0/0"])
    assert left_out["::/0"] == ["fc00::/7", "fe80::/10"]
    assert "0.0.0.0/0" not in [
        network for rule in policies["perago-operator"]["spec"]["egress"] for network in networks(rule)
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("networkPolicy.enabled=true",), "networkPolicy.enabled needs networkPolicy.apiServer.cidrs"),
        (POLICY[:2], "networkPolicy.enabled needs networkPolicy.servers"),
        (("metrics.service=false", "metrics.serviceMonitor.enabled=true"), "needs metrics.service"),
        (('test.repository="weather"',), "test.repository needs test.commit"),
    ],
)
def test_values_that_contradict_each_other_are_refused(helm: Helm, given: tuple[str, ...], told: str) -> None:
    """With what is missing, and why."""
    words = (word for setting in given for word in ("--set-json", setting))
    done = helm.run("template", str(CHART), "--kube-version", "v1.34.0", *words)
    assert done.returncode != 0
    assert told in done.stderr


def test_labels_of_ones_own_leave_the_selector_alone(helm: Helm) -> None:
    """A label of the chart's wins, so that the Deployment finds its pods; the test's pod is nobody's replica."""
    labels = '{"app.kubernetes.io/name":"foo","team":"data"}'
    objects = helm.template(f"podLabels={labels}", f"commonLabels={labels}")
    (deployment,) = of_kind(objects, "Deployment")
    selector = deployment["spec"]["selector"]["matchLabels"]
    shown = deployment["spec"]["template"]["metadata"]["labels"]
    (test,) = of_kind(objects, "Pod")
    assert selector.items() <= shown.items()
    assert shown["team"] == "data"
    assert not selector.items() <= test["metadata"]["labels"].items()


def test_a_variable_of_ones_own_replaces_the_charts(helm: Helm) -> None:
    """A name that occurs twice would be refused, or one of the two ignored."""
    objects = helm.template('extraEnv=[{"name":"PERAGO_RETRY_SECONDS","value":"5"},{"name":"MORE","value":"x"}]')
    variables = [one["name"] for one in pod(objects)["containers"][0]["env"]]
    assert len(variables) == len(set(variables))
    assert settings.read(environment(objects)).retry_seconds == 5
    assert environment(objects)["MORE"] == "x"


def test_the_cluster_chooses_users_where_it_insists(helm: Helm) -> None:
    """For the operator, for the test, and for attempts."""
    objects = helm.template("userFromCluster=true")
    (test,) = of_kind(objects, "Pod")
    for spec in (pod(objects), test["spec"]):
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert settings.read(environment(objects)).config().pod.user_from_cluster


def test_the_runners_image_is_pulled_as_the_values_say(helm: Helm) -> None:
    """The operator hands it on to every pod."""
    objects = helm.template('runner.image.pullPolicy="Never"')
    assert settings.read(environment(objects)).config().pod.runner_pull_policy == "Never"


def test_the_test_is_one_pod_that_may_do_what_the_operator_may(helm: Helm) -> None:
    """`helm test --logs` asks for a pod's log for each hook, whatever kind it is of."""
    objects = helm.template('namespaces=["a","b"]', 'runner.image.tag="two"')
    hooks = [obj for obj in objects if "helm.sh/hook" in obj["metadata"].get("annotations", {})]
    (test,) = of_kind(objects, "Pod")
    assert hooks == [test]
    assert test["spec"]["serviceAccountName"] == pod(objects)["serviceAccountName"]
    arguments = test["spec"]["containers"][0]["args"]
    assert {"--namespace=a", f"--image={environment(objects)['PERAGO_RUNNER_IMAGE']}"} <= set(arguments)


def test_policies_know_an_operator_with_an_account_of_ones_own(helm: Helm) -> None:
    """They would refuse all that it writes otherwise."""
    objects = helm.template("serviceAccount.create=false", 'serviceAccount.name="mine"')
    shown = [str(policy) for policy in of_kind(objects, "ValidatingAdmissionPolicy")]
    assert pod(objects)["serviceAccountName"] == "mine"
    assert any("system:serviceaccount:system:mine" in policy for policy in shown)
    assert not any("system:serviceaccount:system:perago-operator" in policy for policy in shown)


def test_a_drain_leaves_a_replica(helm: Helm) -> None:
    """Where there is more than one: a budget for a single one would block drains for ever."""
    assert of_kind(helm.template(), "PodDisruptionBudget") == []
    (budget,) = of_kind(helm.template("replicas=2"), "PodDisruptionBudget")
    assert budget["spec"]["minAvailable"] == 1


def test_a_long_release_name_stays_within_limits(helm: Helm) -> None:
    """Names are cut where Kubernetes would refuse them."""
    done = helm.run("template", "r" * 53, str(CHART), "--kube-version", "v1.34.0")
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    labels = [*of_kind(objects, "Deployment"), *of_kind(objects, "Service"), *of_kind(objects, "ServiceAccount")]
    assert {len(one["metadata"]["name"]) <= 63 for one in labels} == {True}


AGENTS = {"step", "waiting", "transfer", "staging", "workspace", "outcome", "timings", "turn"}
"""Fields of an attempt's status that its agent writes, some of them in part."""


def test_every_field_that_the_agent_does_not_write_is_kept_from_it(helm: Helm) -> None:
    """Also one that is new in the status."""
    policies = by_name(of_kind(helm.template(), "ValidatingAdmissionPolicy"))
    (status,) = (policy for name, policy in policies.items() if name.endswith("-status"))
    same = re.compile(r"object\.\?status\.\?(\w+) == oldObject\.\?status\.\?\1")
    matches = (same.fullmatch(rule["expression"]) for rule in status["spec"]["validations"])
    fields = {to_camel(name) for name in AttemptStatus.model_fields}
    assert {match[1] for match in matches if match} == fields - AGENTS
