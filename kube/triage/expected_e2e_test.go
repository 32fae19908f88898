//go:build e2e

package triage_test

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/triage"
)

// expectation is what is to be found of an incident.
type expectation struct {
	incident string // of the playground
	shows    sign
	root     string // whose row it is
	rule     string // among those that find it
	cause    string // part of the row's
	first    triage.Do
	// grace is how long what the sign shows is nothing to worry about.
	grace time.Duration
	// forgotten is set for what is an incident when it has been so for long.
	forgotten bool
}

// on is the sign of an object.
func on(resource, namespace, name string, words ...string) sign {
	groups := map[string]string{
		"apiservices":               "apiregistration.k8s.io/v1",
		"cronjobs":                  "batch/v1",
		"customresourcedefinitions": "apiextensions.k8s.io/v1",
		"databases":                 "data.example.com/v1",
		"deployments":               "apps/v1",
		"horizontalpodautoscalers":  "autoscaling/v2",
		"ingresses":                 "networking.k8s.io/v1",
		"jobs":                      "batch/v1",
		"namespaces":                "v1",
		"networkpolicies":           "networking.k8s.io/v1",
		"nodes":                     "v1",
		"persistentvolumeclaims":    "v1",
		"persistentvolumes":         "v1",
		"poddisruptionbudgets":      "policy/v1",
		"pods":                      "v1",
		"resourcequotas":            "v1",
		"secrets":                   "v1",
		"services":                  "v1",
	}
	gv, err := schema.ParseGroupVersion(groups[resource])
	if err != nil {
		panic(err) // it stands above
	}
	return sign{gv.WithResource(resource), namespace, name, words}
}

// expectations returns one for each incident.
func expectations() []expectation {
	return slices.Concat(expectedContainers(), expectedScheduling(), expectedWorkloads(), expectedNodes(), expectedNetwork(), expectedStorage(), expectedPolicy())
}

