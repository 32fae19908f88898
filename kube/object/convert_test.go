package object

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func n(i int32) *int32 { return &i }

func TestWorkloadStatus(t *testing.T) {
	bad := func(typ appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string) []appsv1.DeploymentCondition {
		return []appsv1.DeploymentCondition{{Type: typ, Status: status, Reason: reason, Message: "because"}}
	}
	deploy := func(want *int32, s appsv1.DeploymentStatus) *appsv1.Deployment {
		return &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: want}, Status: s}
	}
	paused := deploy(n(1), appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1})
	paused.Spec.Paused = true
	unseen := deploy(n(1), appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1})
	unseen.Generation = 2
	gone := deploy(n(1), appsv1.DeploymentStatus{})
	gone.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	stateful := func(strategy appsv1.StatefulSetUpdateStrategy, s appsv1.StatefulSetStatus) *Workload {
		s.CurrentRevision, s.UpdateRevision = "a", "b"
		return compact(t, StatefulSets(), &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: n(5), UpdateStrategy: strategy}, Status: s})[0]
	}
	from := func(partition int32) appsv1.StatefulSetUpdateStrategy {
		return appsv1.StatefulSetUpdateStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}}
	}
	daemons := func(s appsv1.DaemonSetStatus) *Workload {
		return compact(t, DaemonSets(), &appsv1.DaemonSet{
			Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: "OnDelete"}}, Status: s,
		})[0]
	}
	byHand := appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
	for _, test := range []struct {
		name string
		w    *Workload
		want string
		fine bool
	}{
		{"ok", compact(t, Deployments(), deploy(n(2), appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2, UpdatedReplicas: 2}))[0], "ok", true},
		{"no number is one", compact(t, Deployments(), deploy(nil, appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1}))[0], "ok", true},
		{"rolling", compact(t, Deployments(), deploy(n(10), appsv1.DeploymentStatus{Replicas: 12, ReadyReplicas: 8, UpdatedReplicas: 4}))[0], "rolling 4/10", true},
		{"surge", compact(t, Deployments(), deploy(n(2), appsv1.DeploymentStatus{Replicas: 3, ReadyReplicas: 3, UpdatedReplicas: 2}))[0], "scaling down", true},
		{"not ready", compact(t, Deployments(), deploy(n(3), appsv1.DeploymentStatus{Replicas: 3, ReadyReplicas: 1, UpdatedReplicas: 3}))[0], "2 not ready", false},
		{"scaled to 0", compact(t, Deployments(), deploy(n(0), appsv1.DeploymentStatus{}))[0], "scaled to 0", true},
		{"scaling to 0", compact(t, Deployments(), deploy(n(0), appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2, UpdatedReplicas: 2}))[0], "scaling down", true},
		{"paused", compact(t, Deployments(), paused)[0], "paused", true},
		{"not observed", compact(t, Deployments(), unseen)[0], "not observed", true},
		{"terminating", compact(t, Deployments(), gone)[0], "terminating", true},
		{"deadline", compact(t, Deployments(), deploy(n(1), appsv1.DeploymentStatus{Conditions: bad(appsv1.DeploymentProgressing, "False", "ProgressDeadlineExceeded")}))[0], "stuck: deadline", false},
		{"quota", compact(t, Deployments(), deploy(n(1), appsv1.DeploymentStatus{Conditions: bad(appsv1.DeploymentReplicaFailure, "True", "FailedCreate")}))[0], "FailedCreate", false},
		{"progressing", compact(t, Deployments(), deploy(n(1), appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1, Conditions: bad(appsv1.DeploymentProgressing, "True", "NewReplicaSetAvailable")}))[0], "ok", true},

		{"replica set", compact(t, ReplicaSets(), &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: n(2)}, Status: appsv1.ReplicaSetStatus{Replicas: 2, ReadyReplicas: 2}})[0], "ok", true},
		{"replica set without quota", compact(t, ReplicaSets(), &appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{Conditions: []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: "True", Reason: "FailedCreate"}}}})[0], "FailedCreate", false},

		{"stateful set rolls", compact(t, StatefulSets(), &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: n(3)}, Status: appsv1.StatefulSetStatus{Replicas: 3, ReadyReplicas: 3, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}})[0], "rolling 1/3", true},
		{"stateful set at rest", compact(t, StatefulSets(), &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: n(3)}, Status: appsv1.StatefulSetStatus{Replicas: 3, ReadyReplicas: 3, CurrentRevision: "b", UpdateRevision: "b"}})[0], "ok", true},

		{"partition rolls", stateful(from(2), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 1}), "rolling 1/3", true},
		{"partition is reached", stateful(from(2), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 3}), "waiting for partition 2", true},
		{"partition is reached but not ready", stateful(from(2), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 4, UpdatedReplicas: 3}), "1 not ready", false},
		{"partition above all", stateful(from(9), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5}), "waiting for partition 9", true},
		{"partition while it starts", stateful(from(2), appsv1.StatefulSetStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1}), "rolling 1/5", true},
		{"partition holds nothing back", stateful(from(2), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 5}), "ok", true},
		{"partition of 0", stateful(from(0), appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 4}), "rolling 4/5", true},
		{"on delete", stateful(byHand, appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 2}), "update on delete: 2 of 5", true},
		{"on delete, all deleted", stateful(byHand, appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 5, UpdatedReplicas: 5}), "ok", true},
		{"on delete, one comes back", stateful(byHand, appsv1.StatefulSetStatus{Replicas: 4, ReadyReplicas: 4}), "rolling 0/1", true},
		{"on delete, not ready", stateful(byHand, appsv1.StatefulSetStatus{Replicas: 5, ReadyReplicas: 4, UpdatedReplicas: 2}), "1 not ready", false},

		{"daemon set on delete", daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, CurrentNumberScheduled: 4, NumberReady: 4, UpdatedNumberScheduled: 1}), "update on delete: 1 of 4", true},
		{"daemon set on delete, all deleted", daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, CurrentNumberScheduled: 4, NumberReady: 4, UpdatedNumberScheduled: 4}), "ok", true},
		{"daemon set", compact(t, DaemonSets(), &appsv1.DaemonSet{Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, CurrentNumberScheduled: 4, NumberReady: 3, UpdatedNumberScheduled: 4}})[0], "1 not ready", false},

		{"job starts", compact(t, Jobs(), &batchv1.Job{})[0], "starting", true},
		{"job runs", compact(t, Jobs(), &batchv1.Job{Status: batchv1.JobStatus{Active: 1}})[0], "running", true},
		{"job tries again", compact(t, Jobs(), &batchv1.Job{Status: batchv1.JobStatus{Active: 1, Failed: 2}})[0], "running, 2 failed", false},
		{"job suspended", compact(t, Jobs(), &batchv1.Job{Spec: batchv1.JobSpec{Suspend: yes()}})[0], "suspended", true},
		{"job done", compact(t, Jobs(), &batchv1.Job{Status: batchv1.JobStatus{Succeeded: 1, Failed: 1, CompletionTime: &metav1.Time{Time: time.Unix(9, 0)}}})[0], "complete", true},
		{"job failed", compact(t, Jobs(), &batchv1.Job{Status: batchv1.JobStatus{Failed: 1, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: "True", Reason: "BackoffLimitExceeded", LastTransitionTime: metav1.Unix(9, 0)}}}})[0], "BackoffLimitExceeded", false},

		{"cron job", compact(t, CronJobs(), &batchv1.CronJob{})[0], "ok", true},
		{"cron job runs", compact(t, CronJobs(), &batchv1.CronJob{Status: batchv1.CronJobStatus{Active: make([]corev1.ObjectReference, 2)}})[0], "running 2", true},
		{"cron job suspended", compact(t, CronJobs(), &batchv1.CronJob{Spec: batchv1.CronJobSpec{Suspend: yes()}})[0], "suspended", true},
	} {
		if got, fine := test.w.Status(); got != test.want || fine != test.fine {
			t.Errorf("%s: %q, fine %v, want %q, %v", test.name, got, fine, test.want, test.fine)
		}
	}
}

