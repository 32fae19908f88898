package kubelet

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
	"sigs.k8s.io/yaml"
)

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	config, err := Prepare(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer config.listener.Close() //nolint:errcheck // nothing was served
	info, err := os.Stat(config.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("configuration: %v, %v", info, err)
	}
	data, err := os.ReadFile(config.Path)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, "$PORT") || !strings.Contains(text, "Port: "+strconv.Itoa(config.NodePort)) {
		t.Error("the port was not filled in")
	}
	host, port, err := net.SplitHostPort(config.listener.Addr().String())
	if err != nil || host != "127.0.0.1" || port != strconv.Itoa(config.NodePort) {
		t.Errorf("it listens on %v", config.listener.Addr())
	}
}

// parseStages returns the stages by the kind that they are about.
func parseStages(t *testing.T) map[string][]*internalversion.Stage {
	t.Helper()
	byKind := map[string][]*internalversion.Stage{}
	for _, doc := range strings.Split(stages, "\n---\n") {
		var head struct{ Kind string }
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind != "Stage" {
			continue
		}
		var stage v1alpha1.Stage
		if err := yaml.UnmarshalStrict([]byte(doc), &stage); err != nil {
			t.Fatal(err)
		}
		internal, err := internalversion.ConvertToInternalStage(&stage)
		if err != nil {
			t.Fatal(err)
		}
		byKind[stage.Spec.ResourceRef.Kind] = append(byKind[stage.Spec.ResourceRef.Kind], internal)
	}
	return byKind
}

func TestStages(t *testing.T) {
	byKind := parseStages(t)
	condition := func(status corev1.ConditionStatus) corev1.NodeStatus {
		return corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}}
	}
	tests := []struct {
		name   string
		kind   string
		object any
		want   string
	}{
		{"a new node", "Node", &corev1.Node{}, "node-starts"},
		{"a node that was lost", "Node", &corev1.Node{Status: condition(corev1.ConditionUnknown)}, "node-starts"},
		{"a node that is well", "Node", &corev1.Node{Status: condition(corev1.ConditionTrue)}, "node-heartbeat"},
		{"any pod", "Pod", &corev1.Pod{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cycle, err := lifecycle.NewLifecycle(byKind[tt.kind])
			if err != nil {
				t.Fatal(err)
			}
			stage, err := cycle.Match(t.Context(), &lifecycle.Event{Data: tt.object})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if stage != nil {
				got = stage.Name()
			}
			if got != tt.want {
				t.Errorf("stage %q, want %q", got, tt.want)
			}
		})
	}
}
