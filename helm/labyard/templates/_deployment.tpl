{{- /* The parts that a container of ours has from its values. (root, component, values) */ -}}
{{- define "labyard.containerFields" -}}
securityContext:
  {{- include "labyard.withoutNulls" .values.containerSecurityContext | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- with .values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The three probes of a container by HTTP. (values, path, port) */ -}}
{{- define "labyard.httpProbes" -}}
{{- $request := dict "httpGet" (dict "path" .path "port" .port) -}}
{{- $values := .values -}}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{ $probe }}:
  {{- toYaml (merge (dict) $request (get $values $probe)) | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* A claim, unless the operator has one. (root, component, pvc; annotations) */ -}}
{{- define "labyard.claim" -}}
{{- if not .pvc.existingClaim }}
apiVersion: v1
kind: PersistentVolumeClaim
{{ include "labyard.metadata" (dict "root" .root "component" .component "name" (include "labyard.claimName" .) "annotations" (merge (dict) .pvc.annotations (.annotations | default dict))) }}
spec:
  accessModes:
    {{- toYaml .pvc.accessModes | nindent 4 }}
  {{- if not (kindIs "invalid" .pvc.storageClassName) }}
  storageClassName: {{ .pvc.storageClassName | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ .pvc.storage }}
{{- end }}
{{- end -}}

{{- /* A service inside the cluster. (root, component, name, port, portName; annotations, unready: whether it leads to pods that are not ready) */ -}}
{{- define "labyard.service" -}}
apiVersion: v1
kind: Service
{{ include "labyard.metadata" . }}
spec:
  type: ClusterIP
  {{- if .unready }}
  publishNotReadyAddresses: true
  {{- end }}
  selector:
    {{- include "labyard.selector" . | nindent 4 }}
  ports:
    - name: {{ .portName }}
      port: {{ .port }}
      targetPort: {{ .portName }}
      protocol: TCP
{{- end -}}

{{- /* A PodDisruptionBudget, where asked for. (root, component, values) */ -}}
{{- define "labyard.pdb" -}}
{{- if .values.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "labyard.metadata" (merge (dict "name" (printf "%s-%s" (include "labyard.fullname" .root) .component)) .) }}
spec:
  {{- if not (kindIs "invalid" .values.pdb.maxUnavailable) }}
  maxUnavailable: {{ .values.pdb.maxUnavailable }}
  {{- else }}
  minAvailable: {{ .values.pdb.minAvailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "labyard.selector" . | nindent 6 }}
{{- end }}
{{- end -}}
