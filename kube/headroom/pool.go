package headroom

import "quarterdeck/kube/store"

// PoolLabels returns the labels by which the usual clouds and installers name
// the pool of a node, in the order in which they are looked for: what the
// autoscaler of nodes goes by comes before what a cloud calls it.
func PoolLabels() []string {
	return []string{
		"karpenter.sh/nodepool",
		"karpenter.sh/provisioner-name",
		"cloud.google.com/gke-nodepool",
		"eks.amazonaws.com/nodegroup",
		"alpha.eksctl.io/nodegroup-name",
		"kubernetes.azure.com/agentpool",
		"agentpool",
		"kops.k8s.io/instancegroup",
		"worker.gardener.cloud/pool",
		"doks.digitalocean.com/node-pool",
		"ibm-cloud.kubernetes.io/worker-pool-name",
		"lke.linode.com/pool-id",
		"alibabacloud.com/nodepool-id",
		"k8s.scaleway.com/pool-name",
		"tke.cloud.tencent.com/nodepool-id",
		"autoscaling.k8s.io/nodegroup",
		"nodepool", // OVHcloud, and what people write themselves
		"node-pool",
		"pool",
	}
}

// poolOf returns the pool that the labels of a node name, "" if they name none.
func poolOf(labels *store.Labels, keys []string) string {
	for _, k := range keys {
		if v := labels.Get(k); v != "" {
			return v
		}
	}
	return ""
}
