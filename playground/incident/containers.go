package incident

// containerIncidents returns what keeps containers from running.
func containerIncidents() []Incident {
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
			Name:        "image-auth",
			Description: "Deployment web/loyalty uses an image of a registry that wants a password: its pod stays in ImagePullBackOff.",
			extras: []extra{workload("web", "loyalty", `
      containers: [{name: app, image: "private.example.com/shop/loyalty:v1.0.0"}]`)},
		},
		{
			Name:        "image-rate-limit",
			Description: "Deployment web/banner uses an image of a registry that allows few pulls: its pod stays in ImagePullBackOff.",
			extras: []extra{workload("web", "banner", `
      containers: [{name: app, image: "busy.example.com/library/banner:2.4"}]`)},
		},
		{
			Name:        "image-name",
			Description: "Deployment web/gifts names its image with capitals, which no image may have: its pod stays in InvalidImageName.",
			extras: []extra{workload("web", "gifts", `
      containers: [{name: app, image: "registry.example.com/shop/Gifts:v1"}]`)},
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
			Name:        "missing-configmap",
			Description: "Deployment web/wishlist refers to ConfigMap wishlist-v2, which does not exist: its new pod is in CreateContainerConfigError.",
			changes: []change{{
				object: object{kind: deployment, namespace: "web", name: "wishlist"}, manager: "argocd-controller",
				do:   template(containers("app", environment("wishlist-v2"))),
				undo: template(containers("app", environment("wishlist"))),
			}},
		},
		{
			Name:        "missing-secret-key",
			Description: "Deployment payments/refunds takes a key from Secret card-gateway that it does not have: its pod is in CreateContainerConfigError.",
			extras: []extra{workload("payments", "refunds", `
      containers:
        - name: app
          image: registry.example.com/shop/toolbox:1.0
          env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: card-gateway, key: refund-token}}}]`)},
		},
		{
			Name:        "bad-command",
			Description: "Deployment web/sitemap runs a program that its image does not have: its container cannot be started.",
			extras: []extra{workload("web", "sitemap", `
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", command: [/app/sitemapd, --serve]}]`)},
		},
		{
			Name:        "mount-failed",
			Description: "Deployment data/replicator mounts a Secret that does not exist: its pod stays in ContainerCreating.",
			extras: []extra{workload("data", "replicator", `
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0", volumeMounts: [{name: keys, mountPath: /keys}]}]
      volumes: [{name: keys, secret: {secretName: replicator-keys}}]`)},
		},
		{
			Name:        "liveness-kill",
			Description: "The liveness probe of Deployment monitoring/alerts asks for a path that does not exist: the kubelet kills its container again and again.",
			extras: []extra{workload("monitoring", "alerts", `
      containers:
        - name: app
          image: registry.example.com/shop/toolbox:1.0
          livenessProbe: {httpGet: {path: /alive, port: 8080}, periodSeconds: 3, failureThreshold: 1}`)},
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
			Name:        "readiness-gate",
			Description: "Deployment web/mobile-api waits for a readiness gate that nobody opens: its pod runs and never becomes ready.",
			extras: []extra{workload("web", "mobile-api", `
      readinessGates: [{conditionType: example.com/registered}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "init-failing",
			Description: "The init container of Deployment data/importer exits with 1: its pod never gets to its own container.",
			extras: []extra{workload("data", "importer", `
      initContainers: [{name: migrate, image: "registry.example.com/shop/checkout:v2.3.1"}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "init-stuck",
			Description: "The init container of Deployment data/reporting waits for a database that nobody started: it runs and does not end.",
			extras: []extra{workload("data", "reporting", `
      initContainers: [{name: wait, image: "registry.example.com/shop/wait-for:1.0"}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "sidecar-failing",
			Description: "The sidecar of Deployment payments/invoices exits with 1: its pod never gets to its own container.",
			extras: []extra{workload("payments", "invoices", `
      initContainers: [{name: proxy, image: "registry.example.com/shop/checkout:v2.3.1", restartPolicy: Always}]
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`)},
		},
		{
			Name:        "exit-zero",
			Description: "Deployment web/sweeper runs a program that ends when it is done: its container is started again and again.",
			extras: []extra{workload("web", "sweeper", `
      containers: [{name: app, image: "registry.example.com/shop/report-mail:v0.9.0"}]`)},
		},
		{
			Name:        "evicted",
			Description: "Pod data/reindex writes more than its limit of ephemeral storage: the kubelet evicts it.",
			extras: created(`
apiVersion: v1
kind: Pod
metadata: {name: reindex, namespace: data, labels: {app: reindex}}
spec:
  restartPolicy: Never
  containers:
    - {name: app, image: "registry.example.com/shop/reindex:v1.0.0", resources: {limits: {ephemeral-storage: 64Mi}}}`),
		},
		{
			Name:        "pod-stuck-terminating",
			Description: "Pod data/export is deleted while a finalizer holds it that nobody takes away: it stays Terminating.",
			extras: []extra{{leaving: true, text: `
apiVersion: v1
kind: Pod
metadata: {name: export, namespace: data, labels: {app: export}, finalizers: [example.com/export]}
spec:
  terminationGracePeriodSeconds: 5
  containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`}},
		},
	}
}
