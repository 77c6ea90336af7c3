{{- define "perago.name" -}}
{{- if contains "perago" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-perago{{ end -}}
{{- end }}

{{- define "perago.operatorName" -}}
{{ include "perago.name" . | trunc 46 | trimSuffix "-" }}-operator
{{- end }}

{{- define "perago.selector" -}}
app.kubernetes.io/name: perago-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "perago.labels" -}}
{{ include "perago.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: perago
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
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