func yes() *bool { b := true; return &b }

func TestWorkload(t *testing.T) {
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Image: "registry.example/shop/checkout:v2", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("64Mi")}}},
		{Image: "proxy:v1", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1")}}},
	}}}
	w := compact(t, Deployments(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "checkout", Annotations: map[string]string{"deployment.kubernetes.io/revision": "7"}},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "checkout"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "old", Operator: metav1.LabelSelectorOpDoesNotExist}}},
			Template: template, Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType},
		},
		Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: "True", Reason: "FailedCreate", Message: "exceeded quota"}}},
	})[0]
	got := fmt.Sprint(w.Kind, w.Selector, w.Revision, w.Strategy, w.Image(), w.Requests, w.Message, w.Done())
	if want := "Deploymentapp=checkout,!old7RollingUpdatecheckout:v2 +1{1250 67108864}exceeded quotafalse"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	zone := "Asia/Seoul"
	c := compact(t, CronJobs(), &batchv1.CronJob{
		Spec:   batchv1.CronJobSpec{Schedule: "0 3 * * *", TimeZone: &zone},
		Status: batchv1.CronJobStatus{LastScheduleTime: &metav1.Time{Time: time.Unix(50, 0)}, LastSuccessfulTime: &metav1.Time{Time: time.Unix(40, 0)}},
	})[0]
	if c.Schedule != "0 3 * * * Asia/Seoul" || c.Started != 50 || c.Finished != 40 || c.Image() != "" {
		t.Errorf("%+v", c)
	}
	j := compact(t, Jobs(), &batchv1.Job{
		Spec:   batchv1.JobSpec{Completions: n(5)},
		Status: batchv1.JobStatus{Succeeded: 5, StartTime: &metav1.Time{Time: time.Unix(10, 0)}, CompletionTime: &metav1.Time{Time: time.Unix(30, 0)}},
	})[0]
	if j.Desired != 5 || j.Ready != 5 || j.Finished-j.Started != 20 || !j.Done() {
		t.Errorf("%+v", j)
	}
}

