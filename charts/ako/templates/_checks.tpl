{{/* What cannot be right in any release; the schema has checked kinds and words. */}}
{{- define "ako.checks" -}}
{{- $name := toString .Values.AKOSettings.clusterName }}
{{- if or (not (regexMatch "^[A-Za-z0-9_-]+$" $name)) (gt (len $name) 120) }}
{{- fail (printf "AKOSettings.clusterName is `%s`; give the cluster a name of at most 120 letters, digits, `-` and `_`" $name) }}
{{- end }}
{{- range $key := list "vipNetworkList" "nodeNetworkList" }}
{{- range $index, $network := index $.Values.NetworkSettings $key }}
{{- if not (or $network.networkName $network.networkUUID) }}
{{- fail (printf "NetworkSettings.%s[%d] names no network; give it networkName or networkUUID" $key $index) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.NetworkSettings }}
{{- if gt (len (default list .nodeNetworkList)) 5 }}
{{- fail (printf "NetworkSettings.nodeNetworkList has %d networks; name at most 5" (len (default list .nodeNetworkList))) }}
{{- end }}
{{- if and .bgpPeerLabels (not (include "ako.is" .enableRHI)) }}
{{- fail "NetworkSettings.bgpPeerLabels is set and NetworkSettings.enableRHI is not; set enableRHI to true, or leave out the labels" }}
{{- end }}
{{- end }}
{{- with .Values.avicredentials }}
{{- if and .certificateAuthorityData (not (contains "-----BEGIN CERTIFICATE-----" .certificateAuthorityData)) }}
{{- fail "avicredentials.certificateAuthorityData is no certificate; paste it as PEM, with its line -----BEGIN CERTIFICATE-----" }}
{{- end }}
{{- if and (or .username .password .authtoken) (not (include "ako.makesSecret" $)) }}
{{- fail "avicredentials is half filled; give username, and password or authtoken, or neither and make the Secret avi-secret yourself" }}
{{- end }}
{{- end }}
{{- end -}}
