{{- /* Names, labels and references that several templates share. */ -}}

{{- define "labyard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "labyard" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-labyard" (.Release.Name | trunc 32 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- /* Never changed once installed: selectors of Deployments are immutable, and network policies know people's pods by them. (root, component) */ -}}
{{- define "labyard.selector" -}}
app.kubernetes.io/name: labyard
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* (root, component) */ -}}
{{- define "labyard.labels" -}}
{{ include "labyard.selector" . }}
app.kubernetes.io/part-of: labyard
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The head of an object. (root, component, name; annotations, cluster: it is in no namespace) */ -}}
{{- define "labyard.metadata" -}}
metadata:
  name: {{ .name }}
  {{- if not .cluster }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "labyard.labels" . | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* An image's reference. (root, image) */ -}}
{{- define "labyard.image" -}}
{{- if .image.digest -}}
{{ .image.name }}@{{ .image.digest }}
{{- else -}}
{{ .image.name }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "labyard.secretName" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" (include "labyard.fullname" .)) }}
{{- end -}}

{{- /* Name of a service account. (root, component, values) */ -}}
{{- define "labyard.accountName" -}}
{{- if .values.name -}}
{{ .values.name }}
{{- else if .values.create -}}
{{ include "labyard.fullname" .root }}-{{ .component }}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{- /* Name of a claim. (root, component, pvc) */ -}}
{{- define "labyard.claimName" -}}
{{ .pvc.existingClaim | default (printf "%s-%s" (include "labyard.fullname" .root) .component) }}
{{- end -}}

{{- /* What browsers open, without a trailing slash; empty where nobody said it. */ -}}
{{- define "labyard.publicUrl" -}}
{{- $listen := .Values.config.listen | default dict -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl | trimSuffix "/" }}
{{- else if $listen.public_url -}}
{{ $listen.public_url | trimSuffix "/" }}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{ ternary "https" "http" (not (empty .Values.ingress.tls)) }}://{{ first .Values.ingress.hosts }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hosts -}}
https://{{ first .Values.httpRoute.hosts }}
{{- end -}}
{{- end -}}

{{- /* `separate` or `shared`: whether each person's servers have a name of their own below the public one. */ -}}
{{- define "labyard.origins" -}}
{{ (.Values.config.listen | default dict).origins | default "separate" }}
{{- end -}}

{{- /* Host names at which the platform answers, as a JSON list: those given, and with separate origins the names below each. (root, hosts) */ -}}
{{- define "labyard.hosts" -}}
{{- $found := list -}}
{{- range .hosts -}}
{{- $found = append $found . -}}
{{- if and (eq (include "labyard.origins" $.root) "separate") (not (hasPrefix "*." .)) (not (has (printf "*.%s" .) $.hosts)) -}}
{{- $found = append $found (printf "*.%s" .) -}}
{{- end -}}
{{- end -}}
{{ toJson $found }}
{{- end -}}

{{- /* "yes" where the login is Labyard's own, whose accounts are in a file of the hub. */ -}}
{{- define "labyard.localLogin" -}}
{{- $login := .Values.config.login | default dict -}}
{{- if eq ($login.provider | default "local") "local" -}}yes{{- end -}}
{{- end -}}

{{- define "labyard.ownPostgresql" -}}
{{- if and (eq .Values.database.type "postgresql") (not .Values.database.external.host) -}}yes{{- end -}}
{{- end -}}

{{- /* URL of a database, without its password, which comes by PGPASSWORD. (root, name) */ -}}
{{- define "labyard.databaseUrl" -}}
{{- $external := .root.Values.database.external -}}
{{- if include "labyard.ownPostgresql" .root -}}
postgresql://labyard@{{ include "labyard.fullname" .root }}-postgresql:5432/{{ .name }}
{{- else -}}
postgresql://{{ $external.user | urlquery }}@{{ $external.host }}:{{ $external.port }}/{{ .name }}
{{- end -}}
{{- end -}}

{{- /* Start of the names of objects that belong to the cluster: other releases may be called the same. */ -}}
{{- define "labyard.clusterName" -}}
{{ .Release.Namespace | trunc 20 | trimSuffix "-" }}-{{ include "labyard.fullname" . }}
{{- end -}}