func TestShortImage(t *testing.T) {
	for image, want := range map[string]string{
		"": "", "nginx": "nginx", "nginx:1.27": "nginx:1.27", "registry:5000/team/app:v1": "app:v1", "registry:5000/app": "app",
		"app@sha256:0123456789abcdef": "app@0123456", "r/app:v1@sha256:0123456789abcdef": "app:v1", "app@sha256:": "app@", "app@": "app",
	} {
		if got := ShortImage(image); got != want {
			t.Errorf("%s is %s, want %s", image, got, want)
		}
	}
}

func TestContainers(t *testing.T) {
	p := corePod(
		initContainer("migrate", ended("Completed", 0)), sidecar("proxy", running(true)),
		container("app", restarted(3, 70, waiting("CrashLoopBackOff"))), container("new", nil), ephemeral("debug", running(false)),
	)
	p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080, Name: "http"}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP}}
	p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("2"), "memory": resource.MustParse("1Gi")}
	p.Status.ContainerStatuses[0].State.Waiting.Message = "back-off 5m0s"
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode = 137
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Reason = "OOMKilled"
	p.Status.EphemeralContainerStatuses[0].State.Running.StartedAt = metav1.Unix(33, 0)
	var got []string
	for _, c := range compact(t, Pods(), p)[0].Containers {
		got = append(got, strings.TrimSpace(fmt.Sprint(c.Name, " ", c.Type, " ", c.State, " ", c.Ready, " ", c.Restarts, " ", c.Reason, " ", c.Message, " ", c.Since, " ", c.Last, " ", c.Limits, " ", c.Ports)))
	}
	want := []string{
		"migrate init Terminated false 0 Completed  0  {0 0}",
		"proxy sidecar Running true 0   0  {0 0}",
		"app app Waiting false 3 CrashLoopBackOff back-off 5m0s 0 OOMKilled 137 {2000 1073741824} 8080 http, 53/UDP",
		"new app Unknown false 0   0  {0 0}",
		"debug ephemeral Running false 0   33  {0 0}",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestTermination(t *testing.T) {
	for want, term := range map[string]*Termination{
		"": nil, "Completed": {Reason: "Completed"}, "Error 1": {Reason: "Error", Exit: 1}, "0": {}, "137": {Exit: 137},
	} {
		if got := term.String(); got != want {
			t.Errorf("%+v is %q, want %q", term, got, want)
		}
	}
}

// Requests of a pod are those that the scheduler counts.
func TestPodRequests(t *testing.T) {
	cpu := func(s string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(s)}}
	}
	p := corePod(initContainer("i", nil), sidecar("s", nil), container("a", nil), container("b", nil))
	p.Spec.InitContainers[0].Resources, p.Spec.InitContainers[1].Resources = cpu("3"), cpu("200m")
	p.Spec.Containers[0].Resources, p.Spec.Containers[1].Resources = cpu("1"), cpu("500m")
	p.Spec.Overhead = corev1.ResourceList{"cpu": resource.MustParse("50m")}
	if got := compact(t, Pods(), p)[0].Requests().CPU; got != 3050 {
		t.Errorf("an init container that wants more than all others: %d", got)
	}
	p.Spec.InitContainers[0].Resources = cpu("100m")
	if got := compact(t, Pods(), p)[0].Requests().CPU; got != 1750 {
		t.Errorf("apps, sidecar and overhead: %d", got)
	}
}

