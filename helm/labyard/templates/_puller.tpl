{{- /* A name of the catalogue as a reference, by `config.images`, and references as they are. (root, image) */ -}}
{{- define "labyard.catalogueImage" -}}
{{- $images := .root.Values.config.images | default dict -}}
{{- if regexMatch "[/:@]" .image -}}
{{ .image }}
{{- else -}}
{{ $images.prefix | default "labyard/" }}{{ .image }}:{{ $images.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* A DaemonSet that has each node of people pull the images, and then does nothing. (root, component, name; annotations, hook: it runs before the rest is made) */ -}}
{{- define "labyard.puller" -}}
{{- $values := .root.Values.prePuller -}}
{{- $users := .root.Values.scheduling.userPods -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: DaemonSet
{{ include "labyard.metadata" . }}
spec:
  selector:
    matchLabels:
      {{- include "labyard.selector" . | nindent 6 }}
  updateStrategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 100%}
  template:
    metadata:
      labels:
        {{- include "labyard.selector" . | nindent 8 }}
      {{- with $values.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 0
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . }}
        {{- end }}
      {{- end }}
      securityContext:
        {{- include "labyard.withoutNulls" $values.podSecurityContext | nindent 8 }}
      {{- if and $root.Values.scheduling.podPriority.enabled (not .hook) }}
      priorityClassName: {{ include "labyard.clusterName" $root }}-puller
      {{- end }}
      {{- with merge (dict) $values.nodeSelector $users.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with concat $users.tolerations $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      initContainers:
        {{- range $number, $image := $values.images }}
        - name: image-{{ $number }}
          image: {{ include "labyard.catalogueImage" (dict "root" $root "image" $image) }}
          imagePullPolicy: IfNotPresent
          command: ["true"]
          securityContext:
            {{- include "labyard.withoutNulls" $values.containerSecurityContext | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
        {{- end }}
      containers:
        # One of the images that are here already, so that no further one is pulled.
        - name: idle
          image: {{ include "labyard.catalogueImage" (dict "root" $root "image" (first $values.images)) }}
          imagePullPolicy: IfNotPresent
          command: [sleep, infinity]
          securityContext:
            {{- include "labyard.withoutNulls" $values.containerSecurityContext | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
{{- end -}}
