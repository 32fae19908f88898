package incident

// workloads returns what controllers cannot do.
func workloads() []Incident {
	return []Incident{
		{
			Name:        "rollout-stuck",
			Description: "Deployment payments/fraud-check is released as 2026.12, which waits for a migration and answers its readiness probe with 503: after 20 s the rollout is past its deadline.",
			changes: []change{{
				object: object{kind: deployment, namespace: "payments", name: "fraud-check"}, manager: "argocd-controller",
				do: merge(release("model 2026.12", "scorer", image("fraud-check:2026.12")), fields{"progressDeadlineSeconds": 20}),
				// The default, which the manifest leaves to the server.
				undo: merge(release("model 2026.11", "scorer", image("fraud-check:2026.11")), fields{"progressDeadlineSeconds": 600}),
			}},
		},
		{
			Name:        "rollout-paused",
			Description: "Deployment kube-system/ingress-nginx is paused and then changed: its controller does nothing about it.",
			changes: []change{{
				object: object{kind: deployment, namespace: "kube-system", name: "ingress-nginx"}, manager: "kubectl-rollout",
				do: merge(template(containers("controller", limit("384Mi"))), fields{"paused": true}),
				// A manifest leaves it out.
				undo: merge(template(containers("controller", limit("320Mi"))), fields{"paused": nil}),
			}},
		},
		{
			Name:        "quota-exceeded",
			Description: "Deployment batch/thumbnailer is scaled to 12 while the memory quota of its namespace is cut: its ReplicaSet cannot create all pods.",
			changes: []change{
				{
					object: object{kind: quota, namespace: "batch", name: "batch"}, manager: "kubectl-edit",
					do:   spec(fields{"hard": fields{"requests.memory": "5100Mi"}}),
					undo: spec(fields{"hard": fields{"requests.memory": "24Gi"}}),
				},
				{
					object: object{kind: deployment, namespace: "batch", name: "thumbnailer"}, manager: "kubectl-scale",
					do:   spec(fields{"replicas": 12}),
					undo: spec(fields{"replicas": 2}),
				},
			},
		},
		{
			Name:        "limit-range",
			Description: "Deployment sandbox-limits/notebook wants more memory than the LimitRange of its namespace allows: its ReplicaSet cannot create its pod.",
			extras: created(`
apiVersion: v1
kind: Namespace
metadata: {name: sandbox-limits}
---
apiVersion: v1
kind: LimitRange
metadata: {name: small, namespace: sandbox-limits}
spec: {limits: [{type: Container, max: {memory: 256Mi}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: notebook, namespace: sandbox-limits, labels: {app: notebook}}
spec:
  selector: {matchLabels: {app: notebook}}
  template:
    metadata: {labels: {app: notebook}}
    spec:
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", resources: {limits: {memory: 512Mi}}}]`),
		},
		{
			Name:        "pod-security",
			Description: "Deployment sandbox-restricted/profiler wants to be privileged where pod security is restricted: its ReplicaSet cannot create its pod.",
			extras: created(`
apiVersion: v1
kind: Namespace
metadata:
  name: sandbox-restricted
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: profiler, namespace: sandbox-restricted, labels: {app: profiler}}
spec:
  selector: {matchLabels: {app: profiler}}
  template:
    metadata: {labels: {app: profiler}}
    spec:
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", securityContext: {privileged: true}}]`),
		},
		{
			Name:        "missing-service-account",
			Description: "Deployment web/mailer runs as a service account that does not exist: its ReplicaSet cannot create its pod.",
			extras: []extra{workload("web", "mailer", `
      serviceAccountName: mailer
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "statefulset-held",
			Description: "Pod archive-0 of StatefulSet data/archive crashes: the other two of its pods are not made.",
			extras: created(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: archive, namespace: data, labels: {app: archive}}
spec:
  replicas: 3
  serviceName: archive
  selector: {matchLabels: {app: archive}}
  template:
    metadata: {labels: {app: archive}}
    spec:
      containers: [{name: app, image: "registry.example.com/shop/checkout:v2.3.1"}]`),
		},
		{
			Name:        "daemonset-missing",
			Description: "DaemonSet monitoring/tracer asks for more CPU than the small nodes have: its pods there stay Pending.",
			extras: created(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: tracer, namespace: monitoring, labels: {app: tracer}}
spec:
  selector: {matchLabels: {app: tracer}}
  template:
    metadata: {labels: {app: tracer}}
    spec:
      nodeSelector: {node.kubernetes.io/instance-type: std-4}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", resources: {requests: {cpu: 5}}}]`),
		},
		{
			Name:        "job-failed",
			Description: "Job data/reconcile-2025 exits with 1 as often as it may: it has failed.",
			extras: created(`
apiVersion: batch/v1
kind: Job
metadata: {name: reconcile-2025, namespace: data}
spec:
  backoffLimit: 1
  template:
    metadata: {labels: {app: reconcile-2025}}
    spec:
      restartPolicy: Never
      containers: [{name: app, image: "registry.example.com/shop/checkout:v2.3.1"}]`),
		},
		{
			Name:        "job-deadline",
			Description: "Job data/vacuum waits for something until its deadline: it has failed.",
			extras: created(`
apiVersion: batch/v1
kind: Job
metadata: {name: vacuum, namespace: data}
spec:
  activeDeadlineSeconds: 8
  template:
    metadata: {labels: {app: vacuum}}
    spec:
      restartPolicy: Never
      containers: [{name: app, image: "registry.example.com/shop/wait-for:1.0"}]`),
		},
		{
			Name:        "cronjob-failed",
			Description: "The Jobs of CronJob data/rotate-keys exit with 1: its last run has failed.",
			extras: created(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: rotate-keys, namespace: data}
spec:
  schedule: "* * * * *"
  concurrencyPolicy: Forbid
  failedJobsHistoryLimit: 1
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {app: rotate-keys}}
        spec:
          restartPolicy: Never
          containers: [{name: app, image: "registry.example.com/shop/checkout:v2.3.1"}]`),
		},
		{
			Name:        "cronjob-suspended",
			Description: "CronJob batch/report-mail is suspended: it runs no more.",
			changes: []change{{
				object: object{kind: cronJob, namespace: "batch", name: "report-mail"}, manager: "kubectl-patch",
				do:   spec(fields{"suspend": true}),
				undo: spec(fields{"suspend": false}),
			}},
		},
		{
			Name:        "hpa-at-max",
			Description: "Deployment web/search is released as 3.6.0, which needs four times the CPU for the same queries: its autoscaler reaches its maximum and would need more.",
			changes: []change{{
				object: object{kind: deployment, namespace: "web", name: "search"}, manager: "argocd-controller",
				do:   release("search 3.6.0", "app", image("search:3.6.0")),
				undo: release("search 3.5.0", "app", image("search:3.5.0")),
			}},
		},
		{
			Name:        "hpa-no-metrics",
			Description: "The autoscaler of Deployment kube-system/coredns wants a metric that nobody serves: it does nothing.",
			extras: created(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: coredns, namespace: kube-system}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: coredns}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Pods, pods: {metric: {name: queries_per_second}, target: {type: AverageValue, averageValue: 500}}}]`),
		},
		{
			Name:        "pdb-blocks",
			Description: "PodDisruptionBudget kube-system/ingress-nginx wants all pods to stay: no node with one of them can be drained.",
			extras: created(`
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: ingress-nginx, namespace: kube-system}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: ingress-nginx}}}`),
		},
		{
			Name:        "pdb-matches-nothing",
			Description: "PodDisruptionBudget data/cache protects pods with a label that none has.",
			extras: created(`
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: cache, namespace: data}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: cache}}}`),
		},
	}
}