func expectedContainers() []expectation {
	return []expectation{
		{incident: "image-pull", shows: on("pods", "web", "cart-", "ImagePullBackOff"), root: "deploy/cart in web", rule: "image-pull", cause: "cart:v1.9.1 not found", first: triage.UndoRollout},
		{incident: "image-auth", shows: on("pods", "web", "loyalty-", "ImagePullBackOff"), root: "deploy/loyalty in web", rule: "image-pull", cause: "loyalty:v1.0.0 not found, or no access", first: triage.Edit},
		{incident: "image-rate-limit", shows: on("pods", "web", "banner-", "ImagePullBackOff"), root: "deploy/banner in web", rule: "image-pull", cause: "rate limit", first: triage.ShowEvents},
		{incident: "image-name", shows: on("pods", "web", "gifts-", "InvalidImageName"), root: "deploy/gifts in web", rule: "image-pull", cause: "bad image name", first: triage.Edit},
		{incident: "crash-loop", shows: on("pods", "payments", "checkout-", "CrashLoopBackOff"), root: "deploy/checkout in payments", rule: "crash-loop", cause: "v2.3.1 exits 1", first: triage.UndoRollout},
		{incident: "oom-kill", shows: on("pods", "data", "queue-", "OOMKilled", "CrashLoopBackOff"), root: "deploy/queue in data", rule: "oom-killed", cause: "memory limit of 128Mi", first: triage.UndoRollout},
		{incident: "missing-configmap", shows: on("pods", "web", "wishlist-", "CreateContainerConfigError"), root: "cm/wishlist-v2 in web", rule: "missing-config", cause: "does not exist", first: triage.UndoRollout},
		{incident: "missing-secret-key", shows: on("pods", "payments", "refunds-", "CreateContainerConfigError"), root: "secret/card-gateway in payments", rule: "missing-config", cause: "no key refund-token", first: triage.Edit},
		{incident: "bad-command", shows: on("pods", "web", "sitemap-", "StartError"), root: "deploy/sitemap in web", rule: "cannot-start", cause: "/app/sitemapd is not in the image", first: triage.Edit},
		{incident: "mount-failed", shows: on("pods", "data", "replicator-", "ContainerCreating"), root: "secret/replicator-keys in data", rule: "missing-config", cause: "does not exist", first: triage.ShowYAML, grace: 10 * time.Second},
		{incident: "liveness-kill", shows: on("pods", "monitoring", "alerts-", "CrashLoopBackOff"), root: "deploy/alerts in monitoring", rule: "probe-kills", cause: "liveness probe", first: triage.ShowLogs},
		{incident: "readiness-failing", shows: on("pods", "web", "catalog-", `"ready":false`, "running"), root: "deploy/catalog in web", rule: "not-ready", cause: "404", first: triage.UndoRollout, grace: 60 * time.Second},
		{incident: "readiness-gate", shows: on("pods", "web", "mobile-api-", "ReadinessGatesNotReady"), root: "deploy/mobile-api in web", rule: "not-ready", cause: "gate", first: triage.ShowYAML, grace: 60 * time.Second, forgotten: true},
		{incident: "init-failing", shows: on("pods", "data", "importer-", "CrashLoopBackOff"), root: "deploy/importer in data", rule: "crash-loop", cause: "init container migrate exits 1", first: triage.ShowLogs},
		{incident: "init-stuck", shows: on("pods", "data", "reporting-", `"initContainerStatuses"`, `"running"`), root: "deploy/reporting in data", rule: "init-stuck", cause: "init container wait runs", first: triage.ShowLogs, forgotten: true},
		{incident: "sidecar-failing", shows: on("pods", "payments", "invoices-", "CrashLoopBackOff"), root: "deploy/invoices in payments", rule: "crash-loop", cause: "sidecar proxy exits 1", first: triage.ShowLogs},
		{incident: "exit-zero", shows: on("pods", "web", "sweeper-", "CrashLoopBackOff"), root: "deploy/sweeper in web", rule: "completes", cause: "exits 0", first: triage.ShowLogs},
		{incident: "evicted", shows: on("pods", "data", "reindex", "Evicted"), root: "pod/reindex in data", rule: "evicted", cause: "ephemeral storage limit", first: triage.ShowHeadroom},
		{incident: "pod-stuck-terminating", shows: on("pods", "data", "export", "Running"), root: "pod/export in data", rule: "terminating", cause: "example.com/export", first: triage.ShowYAML, grace: 60 * time.Second},
	}
}

