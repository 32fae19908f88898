package incident

import "quarterdeck/playground/kubelet"

// fields and list are what patches are made of.
type (
	fields = map[string]any
	list   = []any
)

// release changes a container of a Deployment and the cause of that.
func release(cause, container string, change fields) fields {
	return fields{
		"metadata": fields{"annotations": fields{"kubernetes.io/change-cause": cause}},
		"spec":     fields{"template": fields{"spec": containers(container, change)}},
	}
}

func containers(name string, change fields) fields {
	one := fields{"name": name}
	for key, value := range change {
		one[key] = value
	}
	return fields{"containers": list{one}}
}

func spec(change fields) fields { return fields{"spec": change} }

func template(change fields) fields { return spec(fields{"template": spec(change)}) }

func image(tag string) fields { return fields{"image": "registry.example.com/shop/" + tag} }

// All returns every incident.
func All() []Incident {
	return []Incident{
		{
			Name:        "image-pull",
			Description: "Deployment web/cart gets an image tag that was never pushed: its new pod stays in ImagePullBackOff, the old ones serve on.",
			changes: []change{{
				object: object{kind: deployment, namespace: "web", name: "cart"}, manager: "kubectl-set",
				do:   release("kubectl set image deployment/cart app=registry.example.com/shop/cart:v1.9.1", "app", image("cart:v1.9.1")),
				undo: release("kubectl rollout restart deployment/cart", "app", image("cart:v1.9.0")),
			}},
		},
		{
			Name:        "crash-loop",
			Description: "Deployment payments/checkout is released as v2.3.1, which exits with 1 because nobody sets DB_URL: its new pods are in CrashLoopBackOff, one of the old ones is gone.",
			changes: []change{{
				object: object{kind: deployment, namespace: "payments", name: "checkout"}, manager: "argocd-controller",
				do:   release("release v2.3.1 (PAY-377)", "app", image("checkout:v2.3.1")),
				undo: release("kubectl set env deployment/checkout HTTP_TIMEOUT=4s", "app", image("checkout:v2.3.0")),
			}},
		},
		{
			Name:        "oom-kill",
			Description: "Deployment data/queue has its memory limit lowered below what it needs: its containers are OOMKilled again and again.",
			changes: []change{{
				object: object{kind: deployment, namespace: "data", name: "queue"}, manager: "kubectl-edit",
				do:   release("kubectl edit: save memory", "nats", memory("96Mi", "128Mi")),
				undo: release("helm upgrade queue (chart 1.3.14)", "nats", memory("192Mi", "256Mi")),
			}},
		},
		{
			Name:        "unschedulable-too-big",
			Description: "Deployment batch/etl asks for 24 CPUs a pod, more than any node has: its new pod stays Pending.",
			changes: []change{{
				object: object{kind: deployment, namespace: "batch", name: "etl"}, manager: "kubectl-edit",
				do:   release("kubectl edit: faster loads", "worker", cpu("24", "24")),
				undo: release("kubectl apply --filename=etl.yaml", "worker", cpu("800m", "2")),
			}},
		},
		{
			Name:        "unschedulable-taint",
			Description: "Deployment monitoring/grafana is sent to the tainted pool without a toleration: its new pod stays Pending.",
			changes: []change{{
				object: object{kind: deployment, namespace: "monitoring", name: "grafana"}, manager: "kubectl-patch",
				do:   template(fields{"nodeSelector": fields{"pool": "mem"}}),
				undo: template(fields{"nodeSelector": nil}),
			}},
		},
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
			Name:        "node-not-ready",
			Description: "The kubelet of node std-c-02 stops: the node becomes NotReady when its lease runs out, and its pods are evicted five minutes later.",
			changes: []change{{
				object: object{kind: node, name: "std-c-02"}, manager: "kubectl-label",
				do:   fields{"metadata": fields{"labels": fields{kubelet.StoppedLabel: "true"}}},
				undo: fields{"metadata": fields{"labels": fields{kubelet.StoppedLabel: nil}}},
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
			Name:        "service-no-endpoints",
			Description: "The selector of Service web/search is misspelt: it matches no pod.",
			changes: []change{{
				object: object{kind: service, namespace: "web", name: "search"}, manager: "kubectl-edit",
				do:   spec(fields{"selector": fields{"app": "serch"}}),
				undo: spec(fields{"selector": fields{"app": "search"}}),
			}},
		},
		{
			Name:        "pvc-pending",
			Description: "Deployment data/backup is created with a claim of a storage class that does not exist: claim and pod stay Pending.",
			extras:      backup(),
		},
		{
			Name:        "missing-configmap",
			Description: "Deployment web/wishlist refers to ConfigMap wishlist-v2, which does not exist: its new pod is in CreateContainerConfigError.",
			changes: []change{{
				object: object{kind: deployment, namespace: "web", name: "wishlist"}, manager: "argocd-controller",
				do:   template(containers("app", environment("wishlist-v2"))),
				undo: template(containers("app", environment("wishlist"))),
			}},
		},
		{
			Name:        "readiness-failing",
			Description: "The readiness probe of Deployment web/catalog asks for a path that does not exist: its new pod runs and never becomes ready.",
			changes: []change{{
				object: object{kind: deployment, namespace: "web", name: "catalog"}, manager: "kubectl-patch",
				do:   template(containers("app", probe("/raedyz"))),
				undo: template(containers("app", probe("/readyz"))),
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
	}
}

func memory(request, limit string) fields {
	return fields{"resources": fields{"requests": fields{"memory": request}, "limits": fields{"memory": limit}}}
}

func cpu(request, limit string) fields {
	return fields{"resources": fields{"requests": fields{"cpu": request}, "limits": fields{"cpu": limit}}}
}

func probe(path string) fields {
	return fields{"readinessProbe": fields{"httpGet": fields{"path": path}}}
}

func environment(configMap string) fields {
	return fields{"envFrom": list{fields{"configMapRef": fields{"name": configMap}}}}
}

// merge adds fields to the spec of a patch.
func merge(patch, more fields) fields {
	for key, value := range more {
		patch["spec"].(fields)[key] = value
	}
	return patch
}

// backup is a workload whose claim cannot be bound.
func backup() []object {
	labels := fields{"app": "backup"}
	return []object{
		{
			kind: claim, namespace: "data", name: "backup-target",
			spec: fields{
				"accessModes":      list{"ReadWriteOnce"},
				"storageClassName": "fast-nvme",
				"resources":        fields{"requests": fields{"storage": "500Gi"}},
			},
		},
		{
			kind: deployment, namespace: "data", name: "backup",
			spec: fields{
				"replicas": int64(1),
				"selector": fields{"matchLabels": labels},
				"template": fields{
					"metadata": fields{"labels": labels},
					"spec": fields{
						"containers": list{fields{
							"name": "backup", "image": "registry.example.com/shop/toolbox:1.0",
							"resources":    fields{"requests": fields{"cpu": "50m", "memory": "32Mi"}, "limits": fields{"memory": "64Mi"}},
							"volumeMounts": list{fields{"name": "target", "mountPath": "/backup"}},
						}},
						"volumes": list{fields{"name": "target", "persistentVolumeClaim": fields{"claimName": "backup-target"}}},
					},
				},
			},
		},
	}
}
