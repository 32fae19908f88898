package incident

// policy returns what is wrong with the cluster itself.
func policy() []Incident {
	return []Incident{
		{
			Name:        "namespace-stuck",
			Description: "Namespace sandbox-old is deleted while a ConfigMap in it is held by a finalizer: it stays Terminating.",
			extras: []extra{
				{leaving: true, text: `
apiVersion: v1
kind: Namespace
metadata: {name: sandbox-old}`},
				{text: `
apiVersion: v1
kind: ConfigMap
metadata: {name: state, namespace: sandbox-old, finalizers: [example.com/state]}`},
			},
		},
		{
			Name:        "quota-near",
			Description: "ResourceQuota payments/storage allows 64Gi, of which 60Gi are used.",
			extras: created(`
apiVersion: v1
kind: ResourceQuota
metadata: {name: storage, namespace: payments}
spec: {hard: {requests.storage: 64Gi}}`),
		},
		{
			Name:        "apiservice-unavailable",
			Description: "API v1alpha1.reports.example.com is registered for a Service that does not exist.",
			extras: created(`
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1alpha1.reports.example.com}
spec:
  group: reports.example.com
  version: v1alpha1
  groupPriorityMinimum: 1000
  versionPriority: 15
  insecureSkipTLSVerify: true
  service: {namespace: monitoring, name: reports}`),
		},
		{
			Name:        "webhook-down",
			Description: "Webhook pods.review.example.com decides about pods of Deployment web/reviewed, and its Service does not exist: its ReplicaSet cannot create them.",
			extras: created(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: review}
webhooks:
  - name: pods.review.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Fail
    timeoutSeconds: 2
    clientConfig: {service: {namespace: web, name: review}}
    objectSelector: {matchLabels: {app: reviewed}}
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviewed, namespace: web, labels: {app: reviewed}}
spec:
  selector: {matchLabels: {app: reviewed}}
  template:
    metadata: {labels: {app: reviewed}}
    spec:
      containers: [{name: app, image: "registry.example.com/shop/toolbox:1.0"}]`),
		},
		{
			Name:        "crd-not-established",
			Description: "CustomResourceDefinition stores.data.example.com wants a kind that another one has: it is not established.",
			extras: created(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stores.data.example.com}
spec:
  group: data.example.com
  scope: Namespaced
  names: {kind: Database, plural: stores, singular: store}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`),
		},
		{
			Name:        "custom-resource-not-ready",
			Description: "The operator of Database data/orders reports that a replica is away: it is not Ready.",
			changes: []change{{
				object: object{kind: database, namespace: "data", name: "orders"}, manager: "database-operator", status: true,
				do:   ready("False", "ReplicaDown", "replica 2 of 2 does not accept connections"),
				undo: ready("True", "AllReplicasUp", "all replicas accept connections"),
			}},
		},
	}
}

// ready is what an operator reports of a custom resource.
func ready(status, reason, message string) fields {
	return fields{"status": fields{"conditions": list{condition("Ready", status, reason, message)}}}
}
