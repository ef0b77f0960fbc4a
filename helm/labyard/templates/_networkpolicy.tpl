{{- /* The cluster's DNS. */ -}}
{{- define "labyard.dnsRule" -}}
- to:
    - namespaceSelector:
        matchLabels:
          {{- toYaml .Values.networkPolicy.dnsNamespaceLabels | nindent 10 }}
    {{- range .Values.networkPolicy.dnsAddresses }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}

{{- /* Addresses by kind: rules add up, so that the metadata address is left out of each. (egressAllowRules) */ -}}
{{- define "labyard.addressRules" -}}
{{- if .nonPrivateIPs }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["fc00::/7", "fe80::/10"]
{{- end }}
{{- if .privateIPs }}
- to:
    - ipBlock: {cidr: 10.0.0.0/8}
    - ipBlock: {cidr: 172.16.0.0/12}
    - ipBlock: {cidr: 192.168.0.0/16}
    - ipBlock: {cidr: 100.64.0.0/10, except: [100.100.100.200/32]}
    - ipBlock:
        cidr: "fc00::/7"
        except: ["fd00:ec2::254/128"]
{{- end }}
{{- if .cloudMetadataServer }}
- to:
    - ipBlock: {cidr: 169.254.169.254/32}
{{- end }}
{{- end -}}

{{- /* The way to a configured address. A name has addresses that change, in the cluster or outside: its port is open to all but the metadata addresses. (host, port) */ -}}
{{- define "labyard.hostRule" -}}
- to:
  {{- if regexMatch "^[0-9]+([.][0-9]+){3}$" .host }}
    - ipBlock: {cidr: {{ .host }}/32}
  {{- else if contains ":" .host }}
    - ipBlock: {cidr: "{{ .host }}/128"}
  {{- else }}
    - namespaceSelector: {}
    - ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16, 100.100.100.200/32]}
    - ipBlock: {cidr: "::/0", except: ["fe80::/10", "fd00:ec2::254/128"]}
  {{- end }}
  ports:
    - {port: {{ .port }}, protocol: TCP}
{{- end -}}

{{- /* The same for a URL. (url; port: where it names none and its scheme says none) */ -}}
{{- define "labyard.urlRule" -}}
{{- $url := urlParse .url -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- $host := trimPrefix "[" (trimSuffix "]" (ternary (regexReplaceAll ":[0-9]+$" $url.host "") $url.host (ne $port ""))) -}}
{{- include "labyard.hostRule" (dict "host" $host "port" ($port | default .port | default (ternary 80 443 (eq $url.scheme "http")))) -}}
{{- end -}}

{{- /* The ways to what the values name outside the release: database, object store, identity provider. (root, component) */ -}}
{{- define "labyard.configuredRules" -}}
{{- $values := .root.Values -}}
{{- $external := $values.database.external -}}
{{- $rules := list -}}
{{- if and (eq $values.database.type "postgresql") $external.host (has .component (list "hub" "service" "mlflow")) -}}
{{- $rules = append $rules (include "labyard.hostRule" $external) -}}
{{- end -}}
{{- $own := (($values.config.database | default dict).url | default "") -}}
{{- if and $own (eq .component "service") -}}
{{- $rules = append $rules (include "labyard.urlRule" (dict "url" $own "port" 5432)) -}}
{{- end -}}
{{- if and $values.mlflow.artifacts.destination (eq .component "mlflow") -}}
{{- $rules = append $rules (include "labyard.urlRule" (dict "url" ($values.mlflow.artifacts.s3Endpoint | default "https://the-cloud.invalid"))) -}}
{{- end -}}
{{- if and (not (include "labyard.localLogin" .root)) (eq .component "hub") -}}
{{- $rules = append $rules (include "labyard.urlRule" (dict "url" ($values.config.login.issuer | default "https://the-provider.invalid"))) -}}
{{- end -}}
{{- join "\n" $rules -}}
{{- end -}}
