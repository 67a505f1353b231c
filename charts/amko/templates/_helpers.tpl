{{/* Whether a value, which may be a text or a boolean, says true. */}}
{{- define "amko.is" -}}
{{- if eq (lower (toString .)) "true" }}true{{ end -}}
{{- end -}}

{{- define "amko.makesSecret" -}}
{{- with .Values.gslbLeaderCredentials }}{{ if and .username .password }}true{{ end }}{{ end -}}
{{- end -}}

{{/* What cannot be right in any release; the schema has checked kinds and words. */}}
{{- define "amko.checks" -}}
{{- if ne .Release.Namespace "avi-system" }}
{{- fail (printf "the namespace is `%s`; AMKO's objects are read in avi-system alone, install with --namespace avi-system" .Release.Namespace) }}
{{- end }}
{{- $uuid := toString (.Values.configs.amkoUUID | default "") }}
{{- if and $uuid (not (regexMatch "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" $uuid)) }}
{{- fail (printf "configs.amkoUUID is `%s`, AMKO-UUID length should be equal to 36. Copy it from the annotation amko.vmware.com/amko-uuid of the GSLBConfig that was there before, or leave it empty" $uuid) }}
{{- end }}
{{- $clusters := list }}
{{- range $index, $member := .Values.configs.memberClusters }}
{{- if not $member.clusterContext }}
{{- fail (printf "configs.memberClusters[%d] names no cluster; give it clusterContext, a context of the kubeconfig in the Secret gslb-config-secret" $index) }}
{{- end }}
{{- $clusters = append $clusters $member.clusterContext }}
{{- end }}
{{- range $key := list "matchClusters" "trafficSplit" }}
{{- range $index, $entry := index $.Values.globalDeploymentPolicy $key }}
{{- if not (has $entry.cluster $clusters) }}
{{- fail (printf "globalDeploymentPolicy.%s[%d].cluster is `%s`; name one of configs.memberClusters (%s), or add it there" $key $index (toString $entry.cluster) (join ", " $clusters)) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.globalDeploymentPolicy }}
{{- if and .healthMonitorRefs .healthMonitorTemplate }}
{{- fail "globalDeploymentPolicy has both healthMonitorRefs and healthMonitorTemplate; leave out one of them" }}
{{- end }}
{{- end }}
{{- with .Values.gslbLeaderCredentials }}
{{- if and .certificateAuthorityData (not (contains "-----BEGIN CERTIFICATE-----" .certificateAuthorityData)) }}
{{- fail "gslbLeaderCredentials.certificateAuthorityData is no certificate; paste it as PEM, with its line -----BEGIN CERTIFICATE-----" }}
{{- end }}
{{- if and (or .username .password) (not (include "amko.makesSecret" $)) }}
{{- fail "gslbLeaderCredentials is half filled; give username and password, or neither and make the Secret gslb-avi-secret yourself" }}
{{- end }}
{{- end }}
{{- end -}}