func TestNode(t *testing.T) {
	node := func(unschedulable bool, conditions ...corev1.NodeCondition) *corev1.Node {
		return &corev1.Node{Spec: corev1.NodeSpec{Unschedulable: unschedulable}, Status: corev1.NodeStatus{Conditions: conditions}}
	}
	is := func(typ corev1.NodeConditionType, s corev1.ConditionStatus) corev1.NodeCondition {
		return corev1.NodeCondition{Type: typ, Status: s}
	}
	for _, test := range []struct {
		node  *corev1.Node
		want  string
		ready bool
	}{
		{node(false, is("Ready", "True")), "Ready", true},
		{node(true, is("Ready", "True")), "Ready,cordoned", true},
		{node(false, is("Ready", "False")), "NotReady", false},
		{node(false, is("Ready", "Unknown")), "NotReady", false},
		{node(false), "Unknown", false},
		{node(true, is("MemoryPressure", "True"), is("DiskPressure", "False"), is("Ready", "True")), "Ready,MemoryPressure,cordoned", true},
	} {
		n := compact(t, Nodes(), test.node)[0]
		if n.Status != test.want || n.Ready != test.ready {
			t.Errorf("%s, ready %v, want %s, %v", n.Status, n.Ready, test.want, test.ready)
		}
	}
	n := compact(t, Nodes(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
			"topology.kubernetes.io/zone": "b", "node.kubernetes.io/instance-type": "m5", "node-role.kubernetes.io/worker": "",
			"node-role.kubernetes.io/": "", "kubernetes.io/role": "edge", "node-role.kubernetes.io/edge": "",
		}},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "gpu", Value: "yes", Effect: corev1.TaintEffectNoSchedule}, {Key: "old", Effect: corev1.TaintEffectNoExecute}}},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeHostName, Address: "h"},
				{Type: corev1.NodeInternalIP, Address: "10.0.0.1"},
				{Type: corev1.NodeInternalIP, Address: "fd00::1"},
				{Type: corev1.NodeExternalIP, Address: "198.51.100.7"},
			},
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("3900m"), "memory": resource.MustParse("15Gi"), "pods": resource.MustParse("110")},
			Capacity:    corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("16Gi")},
			NodeInfo:    corev1.NodeSystemInfo{KubeletVersion: "v1.36.3", OSImage: "Linux", ContainerRuntimeVersion: "containerd://2"},
		},
	})[0]
	got := fmt.Sprint(n.Zone, n.Instance, n.Roles, n.Taints, n.InternalIP, n.ExternalIP, n.Allocatable.Resources, n.Capacity.Resources, n.Pods, n.Version, n.OS, n.Runtime)
	if want := "bm5edge,worker[gpu=yes:NoSchedule old:NoExecute]10.0.0.1198.51.100.7{3900 16106127360} {4000 17179869184} 110v1.36.3Linuxcontainerd://2"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEvent(t *testing.T) {
	at := func(sec int64) metav1.Time { return metav1.Unix(sec, 0) }
	for name, test := range map[string]struct {
		event corev1.Event
		want  string
	}{
		"old style": {corev1.Event{Count: 5, FirstTimestamp: at(10), LastTimestamp: at(90), Source: corev1.EventSource{Component: "kubelet"}}, "5 10 90 kubelet"},
		"new style": {corev1.Event{EventTime: metav1.NewMicroTime(time.Unix(20, 5)), ReportingController: "scheduler"}, "1 20 20 scheduler"},
		"series": {corev1.Event{
			EventTime: metav1.NewMicroTime(time.Unix(20, 0)), Series: &corev1.EventSeries{Count: 7, LastObservedTime: metav1.NewMicroTime(time.Unix(80, 0))},
		}, "7 20 80 "},
		"no time but its creation": {corev1.Event{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(30)}}, "1 30 30 "},
		"last before first":        {corev1.Event{FirstTimestamp: at(30), LastTimestamp: at(20)}, "1 30 30 "},
	} {
		e := compact(t, Events(), &test.event)[0]
		if got := fmt.Sprint(e.Count, " ", e.First, " ", e.Last, " ", e.Source); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	e := compact(t, Events(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{UID: "event"}, Type: "Warning", Reason: "BackOff", Message: "two\nlines",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web-1", UID: "pod"},
	})[0]
	if e.Head().UID != "event" || e.UID != "pod" || e.Kind != "Pod" || e.About != "web-1" || e.Type != "Warning" || e.Reason != "BackOff" || e.Message != "two lines" {
		t.Errorf("%+v", e)
	}
}

