{{- /* The operator's settings, under the names that perago_operator.settings reads. */ -}}
{{- define "perago.operatorEnv" -}}
- name: PERAGO_INSTALLATION
  value: {{ include "perago.installation" . | quote }}
- name: PERAGO_NAMESPACES
  value: {{ ternary "" (include "perago.namespaces" . | fromJsonArray | join ",") .Values.clusterWide | quote }}
- name: PERAGO_RUNNER_IMAGE
  value: {{ include "perago.image" (dict "image" .Values.runner.image "chart" .Chart) | quote }}
- name: PERAGO_RUNNER_PULL_POLICY
  value: {{ .Values.runner.image.pullPolicy | quote }}
- name: PERAGO_RUNNER_SERVICE_ACCOUNT
  value: {{ .Values.runner.serviceAccountName | quote }}
- name: PERAGO_IMAGE_PULL_SECRETS
  value: {{ include "perago.pullSecretNames" . | quote }}
- name: PERAGO_HOST_USERS
  value: {{ .Values.runner.hostUsers | quote }}
- name: PERAGO_USER_FROM_CLUSTER
  value: {{ .Values.userFromCluster | quote }}
{{- with .Values.attempts }}
- name: PERAGO_ATTEMPT_OWN_CODE
  value: {{ .ownCode | quote }}
- name: PERAGO_ATTEMPT_RUNTIME_CLASSES
  value: {{ join "," .runtimeClassNames | quote }}
- name: PERAGO_ATTEMPT_LABELS
  value: {{ join "," .labels | default "," | quote }}
- name: PERAGO_ATTEMPT_ANNOTATIONS
  value: {{ join "," .annotations | default "," | quote }}
- name: PERAGO_ATTEMPT_CEILING
  value: {{ include "perago.quantities" .ceiling | quote }}
- name: PERAGO_ATTEMPT_REQUESTS
  value: {{ include "perago.quantities" .defaultRequests | quote }}
{{- end }}
- name: PERAGO_LAKEFS_SECRET
  value: {{ .Values.lakefs.secretName | quote }}
- name: PERAGO_PRESIGN
  value: {{ .Values.lakefs.presign | quote }}
- name: PERAGO_CONDUCTOR_SECRET
  value: {{ .Values.conductor.secretName | quote }}
- name: PERAGO_CONDUCTOR_TOKEN_HEADER
  value: {{ .Values.conductor.tokenHeader | quote }}
{{- with .Values.trustedCA.configMap }}
- name: PERAGO_TRUSTED_CA_CONFIG_MAP
  value: {{ . | quote }}
{{- end }}
{{- with .Values.trustedCA.secret }}
- name: PERAGO_TRUSTED_CA_SECRET
  value: {{ . | quote }}
{{- end }}
- name: PERAGO_TRUSTED_CA_KEY
  value: {{ .Values.trustedCA.key | quote }}
{{- if or .Values.proxy.http .Values.proxy.https }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
- name: NO_PROXY
  value: {{ .Values.proxy.noProxy | quote }}
{{- end }}
{{- with .Values.nodeCache }}
{{- if .enabled }}
{{- if .hostPath }}
- name: PERAGO_NODE_CACHE_HOST_PATH
  value: {{ .hostPath | quote }}
{{- else }}
- name: PERAGO_NODE_CACHE_CLAIM
  value: {{ required "nodeCache.enabled needs nodeCache.hostPath or nodeCache.persistentVolumeClaim" .persistentVolumeClaim | quote }}
{{- end }}
- name: PERAGO_NODE_CACHE_SIZE
  value: {{ .sizeLimit | quote }}
- name: PERAGO_NODE_CACHE_KEEP_FREE_PERCENT
  value: {{ .keepFreePercent | int64 | quote }}
{{- end }}
{{- end }}
- name: PERAGO_LIMIT_PER_TASK
  value: {{ .Values.limits.perTask | quote }}
- name: PERAGO_LIMIT_PER_NAMESPACE
  value: {{ .Values.limits.perNamespace | quote }}
- name: PERAGO_LIMIT_PER_NODE
  value: {{ .Values.limits.perNode | quote }}
- name: PERAGO_LIMIT_STARTING_PER_NODE
  value: {{ .Values.limits.startingPerNode | quote }}
- name: PERAGO_DISRUPTION_RETRIES
  value: {{ .Values.disruptions.retries | quote }}
- name: PERAGO_DISRUPTION_BACKOFF_SECONDS
  value: {{ .Values.disruptions.backoffSeconds | quote }}
- name: PERAGO_DISRUPTION_BACKOFF_CAP_SECONDS
  value: {{ .Values.disruptions.backoffCapSeconds | quote }}
- name: PERAGO_RETRY_SECONDS
  value: {{ .Values.retrySeconds | quote }}
- name: PERAGO_OUTAGE_SECONDS
  value: {{ .Values.outageSeconds | quote }}
- name: PERAGO_KEEP_FAILED_PODS_SECONDS
  value: {{ .Values.keepFailedPodsSeconds | int64 | quote }}
- name: PERAGO_REPOSITORIES
  value: {{ join "," .Values.stagingSweep.repositories | quote }}
- name: PERAGO_SWEEP_SECONDS
  value: {{ .Values.stagingSweep.everySeconds | int64 | quote }}
- name: PERAGO_SWEEP_AGE_SECONDS
  value: {{ .Values.stagingSweep.ageSeconds | int64 | quote }}
- name: PERAGO_LEASE_NAME
  value: {{ include "perago.operatorName" . | quote }}
- name: PERAGO_LEASE_NAMESPACE
  value: {{ .Release.Namespace | quote }}
- name: PERAGO_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: PERAGO_LOG_JSON
  value: {{ .Values.logJson | quote }}
- name: PERAGO_IDENTITY
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}

{{- define "perago.pullSecretNames" -}}
{{- range $index, $secret := .Values.imagePullSecrets }}{{ if $index }},{{ end }}{{ $secret.name }}{{ end -}}
{{- end }}

{{- /* All variables of the operator. One of extraEnv replaces the chart's own: a name must not occur twice. */ -}}
{{- define "perago.environment" -}}
{{- $given := dict }}
{{- range .Values.extraEnv }}{{ $_ := set $given .name true }}{{ end }}
{{- $variables := list }}
{{- range include "perago.operatorEnv" . | fromYamlArray }}
{{- if not (hasKey $given .name) }}{{ $variables = append $variables . }}{{ end }}
{{- end }}
{{- concat $variables .Values.extraEnv | toYaml }}
{{- end }}

{{- define "perago.quantities" -}}
{{- $pairs := list }}
{{- range $name, $quantity := . }}{{ $pairs = append $pairs (printf "%s=%s" $name (include "perago.quantity" $quantity)) }}{{ end }}
{{- join "," $pairs }}
{{- end }}

{{- /* Numbers of values are floats to Helm, which writes 17179869184 as 1.7179869184e+10. */ -}}
{{- define "perago.quantity" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end -}}
{{- end }}
