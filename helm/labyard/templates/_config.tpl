{{- /* `config:` as it is, with names that follow from the release filled in under `cluster` where nobody set them. */ -}}
{{- define "labyard.config" -}}
{{- $pods := dict -}}
{{- with .Values.imagePullSecrets }}{{ $_ := set $pods "image_pull_secrets" . }}{{ end -}}
{{- if .Values.scheduling.podPriority.enabled }}{{ $_ := set $pods "priority_class" (printf "%s-user" (include "labyard.clusterName" .)) }}{{ end -}}
{{- with .Values.scheduling.userPods.nodeSelector }}{{ $_ := set $pods "node_selector" . }}{{ end -}}
{{- with .Values.scheduling.userPods.tolerations }}
{{- $tolerations := list -}}
{{- range . -}}
{{- $one := omit . "tolerationSeconds" -}}
{{- if hasKey . "tolerationSeconds" }}{{ $_ := set $one "toleration_seconds" .tolerationSeconds }}{{ end -}}
{{- $tolerations = append $tolerations $one -}}
{{- end -}}
{{- $_ := set $pods "tolerations" $tolerations -}}
{{- end -}}
{{- $cluster := dict "namespace" .Release.Namespace "instance" .Release.Name "show_capacity" .Values.rbac.clusterCapacity "pods" $pods -}}
{{- $_ := set $cluster "service_account" (include "labyard.accountName" (dict "root" . "component" "singleuser" "values" .Values.singleuser.serviceAccount)) -}}
{{- if .Values.projects.enabled }}
{{- $_ := set $cluster "projects_claim" (include "labyard.claimName" (dict "root" . "component" "projects" "pvc" .Values.projects)) -}}
{{- end -}}
{{- mergeOverwrite (dict "cluster" $cluster) (deepCopy .Values.config) | toYaml -}}
{{- end -}}
