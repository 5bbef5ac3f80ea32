{{/* Egress to DNS, and to Redis at the ports that redis.* names. */}}
{{- define "holdfast.egress" -}}
{{- $redis := .Values.redis -}}
{{- $ports := list -}}
{{- range concat $redis.clusterNodes $redis.sentinels }}{{- $ports = append $ports (last (splitList ":" .)) }}{{- end }}
{{- if or $redis.sentinels (not $redis.clusterNodes) }}{{- $ports = append $ports (toString $redis.port) }}{{- end -}}
- ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
- ports:
    {{- range uniq $ports }}
    - { port: {{ . }} }
    {{- end }}
  {{- with .Values.networkPolicy.redisCidrs }}
  to:
    {{- range . }}
    - ipBlock: { cidr: {{ . }} }
    {{- end }}
  {{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
