package kubelet

import (
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
)

func TestPick(t *testing.T) {
	network := netip.MustParsePrefix("10.42.3.0/28")
	used := map[netip.Addr]bool{}
	for i := range uint64(12) {
		a := pick(network, i*7919, func(a netip.Addr) bool { return !used[a] })
		if !network.Contains(a) || used[a] || a.As4()[3] < 2 || a.As4()[3] > 13 {
			t.Fatalf("address %d is %v", i, a)
		}
		used[a] = true
	}
	if a := pick(network, 5, func(netip.Addr) bool { return false }); !network.Contains(a) {
		t.Errorf("a full network gives %v", a)
	}
}

func TestAddresses(t *testing.T) {
	nodes := cache.NewStore(cache.MetaNamespaceKeyFunc)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{PodCIDR: "10.42.3.0/24"}}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.20.1.11"}}
	if err := nodes.Add(node); err != nil {
		t.Fatal(err)
	}
	s := newSite(fake.NewClientset(), nodes)
	pod := func(uid types.UID, node string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}, Spec: corev1.PodSpec{NodeName: node}}
	}
	a, b, elsewhere := pod("a", "n"), pod("b", "n"), pod("c", "unknown")
	first := s.podIP(a)
	if first != s.podIP(a) {
		t.Error("a pod's address changes")
	}
	if s.podIP(b) == first {
		t.Error("two pods have the same address")
	}
	if !netip.MustParsePrefix("10.42.3.0/24").Contains(netip.MustParseAddr(first)) {
		t.Errorf("%s is not in the node's network", first)
	}
	a.Spec.HostNetwork = true
	if got := s.podIP(a); got != "10.20.1.11" {
		t.Errorf("a pod in the host's network has %s", got)
	}
	if got := s.podIP(elsewhere); !netip.MustParsePrefix(podNetwork).Contains(netip.MustParseAddr(got)) {
		t.Errorf("a pod of a node without a network has %s", got)
	}
}

func TestWhatIsMissing(t *testing.T) {
	s := visit{ctx: t.Context(), site: newSite(fake.NewClientset(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "have"}, Data: map[string]string{"key": "1"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "have"}, Data: map[string][]byte{"key": nil}},
	), cache.NewStore(cache.MetaNamespaceKeyFunc))}
	yes := true
	configMap := func(name, key string, optional *bool) corev1.Container {
		return corev1.Container{Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key, Optional: optional,
		}}}}}
	}
	secret := func(name, key string) corev1.Container {
		return corev1.Container{Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key,
		}}}}}
	}
	from := func(name string) corev1.Container {
		return corev1.Container{EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
	for _, tt := range []struct {
		container corev1.Container
		want      string
	}{
		{corev1.Container{}, ""},
		{configMap("have", "key", nil), ""},
		{configMap("lost", "key", nil), `configmap "lost" not found`},
		{configMap("lost", "key", &yes), ""},
		{configMap("have", "no", nil), "couldn't find key no in ConfigMap ns/have"},
		{secret("have", "key"), ""},
		{secret("lost", "key"), `secret "lost" not found`},
		{secret("have", "no"), "couldn't find key no in Secret ns/have"},
		{from("have"), ""},
		{from("lost"), `configmap "lost" not found`},
	} {
		got := ""
		if err := s.configError(pod, &tt.container); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("error %q, want %q", got, tt.want)
		}
	}
	pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "lost"}}}}
	want := `MountVolume.SetUp failed for volume "v" : secret "lost" not found`
	if err := s.mountError(pod); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestMeter(t *testing.T) {
	m := newMeter()
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	if got := m.add("c", 0.5, start, start.Add(10*time.Second)); got != 5 {
		t.Errorf("half a core for 10 s is %v s", got)
	}
	if got := m.add("c", 2, start, start.Add(15*time.Second)); got != 15 {
		t.Errorf("and two cores for 5 s make %v s", got)
	}
	if got := m.add("c", 2, start, start); got != 15 {
		t.Errorf("time that goes back changes the total to %v s", got)
	}
	m.forget(start.Add(2 * time.Hour))
	if len(m.total) != 0 {
		t.Error("an old container is remembered")
	}
}
