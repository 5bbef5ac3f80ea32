{{- define "holdfast.ingress" -}}
{{- if .ingress.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .name }}
  labels: {{ include "holdfast.labels" . | nindent 4 }}
  {{- with .ingress.annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .ingress.tlsSecret }}
  tls: [{ hosts: [{{ $.ingress.host | quote }}], secretName: {{ . }} }]
  {{- end }}
  rules:
    - host: {{ required "an ingress that is enabled needs a host" .ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: {{ .name }}, port: { name: http } } }
{{- end }}
{{- end -}}