func TestService(t *testing.T) {
	ingress := corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "198.51.100.1"}, {Hostname: "lb.example"}}}}
	for name, test := range map[string]struct {
		service corev1.Service
		want    string
	}{
		"cluster": {corev1.Service{Spec: corev1.ServiceSpec{
			Type: "ClusterIP", ClusterIP: "10.0.0.1", Selector: map[string]string{"b": "2", "a": "1"},
			Ports: []corev1.ServicePort{{Port: 80, Protocol: "TCP"}, {Port: 53, Protocol: "UDP"}},
		}}, "ClusterIP|10.0.0.1||80,53/UDP|a=1,b=2"},
		"headless":  {corev1.Service{Spec: corev1.ServiceSpec{Type: "ClusterIP", ClusterIP: "None"}}, "ClusterIP|None|||"},
		"node port": {corev1.Service{Spec: corev1.ServiceSpec{Type: "NodePort", Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080}}}}, "NodePort|||80:30080|"},
		"balancer":  {corev1.Service{Spec: corev1.ServiceSpec{Type: "LoadBalancer", ExternalIPs: []string{"203.0.113.9"}}, Status: ingress}, "LoadBalancer||203.0.113.9,198.51.100.1,lb.example||"},
		"waits":     {corev1.Service{Spec: corev1.ServiceSpec{Type: "LoadBalancer"}}, "LoadBalancer||<pending>||"},
		"outside":   {corev1.Service{Spec: corev1.ServiceSpec{Type: "ExternalName", ExternalName: "db.example"}}, "ExternalName||db.example||"},
	} {
		s := compact(t, Services(), &test.service)[0]
		if got := strings.Join([]string{s.Type, s.ClusterIP, s.External, s.Ports, s.Selector}, "|"); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestAutoscaler(t *testing.T) {
	condition := func(typ autoscalingv2.HorizontalPodAutoscalerConditionType, s corev1.ConditionStatus, reason string) autoscalingv2.HorizontalPodAutoscalerCondition {
		return autoscalingv2.HorizontalPodAutoscalerCondition{Type: typ, Status: s, Reason: reason}
	}
	for name, test := range map[string]struct {
		current    int32
		conditions []autoscalingv2.HorizontalPodAutoscalerCondition
		want       string
		trouble    bool
	}{
		"ok":             {2, nil, "ok", false},
		"at max":         {5, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("ScalingActive", "True", "ValidMetricFound")}, "at max", false},
		"wants more":     {5, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("ScalingLimited", "True", "TooManyReplicas")}, "at max, wants more", false},
		"at min":         {1, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("ScalingLimited", "True", "TooFewReplicas")}, "ok", false},
		"no metrics":     {2, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("AbleToScale", "True", "x"), condition("ScalingActive", "False", "FailedGetResourceMetric")}, "FailedGetResourceMetric", true},
		"no target":      {0, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("AbleToScale", "False", "FailedGetScale")}, "FailedGetScale", true},
		"scaled to zero": {0, []autoscalingv2.HorizontalPodAutoscalerCondition{condition("ScalingActive", "False", "ScalingDisabled")}, "off (0 replicas)", false},
		"both": {0, []autoscalingv2.HorizontalPodAutoscalerCondition{
			condition("AbleToScale", "False", "FailedGetScale"), condition("ScalingActive", "False", "ScalingDisabled"),
		}, "FailedGetScale", true},
	} {
		a := compact(t, Autoscalers(), &autoscalingv2.HorizontalPodAutoscaler{
			Spec:   autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 5},
			Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: test.current, Conditions: test.conditions},
		})[0]
		if a.Status != test.want || a.Trouble != test.trouble || a.Min != 1 {
			t.Errorf("%s: %q, trouble %v, min %d, want %q, %v", name, a.Status, a.Trouble, a.Min, test.want, test.trouble)
		}
	}
}

