{{- /* What must not be: everything that is wrong at once, in sentences. */ -}}
{{- define "labyard.checks" -}}
{{- $wrong := list -}}
{{- range .Files.Get "renamed.yaml" | fromYamlArray -}}
{{- $entry := . -}}
{{- $at := $.Values -}}
{{- $there := true -}}
{{- range splitList "." .old -}}
{{- if and $there (kindIs "map" $at) (hasKey $at .) -}}{{- $at = get $at . -}}{{- else -}}{{- $there = false -}}{{- end -}}
{{- end -}}
{{- if and $there (not (kindIs "invalid" $at)) -}}
{{- $new := ternary (printf "is `%s` in this chart" $entry.new) "has no counterpart in this chart" (not (empty $entry.new)) -}}
{{- $wrong = append $wrong (printf "`%s` %s%s" $entry.old $new (ternary (printf ": %s" $entry.why) "" (not (empty $entry.why)))) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- $wrong = append $wrong "`ingress.enabled` and `httpRoute.enabled` are both true: choose one" -}}
{{- end -}}
{{- $host := (include "labyard.publicUrl" . | default "http://labyard.localhost" | urlParse).host -}}
{{- if and (eq (include "labyard.origins" .) "separate") (regexMatch "^(\\[.*\\]|[0-9.]+)(:[0-9]+)?$" $host) -}}
{{- $wrong = append $wrong (printf "the public address %s has no names below it, and each person's servers need one: set `publicUrl` to a name with a wildcard record, or read what `config.listen.origins: shared` means and set it" $host) -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.gateways) -}}
{{- $wrong = append $wrong "`httpRoute.gateways` is empty: name the Gateway that people come in by" -}}
{{- end -}}
{{- if and .Values.proxy.https.enabled (not .Values.proxy.https.existingSecret) -}}
{{- $wrong = append $wrong "`proxy.https.existingSecret` is empty: name the Secret with the certificate" -}}
{{- end -}}
{{- if lt (int .Values.proxy.terminationGracePeriodSeconds) (add (int .Values.proxy.haproxy.softStopSeconds) 3 | int) -}}
{{- $wrong = append $wrong (printf "`proxy.terminationGracePeriodSeconds` is %d, too short for `proxy.haproxy.softStopSeconds`, %d: at least three more" (int .Values.proxy.terminationGracePeriodSeconds) (int .Values.proxy.haproxy.softStopSeconds)) -}}
{{- end -}}
{{- if and (eq .Values.database.type "postgresql") .Values.database.external.host (not .Values.database.external.existingSecret) -}}
{{- $wrong = append $wrong "`database.external.existingSecret` is empty: name the Secret with the password of `database.external.user`" -}}
{{- end -}}
{{- if and .Values.database.external.host (ne .Values.database.type "postgresql") -}}
{{- $wrong = append $wrong "`database.external.host` is set and `database.type` is `sqlite`: set it to `postgresql`" -}}
{{- end -}}
{{- if and .Values.prePuller.hook.enabled (not .Values.prePuller.images) -}}
{{- $wrong = append $wrong "`prePuller.hook.enabled` is true and `prePuller.images` is empty: name images" -}}
{{- end -}}
{{- $instance := (.Values.config.cluster | default dict).instance -}}
{{- if and $instance (ne $instance .Release.Name) -}}
{{- $wrong = append $wrong (printf "`config.cluster.instance` is %q, and network policies know people's pods by the release's name, %q: take it out" $instance .Release.Name) -}}
{{- end -}}
{{- $namespace := (.Values.config.cluster | default dict).namespace -}}
{{- if and $namespace (ne $namespace .Release.Namespace) -}}
{{- $wrong = append $wrong (printf "`config.cluster.namespace` is %q, and network policies, claims and rights are in the release's namespace, %q: take it out" $namespace .Release.Namespace) -}}
{{- end -}}
{{- range $of, $labels := dict "commonLabels" .Values.commonLabels "hub.labels" .Values.hub.labels "service.labels" .Values.service.labels "mlflow.labels" .Values.mlflow.labels "proxy.labels" .Values.proxy.labels "postgresql.labels" .Values.postgresql.labels -}}
{{- range list "name" "instance" "component" -}}
{{- if hasKey $labels (printf "app.kubernetes.io/%s" .) -}}
{{- $wrong = append $wrong (printf "`%s` sets `app.kubernetes.io/%s`, by which services and network policies know the pods: take it out" $of .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $people := ((.Values.config.cluster | default dict).pods | default dict).user_id -}}
{{- $folders := .Values.service.podSecurityContext.runAsUser -}}
{{- if and $people $folders .Values.projects.enabled (ne (int $people) (int $folders)) -}}
{{- $wrong = append $wrong (printf "`config.cluster.pods.user_id` is %d and `service.podSecurityContext.runAsUser` is %d: the service makes projects' folders, so let them be the same" (int $people) (int $folders)) -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "the values cannot be used:\n  * %s\n" (join "\n  * " $wrong)) -}}
{{- end -}}
{{- end -}}
