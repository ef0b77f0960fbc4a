{{- /* The secrets between our own processes: `StateFolder.secret` knows them by these names. */ -}}
{{- define "labyard.secretKeys" -}}
{{- $keys := list "cookie_secret" "auth_state_key" "proxy_api_password" "service_token" "service_cookie_secret" "link_secret" "cli_login_token" "cli_token" "mlflow_token" "metrics_token" -}}
{{- if include "labyard.ownPostgresql" . }}{{ $keys = append $keys "postgresql_password" }}{{ end -}}
{{- toJson $keys -}}
{{- end -}}

{{- /* One of them in base64: as it is, or 32 random bytes in hexadecimal digits. (there: data of the Secret that is there, key) */ -}}
{{- define "labyard.secretValue" -}}
{{- if hasKey .there .key -}}
{{ get .there .key }}
{{- else -}}
{{ printf "%x" (randBytes 32 | b64dec) | b64enc }}
{{- end -}}
{{- end -}}