func TestAutoscalerMetrics(t *testing.T) {
	q := func(s string) *resource.Quantity { v := resource.MustParse(s); return &v }
	spec := []autoscalingv2.MetricSpec{
		{Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{AverageUtilization: n(80)}}},
		{Type: "ContainerResource", ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: "memory", Container: "app", Target: autoscalingv2.MetricTarget{AverageValue: q("1Gi")}}},
		{Type: "Pods", Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "rps"}, Target: autoscalingv2.MetricTarget{AverageValue: q("100")}}},
		{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "queue"}, Target: autoscalingv2.MetricTarget{Value: q("30")}}},
		{Type: "External", External: &autoscalingv2.ExternalMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "sqs"}, Target: autoscalingv2.MetricTarget{Value: q("5")}}},
		{Type: "Unknown"},
	}
	current := []autoscalingv2.MetricStatus{
		{Resource: &autoscalingv2.ResourceMetricStatus{Name: "cpu", Current: autoscalingv2.MetricValueStatus{AverageUtilization: n(72)}}},
		{ContainerResource: &autoscalingv2.ContainerResourceMetricStatus{Name: "memory", Container: "proxy", Current: autoscalingv2.MetricValueStatus{AverageValue: q("5Gi")}}},
		{ContainerResource: &autoscalingv2.ContainerResourceMetricStatus{Name: "memory", Container: "app", Current: autoscalingv2.MetricValueStatus{AverageValue: q("600Mi")}}},
		{Pods: &autoscalingv2.PodsMetricStatus{Metric: autoscalingv2.MetricIdentifier{Name: "rps"}, Current: autoscalingv2.MetricValueStatus{AverageValue: q("12")}}},
		{Object: &autoscalingv2.ObjectMetricStatus{Metric: autoscalingv2.MetricIdentifier{Name: "queue"}, Current: autoscalingv2.MetricValueStatus{Value: q("31")}}},
	}
	a := compact(t, Autoscalers(), &autoscalingv2.HorizontalPodAutoscaler{
		Spec:   autoscalingv2.HorizontalPodAutoscalerSpec{Metrics: spec, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentMetrics: current, LastScaleTime: &metav1.Time{Time: time.Unix(77, 0)}},
	})[0]
	if want := "cpu 72%/80%, memory 600Mi/1Gi, rps 12/100, queue 31/30, sqs n/a/5, unknown"; a.Metrics != want {
		t.Errorf("got  %s\nwant %s", a.Metrics, want)
	}
	if a.TargetAPI != "apps/v1" || a.TargetKind != "Deployment" || a.Target != "web" || a.LastScale != 77 {
		t.Errorf("%+v", a)
	}
}

