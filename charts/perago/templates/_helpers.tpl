{{- define "perago.name" -}}
{{- $name := .Values.nameOverride | default "perago" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ $name }}{{ end -}}
{{- end }}

{{- define "perago.operatorName" -}}
{{ include "perago.name" . | trunc 46 | trimSuffix "-" }}-operator
{{- end }}

{{- define "perago.operatorAccount" -}}
{{ .Values.serviceAccount.name | default (include "perago.operatorName" .) }}
{{- end }}

{{- define "perago.selector" -}}
app.kubernetes.io/name: perago-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "perago.ownLabels" -}}
{{ include "perago.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: perago
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The labels of what the operator's Service, its monitors and its disruption budget must not select. */ -}}
{{- define "perago.commonLabels" -}}
{{ merge (omit (include "perago.ownLabels" . | fromYaml) "app.kubernetes.io/name") .Values.commonLabels | toYaml }}
{{- end }}

{{- /* The labels of an object. The chart's own take precedence, for selectors rely on them. */ -}}
{{- define "perago.labels" -}}
{{ merge (include "perago.ownLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- /* The same for the operator's pods. */ -}}
{{- define "perago.podLabels" -}}
{{ merge (include "perago.ownLabels" . | fromYaml) .Values.podLabels .Values.commonLabels | toYaml }}
{{- end }}

{{- /* The same for an object that is selected by labels of its own, given as {labels, root}. */ -}}
{{- define "perago.labelsAnd" -}}
{{ merge (include "perago.ownLabels" .root | fromYaml) .labels .root.Values.commonLabels | toYaml }}
{{- end }}

{{- /* The image reference for {image, chart}: by digest if there is one, else by tag, else by the chart's appVersion. */ -}}
{{- define "perago.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}
{{- else }}{{ .image.repository }}:{{ .image.tag | default .chart.AppVersion }}{{ end -}}
{{- end }}

{{- /* The namespaces where attempts run, as a JSON list. */ -}}
{{- define "perago.namespaces" -}}
{{ .Values.namespaces | default (list .Release.Namespace) | uniq | toJson }}
{{- end }}

{{- define "perago.installation" -}}
{{ .Values.installation | default (printf "%s.%s" .Release.Namespace .Release.Name) }}
{{- end }}

{{- /* What confines a pod of the chart, besides its containers' own security contexts. */ -}}
{{- define "perago.podSecurityContext" -}}
runAsNonRoot: true
{{- if not .Values.userFromCluster }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "perago.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Of objects that attempts need: they stay when the release or their namespace goes from it, for attempts go on. */ -}}
{{- define "perago.keep" -}}
helm.sh/resource-policy: keep
{{- end }}
