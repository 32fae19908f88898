package incident

// scheduling returns what keeps pods from getting a node.
func scheduling() []Incident {
	return []Incident{
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
			Name:        "unschedulable-selector",
			Description: "Deployment data/vectors wants nodes with a label that none has: its pod stays Pending.",
			extras: []extra{workload("data", "vectors", `
      nodeSelector: {disk: nvme}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "unschedulable-anti-affinity",
			Description: "Deployment web/sessions wants each of its four pods in another of three zones: one stays Pending.",
			extras: created(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: sessions, namespace: web, labels: {app: sessions}}
spec:
  replicas: 4
  selector: {matchLabels: {app: sessions}}
  template:
    metadata: {labels: {app: sessions}}
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: sessions}}}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`),
		},
		{
			Name:        "unschedulable-affinity",
			Description: "Deployment web/prerender wants to be beside pods that do not exist: its pod stays Pending.",
			extras: []extra{workload("web", "prerender", `
      affinity:
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: renderer}}}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "unschedulable-spread",
			Description: "Deployment web/stories is spread over racks, and no node tells its rack: its pod stays Pending.",
			extras: []extra{workload("web", "stories", `
      topologySpreadConstraints:
        - {topologyKey: example.com/rack, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: stories}}}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "unschedulable-host-port",
			Description: "Both pods of Deployment monitoring/gateway want port 8099 of node std-a-03: one stays Pending.",
			extras: created(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: monitoring, labels: {app: gateway}}
spec:
  replicas: 2
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}}
    spec:
      nodeSelector: {kubernetes.io/hostname: std-a-03}
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", ports: [{containerPort: 8099, hostPort: 8099}]}]`),
		},
		{
			Name:        "unschedulable-gpu",
			Description: "Deployment data/embedder asks for a GPU, which no node has: its pod stays Pending.",
			extras: []extra{workload("data", "embedder", `
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", resources: {limits: {example.com/gpu: 1}}}]`)},
		},
		{
			Name:        "unschedulable-gated",
			Description: "Deployment data/training waits for a scheduling gate that nobody takes away: its pod is not scheduled.",
			extras: []extra{workload("data", "training", `
      schedulingGates: [{name: example.com/approval}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "unschedulable-volume-zone",
			Description: "Deployment data/ledger-copy uses a volume of a zone without nodes: its pod stays Pending.",
			extras: created(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: ledger-copy}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 20Gi}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  csi: {driver: csi.playground.example.com, volumeHandle: ledger-copy}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: data, name: ledger-copy}
  nodeAffinity:
    required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [zone-d]}]}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ledger-copy, namespace: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: ledger-copy
  resources: {requests: {storage: 20Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ledger-copy, namespace: data, labels: {app: ledger-copy}}
spec:
  selector: {matchLabels: {app: ledger-copy}}
  template:
    metadata: {labels: {app: ledger-copy}}
    spec:
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", volumeMounts: [{name: copy, mountPath: /copy}]}]
      volumes: [{name: copy, persistentVolumeClaim: {claimName: ledger-copy}}]`),
		},
		{
			Name:        "unschedulable-pod-slots",
			Description: "Node mem-b-04 has room for fewer pods than it runs, and Deployment data/cache-warmer wants to go there: its pod stays Pending.",
			changes: []change{{
				object: object{kind: node, name: "mem-b-04"}, manager: "kubelet", status: true,
				do:   podSlots("2"),
				undo: podSlots("110"),
			}},
			extras: []extra{workload("data", "cache-warmer", `
      nodeSelector: {kubernetes.io/hostname: mem-b-04}
      tolerations: [{key: pool, operator: Exists}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
	}
}

func podSlots(n string) fields { return fields{"status": fields{"allocatable": fields{"pods": n}}} }
