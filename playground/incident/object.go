package incident

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// kind of an object: what its manifest has for apiVersion and kind.
type kind string

// The kinds that incidents change.
const (
	cronJob    kind = "batch/v1/CronJob"
	database   kind = "data.example.com/v1/Database"
	deployment kind = "apps/v1/Deployment"
	node       kind = "v1/Node"
	quota      kind = "v1/ResourceQuota"
	service    kind = "v1/Service"
)

func kindOf(u *unstructured.Unstructured) kind { return kind(u.GetAPIVersion() + "/" + u.GetKind()) }

// manifest returns apiVersion and kind as they stand in a manifest.
func (k kind) manifest() (apiVersion, name string) {
	i := strings.LastIndexByte(string(k), '/')
	return string(k[:i]), string(k[i+1:])
}

func (k kind) typeMeta() map[string]any {
	apiVersion, name := k.manifest()
	return map[string]any{"apiVersion": apiVersion, "kind": name}
}

func (k kind) resource() schema.GroupVersionResource {
	resource, _ := meta.UnsafeGuessKindToResource(schema.FromAPIVersionAndKind(k.manifest()))
	return resource
}

// object is something in the cluster.
type object struct {
	kind            kind
	namespace, name string
}

func (o object) String() string {
	_, name := o.kind.manifest()
	if o.namespace == "" {
		return name + " " + o.name
	}
	return name + " " + o.namespace + "/" + o.name
}

// extra is an object that an incident creates.
type extra struct {
	// text is its manifest in YAML. A status in it is what a controller reports
	// that a playground does not have.
	text string
	// complete, unless nil, adds what cannot be written down beforehand.
	complete func(*unstructured.Unstructured) error
	// leaving is deleted as soon as it is there, and its finalizer holds it.
	leaving bool
}

func (e extra) manifest() (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(e.text), &u.Object); err != nil {
		return nil, fmt.Errorf("read the manifest of an incident: %w", err)
	}
	if e.complete == nil {
		return u, nil
	}
	if err := e.complete(u); err != nil {
		return nil, fmt.Errorf("complete %s: %w", objectOf(u), err)
	}
	return u, nil
}

func objectOf(u *unstructured.Unstructured) object {
	return object{kind: kindOf(u), namespace: u.GetNamespace(), name: u.GetName()}
}

// created returns the objects of a manifest with several documents.
func created(documents string) []extra {
	var all []extra
	for text := range strings.SplitSeq(documents, "\n---\n") {
		all = append(all, extra{text: text})
	}
	return all
}

// workload is a Deployment with one pod. The manifest of its pod's spec is
// indented by six spaces.
func workload(namespace, name, podSpec string) extra {
	return extra{text: fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[2]s, namespace: %[1]s, labels: {app: %[2]s}}
spec:
  selector: {matchLabels: {app: %[2]s}}
  template:
    metadata: {labels: {app: %[2]s}}
    spec:
      %[3]s`, namespace, name, strings.TrimSpace(podSpec))}
}