func expectedScheduling() []expectation {
	return []expectation{
		{incident: "unschedulable-too-big", shows: on("pods", "batch", "etl-", "Unschedulable"), root: "deploy/etl in batch", rule: "too-big", cause: "needs 24 cpu", first: triage.UndoRollout, grace: 15 * time.Second},
		{incident: "unschedulable-taint", shows: on("pods", "monitoring", "grafana-", "Unschedulable"), root: "deploy/grafana in monitoring", rule: "untolerated-taint", cause: "pool=mem", first: triage.UndoRollout, grace: 15 * time.Second},
		{incident: "unschedulable-selector", shows: on("pods", "data", "vectors-", "Unschedulable"), root: "deploy/vectors in data", rule: "no-matching-node", cause: "no node has disk=nvme", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-anti-affinity", shows: on("pods", "web", "sessions-", "Unschedulable"), root: "deploy/sessions in web", rule: "pod-affinity", cause: "affinity", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-affinity", shows: on("pods", "web", "prerender-", "Unschedulable"), root: "deploy/prerender in web", rule: "pod-affinity", cause: "affinity", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-spread", shows: on("pods", "web", "stories-", "Unschedulable"), root: "deploy/stories in web", rule: "topology-spread", cause: "spread", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-host-port", shows: on("pods", "monitoring", "gateway-", "Unschedulable"), root: "deploy/gateway in monitoring", rule: "host-port", cause: "port", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-gpu", shows: on("pods", "data", "embedder-", "Unschedulable"), root: "deploy/embedder in data", rule: "too-big", cause: "example.com/gpu", first: triage.Edit, grace: 15 * time.Second},
		{incident: "unschedulable-gated", shows: on("pods", "data", "training-", "SchedulingGated"), root: "deploy/training in data", rule: "scheduling-gate", cause: "gates", first: triage.ShowYAML, forgotten: true},
		{incident: "unschedulable-volume-zone", shows: on("pods", "data", "ledger-copy-", "Unschedulable"), root: "deploy/ledger-copy in data", rule: "volume-node", cause: "node affinity", first: triage.ShowHeadroom, grace: 15 * time.Second},
		{incident: "unschedulable-pod-slots", shows: on("pods", "data", "cache-warmer-", "Unschedulable"), root: "node/mem-b-04", rule: "pod-slots", cause: "pod slot", first: triage.WhatIf, grace: 15 * time.Second},
	}
}

func expectedWorkloads() []expectation {
	return []expectation{
		{incident: "rollout-stuck", shows: on("deployments", "payments", "fraud-check", "ProgressDeadlineExceeded"), root: "deploy/fraud-check in payments", rule: "rollout-stuck", cause: "503", first: triage.UndoRollout},
		{incident: "rollout-paused", shows: on("deployments", "kube-system", "ingress-nginx", "DeploymentPaused"), root: "deploy/ingress-nginx in kube-system", rule: "rollout-paused", cause: "paused", first: triage.Resume, forgotten: true},
		{incident: "quota-exceeded", shows: on("deployments", "batch", "thumbnailer", "FailedCreate"), root: "resourcequota/batch in batch", rule: "create-refused", cause: "requests.memory", first: triage.Edit},
		{incident: "limit-range", shows: on("deployments", "sandbox-limits", "notebook", "FailedCreate"), root: "deploy/notebook in sandbox-limits", rule: "create-refused", cause: "maximum memory usage", first: triage.Edit},
		{incident: "pod-security", shows: on("deployments", "sandbox-restricted", "profiler", "FailedCreate"), root: "deploy/profiler in sandbox-restricted", rule: "create-refused", cause: "restricted", first: triage.Edit},
		{incident: "missing-service-account", shows: on("deployments", "web", "mailer", "FailedCreate"), root: "deploy/mailer in web", rule: "create-refused", cause: "mailer", first: triage.Edit},
		{incident: "statefulset-held", shows: on("pods", "data", "archive-0", "CrashLoopBackOff"), root: "sts/archive in data", rule: "crash-loop", cause: "v2.3.1 exits 1", first: triage.ShowLogs},
		{incident: "daemonset-missing", shows: on("pods", "monitoring", "tracer-", "Unschedulable"), root: "ds/tracer in monitoring", rule: "no-room", cause: "cpu", first: triage.WhatIf, grace: 15 * time.Second},
		{incident: "job-failed", shows: on("jobs", "data", "reconcile-2025", "BackoffLimitExceeded"), root: "job/reconcile-2025 in data", rule: "job-failed", cause: "exits 1", first: triage.ShowLogs},
		{incident: "job-deadline", shows: on("jobs", "data", "vacuum", "DeadlineExceeded"), root: "job/vacuum in data", rule: "job-failed", cause: "deadline", first: triage.RunAgain},
		{incident: "cronjob-failed", shows: on("jobs", "data", "rotate-keys-", "BackoffLimitExceeded"), root: "cronjob/rotate-keys in data", rule: "last-run-failed", cause: "exits 1", first: triage.ShowLogs},
		{incident: "cronjob-suspended", shows: on("cronjobs", "batch", "report-mail"), root: "cronjob/report-mail in batch", rule: "cron-suspended", cause: "suspended", first: triage.Resume, forgotten: true},
		{incident: "hpa-at-max", shows: on("horizontalpodautoscalers", "web", "search", "TooManyReplicas"), root: "deploy/search in web", rule: "hpa-at-max", cause: "cpu", first: triage.Edit, grace: 15 * time.Second},
		{incident: "hpa-no-metrics", shows: on("horizontalpodautoscalers", "kube-system", "coredns", "FailedGetPodsMetric"), root: "hpa/coredns in kube-system", rule: "hpa-blind", cause: "metric", first: triage.Edit, forgotten: true},
		{incident: "pdb-blocks", shows: on("poddisruptionbudgets", "kube-system", "ingress-nginx", `"disruptionsAllowed":0`, `"expectedPods":2`), root: "pdb/ingress-nginx in kube-system", rule: "budget-blocks", cause: "", first: triage.Edit, grace: 60 * time.Second},
		{incident: "pdb-matches-nothing", shows: on("poddisruptionbudgets", "data", "cache", `"expectedPods":0`), root: "pdb/cache in data", rule: "budget-idle", cause: "", first: triage.Edit, forgotten: true},
	}
}

func expectedNodes() []expectation {
	return []expectation{
		{incident: "node-not-ready", shows: on("nodes", "", "std-c-02", "NodeStatusUnknown"), root: "node/std-c-02", rule: "node-not-ready", cause: "the kubelet is silent", first: triage.WhatIf},
		{incident: "node-runtime-down", shows: on("nodes", "", "std-b-02", "KubeletNotReady"), root: "node/std-b-02", rule: "node-not-ready", cause: "container runtime is down", first: triage.WhatIf, forgotten: true},
		{incident: "node-memory-pressure", shows: on("nodes", "", "std-a-02", "KubeletHasInsufficientMemory"), root: "node/std-a-02", rule: "node-pressure", cause: "insufficient memory", first: triage.WhatIf},
		{incident: "node-disk-pressure", shows: on("nodes", "", "mem-a-04", "KubeletHasDiskPressure"), root: "node/mem-a-04", rule: "node-pressure", cause: "disk pressure", first: triage.WhatIf},
		{incident: "node-pid-pressure", shows: on("nodes", "", "std-c-01", "KubeletHasInsufficientPID"), root: "node/std-c-01", rule: "node-pressure", cause: "PID", first: triage.WhatIf},
		{incident: "node-network-unavailable", shows: on("nodes", "", "std-b-01", "NoRouteCreated"), root: "node/std-b-01", rule: "node-network", cause: "route", first: triage.WhatIf, forgotten: true},
		{incident: "node-cordoned", shows: on("nodes", "", "std-a-01"), root: "node/std-a-01", rule: "node-cordoned", cause: "", first: triage.WhatIf, forgotten: true},
		{incident: "node-version-skew", shows: on("nodes", "", "mem-c-04", "v1.32.9"), root: "node/mem-c-04", rule: "node-skew", cause: "v1.32.9", first: triage.WhatIf},
	}
}

func expectedNetwork() []expectation {
	return []expectation{
		{incident: "service-no-endpoints", shows: on("services", "web", "search"), root: "svc/search in web", rule: "no-endpoints", cause: "serch", first: triage.Edit},
		{incident: "service-wrong-port", shows: on("services", "web", "admin"), root: "svc/admin in web", rule: "target-port", cause: "admin", first: triage.Edit, grace: 10 * time.Second},
		{incident: "service-wrong-port-number", shows: on("services", "web", "metrics"), root: "svc/metrics in web", rule: "target-port", cause: "9999", first: triage.Edit, grace: 10 * time.Second},
		{incident: "loadbalancer-pending", shows: on("services", "web", "edge"), root: "svc/edge in web", rule: "load-balancer-pending", cause: "", first: triage.ShowEvents, forgotten: true},
		{incident: "external-name-broken", shows: on("services", "web", "ledger"), root: "svc/ledger in web", rule: "external-name", cause: "no service ledger in payment", first: triage.Edit, grace: 60 * time.Second},
		{incident: "ingress-no-service", shows: on("ingresses", "web", "blog"), root: "ingress/blog in web", rule: "ingress-backend", cause: "blog", first: triage.ShowYAML, grace: 30 * time.Second},
		{incident: "ingress-no-port", shows: on("ingresses", "web", "news"), root: "ingress/news in web", rule: "ingress-backend", cause: "8443", first: triage.ShowYAML, grace: 30 * time.Second},
		{incident: "ingress-no-secret", shows: on("ingresses", "web", "partners"), root: "ingress/partners in web", rule: "ingress-tls", cause: "partners-tls", first: triage.ShowEvents, forgotten: true},
		{incident: "ingress-no-class", shows: on("ingresses", "web", "legacy"), root: "ingress/legacy in web", rule: "ingress-class", cause: "traefik", first: triage.Edit, grace: 30 * time.Second},
		{incident: "certificate-expired", shows: on("secrets", "web", "status-tls"), root: "secret/status-tls in web", rule: "certificate-expiry", cause: "shown by ingress/status", first: triage.ShowEvents},
		{incident: "certificate-expiring", shows: on("secrets", "web", "careers-tls"), root: "secret/careers-tls in web", rule: "certificate-expiry", cause: "shown by ingress/careers", first: triage.ShowEvents},
		{incident: "networkpolicy-isolates", shows: on("networkpolicies", "data", "lockdown"), root: "networkpolicy/lockdown in data", rule: "network-policy-isolates", cause: "allows no ingress", first: triage.ShowYAML, grace: 15 * time.Second},
	}
}

func expectedStorage() []expectation {
	return []expectation{
		{incident: "pvc-pending", shows: on("persistentvolumeclaims", "data", "backup-target", "Pending"), root: "pvc/backup-target in data", rule: "pvc-pending", cause: "fast-nvme", first: triage.ShowEvents, grace: 10 * time.Second},
		{incident: "pvc-no-provisioner", shows: on("persistentvolumeclaims", "data", "scans", "Pending"), root: "pvc/scans in data", rule: "pvc-pending", cause: "nfs.example.com", first: triage.ShowEvents, grace: 60 * time.Second},
		{incident: "pvc-no-volume", shows: on("persistentvolumeclaims", "data", "tapes", "Pending"), root: "pvc/tapes in data", rule: "pvc-pending", cause: "", first: triage.ShowEvents, grace: 10 * time.Second},
		{incident: "pvc-lost", shows: on("persistentvolumeclaims", "data", "photos", "Lost"), root: "pvc/photos in data", rule: "pvc-lost", cause: "photos", first: triage.ShowYAML},
		{incident: "pv-released", shows: on("persistentvolumes", "", "old-orders", "Released"), root: "pv/old-orders", rule: "pv-released", cause: "", first: triage.ShowYAML, forgotten: true},
		{incident: "pv-failed", shows: on("persistentvolumes", "", "old-carts", "Failed"), root: "pv/old-carts", rule: "pv-failed", cause: "no deletable volume plugin", first: triage.ShowYAML},
		{incident: "resize-pending", shows: on("persistentvolumeclaims", "data", "warehouse", "FileSystemResizePending"), root: "pvc/warehouse in data", rule: "pvc-resize", cause: "", first: triage.ShowEvents, forgotten: true},
	}
}

func expectedPolicy() []expectation {
	return []expectation{
		{incident: "namespace-stuck", shows: on("namespaces", "", "sandbox-old", "SomeFinalizersRemain"), root: "apiservice/v1alpha1.reports.example.com", rule: "namespace-stuck", cause: "reports", first: triage.ShowYAML, forgotten: true},
		{incident: "quota-near", shows: on("resourcequotas", "payments", "storage", "60Gi"), root: "resourcequota/storage in payments", rule: "quota-full", cause: "requests.storage 60Gi/64Gi", first: triage.Edit, grace: 30 * time.Second},
		{incident: "apiservice-unavailable", shows: on("apiservices", "", "v1alpha1.reports.example.com", "ServiceNotFound"), root: "apiservice/v1alpha1.reports.example.com", rule: "api-unavailable", cause: "reports", first: triage.ShowYAML, grace: 15 * time.Second},
		{incident: "webhook-down", shows: on("deployments", "web", "reviewed", "FailedCreate"), root: "validatingwebhookconfiguration/review", rule: "create-refused", cause: "no service review", first: triage.ShowEvents},
		{incident: "crd-not-established", shows: on("customresourcedefinitions", "", "stores.data.example.com", "NamesAccepted"), root: "crd/stores.data.example.com", rule: "crd-not-established", cause: "", first: triage.ShowYAML, grace: 30 * time.Second},
		{incident: "custom-resource-not-ready", shows: on("databases", "data", "orders", "ReplicaDown"), root: "database/orders in data", rule: "custom-resource", cause: "replica 2 of 2", first: triage.ShowEvents, grace: 60 * time.Second},
	}
}