func TestBudget(t *testing.T) {
	percent := intstr.FromString("25%")
	two := intstr.FromInt32(2)
	for want, spec := range map[string]policyv1.PodDisruptionBudgetSpec{
		"min 2|app=web":        {MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		"max unavailable 25%|": {MaxUnavailable: &percent},
		"|":                    {},
	} {
		b := compact(t, Budgets(), &policyv1.PodDisruptionBudget{
			Spec: spec, Status: policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 3, ExpectedPods: 4, DisruptionsAllowed: 1},
		})[0]
		if got := b.Rule + "|" + b.Selector; got != want || b.Healthy != 3 || b.Expected != 4 || b.Allowed != 1 {
			t.Errorf("%s, want %s: %+v", got, want, b)
		}
	}
}

func TestQuota(t *testing.T) {
	list := func(pairs ...string) corev1.ResourceList {
		l := corev1.ResourceList{}
		for i := 0; i < len(pairs); i += 2 {
			l[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
		}
		return l
	}
	q := compact(t, Quotas(), &corev1.ResourceQuota{
		Spec: corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{"BestEffort", "NotTerminating"}},
		Status: corev1.ResourceQuotaStatus{
			Hard: list("pods", "20", "requests.cpu", "4", "secrets", "0", "services", "0", "limits.memory", "8Gi"),
			Used: list("pods", "12", "requests.cpu", "3", "secrets", "1", "services", "0", "limits.memory", "6Gi"),
		},
	})[0]
	want := "secrets 1/0, limits.memory 6Gi/8Gi, requests.cpu 3/4, pods 12/20, services 0/0"
	if q.Used != want || q.Fullest != 100 || q.Scopes != "BestEffort,NotTerminating" {
		t.Errorf("%+v", q)
	}
	if q := compact(t, Quotas(), &corev1.ResourceQuota{})[0]; q.Used != "" || q.Fullest != 0 {
		t.Errorf("%+v", q)
	}
}

func TestClaim(t *testing.T) {
	class := "fast"
	c := &corev1.PersistentVolumeClaim{
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, VolumeName: "pv-1", AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("5Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: "Bound", Capacity: corev1.ResourceList{"storage": resource.MustParse("10Gi")}},
	}
	got := compact(t, Claims(), c)[0]
	if got.Status != "Bound" || got.Class != "fast" || got.Volume != "pv-1" || got.Modes != "RWO,ROX,RWX,RWOP" || got.Asked != 5<<30 || got.Capacity != 10<<30 {
		t.Errorf("%+v", got)
	}
	c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	if got := compact(t, Claims(), c)[0]; got.Status != "Terminating" || got.Deleted != 1 {
		t.Errorf("%+v", got)
	}
	if got := compact(t, Claims(), &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{"Odd"}}})[0]; got.Class != "" || got.Capacity != 0 || got.Modes != "Odd" {
		t.Errorf("%+v", got)
	}
}

func TestNamespace(t *testing.T) {
	ns := compact(t, Namespaces(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Status: corev1.NamespaceStatus{Phase: "Active"}})[0]
	if ns.Name != "shop" || ns.Status != "Active" {
		t.Errorf("%+v", ns)
	}
}
