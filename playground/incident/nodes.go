package incident

import "quarterdeck/playground/kubelet"

// nodes returns what is wrong with nodes.
func nodes() []Incident {
	return []Incident{
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
			Name:        "node-runtime-down",
			Description: "The kubelet of node std-b-02 reports that its container runtime is down: the node is NotReady.",
			changes: []change{reported("std-b-02", "kubelet",
				condition("Ready", "False", "KubeletNotReady", "container runtime is down"),
				condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"))},
		},
		{
			Name:        "node-memory-pressure",
			Description: "The kubelet of node std-a-02 reports that memory gets short: no pods are scheduled there.",
			changes: []change{reported("std-a-02", "kubelet",
				condition("MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
				condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"))},
		},
		{
			Name:        "node-disk-pressure",
			Description: "The kubelet of node mem-a-04 reports that its disk is full: no pods are scheduled there.",
			changes: []change{reported("mem-a-04", "kubelet",
				condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
				condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"))},
		},
		{
			Name:        "node-pid-pressure",
			Description: "The kubelet of node std-c-01 reports that there are too many processes: no pods are scheduled there.",
			changes: []change{reported("std-c-01", "kubelet",
				condition("PIDPressure", "True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
				condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"))},
		},
		{
			Name:        "node-network-unavailable",
			Description: "The network of node std-b-01 is reported not to be set up: no pods are scheduled there.",
			changes: []change{reported("std-b-01", "cilium-operator",
				condition("NetworkUnavailable", "True", "NoRouteCreated", "RouteController failed to create a route"),
				condition("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"))},
		},
		{
			Name:        "node-cordoned",
			Description: "Node std-a-01 is cordoned, and nobody uncordons it.",
			changes: []change{{
				object: object{kind: node, name: "std-a-01"}, manager: "kubectl-cordon",
				do:   spec(fields{"unschedulable": true}),
				undo: spec(fields{"unschedulable": nil}),
			}},
		},
		{
			Name:        "node-version-skew",
			Description: "The kubelet of node mem-c-04 is four minor versions older than the API server.",
			changes: []change{{
				object: object{kind: node, name: "mem-c-04"}, manager: "kubelet", status: true,
				do:   fields{"status": fields{"nodeInfo": fields{"kubeletVersion": "v1.32.9"}}},
				undo: fields{"status": fields{"nodeInfo": fields{"kubeletVersion": "v1.36.3"}}},
			}},
		},
	}
}

// reported is a condition of a node, as its kubelet or another agent reports it.
func reported(name, manager string, do, undo fields) change {
	return change{
		object: object{kind: node, name: name}, manager: manager, status: true,
		do:   fields{"status": fields{"conditions": list{do}}},
		undo: fields{"status": fields{"conditions": list{undo}}},
	}
}
