{{- /*
Refuses a release that would serve namespaces of another one. It asks the cluster, so that `helm template`, which has
none, refuses nothing. Cluster-wide installations have a ClusterRole, the others a Role in each of their namespaces.
*/ -}}
{{- define "perago.refuseOverlap" -}}
{{- if .Values.refuseOverlap }}
{{- $served := ternary list (include "perago.namespaces" . | fromJsonArray) .Values.clusterWide }}
{{- range (lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "").items }}
{{- if eq (include "perago.isAnothers" (dict "role" . "root" $)) "true" }}
{{- include "perago.overlaps" (dict "role" . "where" "all namespaces" "root" $) }}
{{- end }}
{{- end }}
{{- range (lookup "rbac.authorization.k8s.io/v1" "Role" "" "").items }}
{{- if and (eq (include "perago.isAnothers" (dict "role" . "root" $)) "true") (or $.Values.clusterWide (has .metadata.namespace $served)) }}
{{- include "perago.overlaps" (dict "role" . "where" (printf "namespace %s" .metadata.namespace) "root" $) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether a role is that of another release's operator, which reads attempts. */ -}}
{{- define "perago.isAnothers" -}}
{{- $labels := .role.metadata.labels | default dict }}
{{- $annotations := .role.metadata.annotations | default dict }}
{{- $release := get $annotations "meta.helm.sh/release-name" }}
{{- $namespace := get $annotations "meta.helm.sh/release-namespace" }}
{{- $ours := and (eq $release .root.Release.Name) (eq $namespace .root.Release.Namespace) }}
{{- and (eq (get $labels "perago.dev/serves") "attempts") (not $ours) -}}
{{- end }}

{{- define "perago.overlaps" -}}
{{- $annotations := .role.metadata.annotations | default dict }}
{{- fail (printf "release %s in namespace %s serves attempts of %s already, and two operators must not serve the same ones: set clusterWide to false and name other namespaces in both releases, uninstall that one, or set refuseOverlap to false" (get $annotations "meta.helm.sh/release-name" | quote) (get $annotations "meta.helm.sh/release-namespace" | quote) .where) }}
{{- end }}
