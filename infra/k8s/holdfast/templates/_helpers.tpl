{{- define "holdfast.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "holdfast.selector" -}}
app.kubernetes.io/name: holdfast
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "holdfast.labels" -}}
{{ include "holdfast.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "holdfast.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "holdfast.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ .Values.serviceAccount.name | default (include "holdfast.fullname" .) }}
{{- else -}}{{ .Values.serviceAccount.name | default "default" }}{{- end -}}
{{- end -}}

{{/* The address and the user of Redis. `role` is the key in redis.auth.users. */}}
{{- define "holdfast.redisEnv" -}}
{{- $redis := .root.Values.redis -}}
{{- if $redis.clusterNodes }}
- name: REDIS_CLUSTER_NODES
  value: {{ join "," $redis.clusterNodes | quote }}
{{- else if $redis.sentinels }}
- name: REDIS_SENTINELS
  value: {{ join "," $redis.sentinels | quote }}
- name: REDIS_SENTINEL_NAME
  value: {{ required "redis.sentinelName is needed with redis.sentinels" $redis.sentinelName | quote }}
{{- else }}
- name: REDIS_HOST
  value: {{ required "redis.host, redis.sentinels or redis.clusterNodes is needed" $redis.host | quote }}
- name: REDIS_PORT
  value: {{ $redis.port | quote }}
{{- end }}
{{- if $redis.tls.enabled }}
- name: REDIS_TLS
  value: "1"
{{- if $redis.tls.caSecret }}
- name: REDIS_TLS_CA_FILE
  value: /run/redis-ca/ca.crt
{{- end }}
{{- end }}
{{- if $redis.auth.existingSecret }}
- name: REDIS_USERNAME
  value: {{ get $redis.auth.users .role | quote }}
- name: REDIS_PASSWORD_FILE
  value: /run/redis-password/password
{{- end }}
- name: QUEUE_PREFIX
  value: {{ $redis.prefix | quote }}
- name: LOG_LEVEL
  value: {{ .root.Values.logLevel | quote }}
- name: HOST
  value: "0.0.0.0"
{{- end -}}

{{/* The keys and host names of the HTTP services. */}}
{{- define "holdfast.httpEnv" -}}
{{- if .root.Values.auth.existingSecret }}
- name: API_KEYS_FILE
  value: /run/holdfast/api-keys.json
{{- else if .root.Values.auth.allowUnauthenticated }}
- name: ALLOW_UNAUTHENTICATED
  value: "1"
{{- else }}
{{- fail "auth.existingSecret is needed (a Secret with api-keys.json and session-secret), or auth.allowUnauthenticated=true" }}
{{- end }}
{{- with .root.Values.maskedPointers }}
- name: MASKED_POINTERS
  value: {{ . | quote }}
{{- end }}
{{- with .root.Values.trustedProxies }}
- name: TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- if and .ingress.enabled .ingress.host }}
- name: ALLOWED_HOSTS
  value: {{ printf "%s,%s" .ingress.host .serviceHost | quote }}
{{- else }}
- name: ALLOWED_HOSTS
  value: {{ .serviceHost | quote }}
{{- end }}
{{- end -}}

{{- define "holdfast.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .root.Values.redis.auth.existingSecret }}
- name: redis-password
  mountPath: /run/redis-password
  readOnly: true
{{- end }}
{{- if and .root.Values.redis.tls.enabled .root.Values.redis.tls.caSecret }}
- name: redis-ca
  mountPath: /run/redis-ca
  readOnly: true
{{- end }}
{{- if and .http .root.Values.auth.existingSecret }}
- name: holdfast-auth
  mountPath: /run/holdfast
  readOnly: true
{{- end }}
{{- end -}}

{{/* Each pod gets the password of its own role and no other. */}}
{{- define "holdfast.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- if .root.Values.redis.auth.existingSecret }}
- name: redis-password
  secret:
    secretName: {{ .root.Values.redis.auth.existingSecret }}
    defaultMode: 0440
    items: [{ key: {{ .role }}, path: password }]
{{- end }}
{{- if and .root.Values.redis.tls.enabled .root.Values.redis.tls.caSecret }}
- name: redis-ca
  secret:
    secretName: {{ .root.Values.redis.tls.caSecret }}
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- if and .http .root.Values.auth.existingSecret }}
- name: holdfast-auth
  secret:
    secretName: {{ .root.Values.auth.existingSecret }}
    defaultMode: 0440
    items:
      - { key: api-keys.json, path: api-keys.json }
{{- if eq .role "observer" }}
      - { key: session-secret, path: session-secret }
{{- end }}
{{- end }}
{{- end -}}

{{/* The settings that all pods have in common. */}}
{{- define "holdfast.podSettings" -}}
serviceAccountName: {{ include "holdfast.serviceAccount" .root }}
# No token is mounted, because the pods do not use the Kubernetes API.
automountServiceAccountToken: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .settings.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- else }}
# Spreads the pods of a service over nodes, so that the loss of one node does not stop the service.
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "holdfast.selector" . | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "holdfast.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: {{ .port }} }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: {{ .port }} }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: {{ .port }} }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* The seconds of grace that Kubernetes gives: ten more than the service itself takes. */}}
{{- define "holdfast.graceSeconds" -}}
{{ add 10 (div (add (int64 .) 999) 1000) }}
{{- end -}}
