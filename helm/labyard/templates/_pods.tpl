{{- /* Parts of pods. */ -}}

{{- /* What a pod of ours has beside containers and volumes. (root, component, values; account: mount a token of this account; hook: it runs before the rest is made) */ -}}
{{- define "labyard.podFields" -}}
{{- $core := .root.Values.scheduling.corePods -}}
{{- with .account }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: {{ not (empty .account) }}
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "labyard.withoutNulls" .values.podSecurityContext | nindent 2 }}
{{- /* Helm makes the PriorityClasses after the hooks of a first install, which would wait for them for ever. */}}
{{- if and .root.Values.scheduling.podPriority.enabled (not .hook) }}
priorityClassName: {{ include "labyard.clusterName" .root }}-core
{{- end }}
{{- with merge (dict) .values.nodeSelector $core.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $core.tolerations .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
{{- if .values.affinity }}
  {{- toYaml .values.affinity | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "labyard.selector" . | nindent 14 }}
{{- end }}
{{- end -}}

{{- /* A mapping as YAML without its nulls, by which values take away what the chart sets. */ -}}
{{- define "labyard.withoutNulls" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $kept $key $value -}}{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{- /* Labels and annotations of a pod. (root, component, values; annotations) */ -}}
{{- define "labyard.podMetadata" -}}
metadata:
  labels:
    {{- include "labyard.selector" . | nindent 4 }}
    {{- with merge (dict) .values.labels .root.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (dict) (.annotations | default dict) .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* Variables that the operator adds: a mapping of name to text or to the rest of an `env` entry. */ -}}
{{- define "labyard.extraEnv" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ $value | toString | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Variables that say where our parts are. (root, component) */ -}}
{{- define "labyard.addressEnv" -}}
{{- $name := include "labyard.fullname" .root -}}
- name: LABYARD_PUBLIC_URL
  {{- /* What the notes say to open by port-forward: browsers' addresses are compared with it. */}}
  value: {{ include "labyard.publicUrl" .root | default (ternary "http://labyard.localhost:8000" "http://127.0.0.1:8000" (eq (include "labyard.origins" .root) "separate")) }}/
- name: LABYARD_ORIGINS
  value: {{ include "labyard.origins" .root }}
- name: LABYARD_HUB_URL
  value: http://{{ $name }}-hub:8081
- name: LABYARD_SERVICE_URL
  value: http://{{ $name }}-service:8000/services/labyard/
{{- /* The proxy looks its targets up, so it is told of no service that is not there. */}}
{{- if or .root.Values.mlflow.enabled (ne .component "proxy") }}
- name: LABYARD_MLFLOW_URL
  value: http://{{ $name }}-mlflow:5000/services/mlflow/
{{- end }}
{{- if ne .component "proxy" }}
- name: LABYARD_PROXY_API_URL
  value: http://{{ $name }}-proxy-api:8001
{{- end }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef: {fieldPath: metadata.namespace}
- name: PYTHONUNBUFFERED
  value: "1"
{{- if .root.Values.debug.enabled }}
- name: LABYARD_DEBUG
  value: "1"
{{- end }}
{{- end -}}

{{- /* Variables of every container that has a state folder. (root, component) */ -}}
{{- define "labyard.platformEnv" -}}
{{ include "labyard.addressEnv" . }}
- name: LABYARD_STATE_DIR
  value: /var/lib/labyard/state
- name: LABYARD_CONFIG
  value: /etc/labyard/config.yaml
- name: LABYARD_SECRETS_DIR
  value: /etc/labyard/secrets
- name: LABYARD_RELEASE
  value: {{ include "labyard.fullname" .root }}
{{- end -}}

{{- /* The URL of a PostgreSQL database, in a variable. (root, variable, name) */ -}}
{{- define "labyard.databaseEnv" -}}
{{- if eq .root.Values.database.type "postgresql" }}
- name: {{ .variable }}
  value: {{ include "labyard.databaseUrl" . }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      {{- if include "labyard.ownPostgresql" .root }}
      name: {{ include "labyard.secretName" .root }}
      key: postgresql_password
      {{- else }}
      name: {{ .root.Values.database.external.existingSecret }}
      key: {{ .root.Values.database.external.passwordKey }}
      {{- end }}
- name: PGSSLMODE
  value: {{ ternary "disable" .root.Values.database.external.sslMode (not (empty (include "labyard.ownPostgresql" .root))) }}
{{- end }}
{{- end -}}

{{- /* Mounts of every container that runs `labyard_hub.cluster`, beside its state folder. */ -}}
{{- define "labyard.platformMounts" -}}
- name: config
  mountPath: /etc/labyard/config.yaml
  subPath: config.yaml
  readOnly: true
- name: secrets
  mountPath: /etc/labyard/secrets
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- /* Their volumes. (root, keys: which secrets) */ -}}
{{- define "labyard.platformVolumes" -}}
- name: config
  configMap:
    name: {{ include "labyard.fullname" .root }}-config
- name: secrets
  secret:
    secretName: {{ include "labyard.secretName" .root }}
    defaultMode: 0440
    items:
      {{- range .keys }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

{{- /* Mounts and volumes of extraFiles. (root, component, values) */ -}}
{{- define "labyard.extraMounts" -}}
{{- range $name, $file := .values.extraFiles }}
- name: extra-files
  mountPath: {{ $file.mountPath }}
  subPath: {{ $name }}
  readOnly: true
{{- end }}
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "labyard.extraVolumes" -}}
{{- if .values.extraFiles }}
- name: extra-files
  secret:
    secretName: {{ include "labyard.fullname" .root }}-{{ .component }}-files
    defaultMode: 0440
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* A digest that makes a component's pods new when a setting changes that it reads at its start. (root, component) */ -}}
{{- define "labyard.configDigest" -}}
{{- $config := include "labyard.config" .root | fromYaml -}}
{{- if eq .component "hub" -}}
{{- /* The hub takes profiles, quotas and images up while it runs; the last three are the others'. */ -}}
{{- $config = omit $config "profiles" "quotas" "images" "currency" "projects" "mlflow" "database" -}}
{{- else if eq .component "service" -}}
{{- $config = pick $config "listen" "login" "servers" "projects" "trash" "database" -}}
{{- else -}}
{{- $config = pick $config "mlflow" -}}
{{- end -}}
{{ toJson $config | sha256sum | trunc 32 }}
{{- end -}}

{{- /* Of the files and secrets that the chart does not generate. (values) */ -}}
{{- define "labyard.filesDigest" -}}
{{ toJson (dict "files" .extraFiles "config" .extraConfig) | sha256sum | trunc 32 }}
{{- end -}}
