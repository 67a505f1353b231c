{{/* Whether a value, which may be a text or a boolean, says true. */}}
{{- define "ako.is" -}}
{{- if eq (lower (toString .)) "true" }}true{{ end -}}
{{- end -}}

{{- define "ako.primary" -}}
{{- include "ako.is" .Values.AKOSettings.primaryInstance -}}
{{- end -}}

{{- define "ako.makesSecret" -}}
{{- with .Values.avicredentials }}{{ if and .username (or .password .authtoken) }}true{{ end }}{{ end -}}
{{- end -}}

{{/* The ConfigMap: what the operator reads, and no other. Values are texts; lists are JSON; what is not given is empty. */}}
{{- define "ako.settings" -}}
{{- $ako := .Values.AKOSettings }}{{ $net := .Values.NetworkSettings }}{{ $l7 := .Values.L7Settings }}
{{- $l4 := .Values.L4Settings }}{{ $controller := .Values.ControllerSettings }}
{{- $settings := dict
  "controllerIP" $controller.controllerHost
  "tenantName" $controller.tenantName
  "cloudName" $controller.cloudName
  "serviceEngineGroupName" $controller.serviceEngineGroupName
  "vrfName" $controller.vrfName
  "labelKey" (default dict $ako.namespaceSelector).labelKey
  "labelValue" (default dict $ako.namespaceSelector).labelValue
  "nodeKey" (default dict .Values.nodePortSelector).key
  "nodeValue" (default dict .Values.nodePortSelector).value
  "defaultDomain" ($net.defaultDomain | default $l4.defaultDomain)
  "defaultLBController" $l4.defaultLBController
  "autoFQDN" $l4.autoFQDN
}}
{{- range $key := list "clusterName" "primaryInstance" "logLevel" "fullSyncFrequency" "deleteConfig" "disableStaticRouteSync" "cniPlugin" "enableEVH" "layer7Only" "servicesAPI" "vipPerNamespace" "istioEnabled" "blockedNamespaceList" "ipFamily" "vpcMode" }}
{{- $_ := set $settings $key (index $ako $key) }}
{{- end }}
{{- range $key := list "nodeNetworkList" "vipNetworkList" "enableRHI" "bgpPeerLabels" "nsxtT1LR" }}
{{- $_ := set $settings $key (index $net $key) }}
{{- end }}
{{- range $key := list "defaultIngController" "serviceType" "shardVSSize" "enableMCI" "fqdnReusePolicy" }}
{{- $_ := set $settings $key (index $l7 $key) }}
{{- end }}
{{- range $key, $value := $settings }}
{{ $key }}: {{ if kindIs "invalid" $value }}""{{ else if kindIs "slice" $value }}{{ toJson $value | quote }}{{ else if kindIs "float64" $value }}{{ regexReplaceAll "\\.?0+$" (printf "%.6f" $value) "" | quote }}{{ else }}{{ toString $value | quote }}{{ end }}
{{- end }}
{{- end -}}
