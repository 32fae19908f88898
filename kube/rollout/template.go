package rollout

import (
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Template is the pod template of a workload or of one of its revisions, with
// every field that the server sent, those that this program does not know
// included. It is immutable. The zero Template has no fields.
type Template struct {
	fields map[string]any // as JSON has them; never changed
}

// TemplateOf returns the pod template of a Deployment, StatefulSet, DaemonSet or
// ReplicaSet, or the one that a ControllerRevision keeps; false if obj has none.
func TemplateOf(obj *unstructured.Unstructured) (Template, bool) {
	for _, path := range [][]string{{"spec", "template"}, {"data", "spec", "template"}} {
		value, _ := action.At(obj.Object, path)
		if fields, ok := value.(map[string]any); ok {
			return newTemplate(fields), true
		}
	}
	return Template{}, false
}

// newTemplate copies fields without what controllers add: the hash by which a
// ReplicaSet tells its pods from another's, and the order to a patch, in a
// ControllerRevision, to replace the whole.
func newTemplate(fields map[string]any) Template {
	fields = runtime.DeepCopyJSON(fields)
	delete(fields, "$patch")
	unstructured.RemoveNestedField(fields, "metadata", "labels", appsv1.DefaultDeploymentUniqueLabelKey)
	prune(fields)
	return Template{fields}
}

// prune drops the keys without a value: to the API server such a key is one that
// is not there. It changes value.
func prune(value any) {
	switch v := value.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, e any) bool { return e == nil })
		for _, e := range v {
			prune(e)
		}
	case []any:
		for _, e := range v {
			prune(e)
		}
	}
}

// Equal reports whether two templates make the same pods, as the controllers of
// workloads see it: a field that has its default is not one that is not set.
func (t Template) Equal(other Template) bool {
	return equality.Semantic.DeepEqual(t.fields, other.fields)
}

// object returns a copy of the fields.
func (t Template) object() map[string]any { return runtime.DeepCopyJSON(t.fields) }

// Image is the image of a container. Both texts are safe to show.
type Image struct{ Container, Image string }

// Images returns the images of the containers, then those of init containers.
func (t Template) Images() []Image {
	var images []Image
	for _, list := range []string{"containers", "initContainers"} {
		value, _ := action.At(t.fields, []string{"spec", list})
		containers, _ := value.([]any)
		for _, c := range containers {
			images = append(images, Image{text(c, "name"), text(c, "image")})
		}
	}
	return images
}

// text returns a field of a value that is a string, safe to show.
func text(value any, path ...string) string {
	found, _ := action.At(value, path)
	s, _ := found.(string)
	return sanitize.Line(s)
}

// YAML returns the template as text without what only says the default, safe to
// show.
func (t Template) YAML() string {
	fields := t.plain()
	if len(fields) == 0 {
		return ""
	}
	data, err := yaml.Marshal(fields)
	if err != nil {
		return sanitize.Line(fmt.Sprintf("the template cannot be written: %v", err))
	}
	return sanitize.Text(string(data))
}

// plain returns a copy of the fields as people write them: without those that
// the server fills in when they are missing, which are the same in nearly all
// templates and would bury the others.
func (t Template) plain() map[string]any {
	fields := t.object()
	trim(fields, "")
	if spec, ok := fields["spec"].(map[string]any); ok && raw(spec, "serviceAccount") == raw(spec, "serviceAccountName") && raw(spec, "serviceAccount") != "" {
		delete(spec, "serviceAccount") // the old name, which the server keeps in step
	}
	return fields
}

// trim drops defaults from a value, the field parent of another one.
func trim(value any, parent string) {
	switch v := value.(type) {
	case map[string]any:
		if pull, image := text(v, "imagePullPolicy"), text(v, "image"); pull == pullPolicy(image) {
			delete(v, "imagePullPolicy")
		}
		for name, e := range v {
			trim(e, name)
			if isDefault(parent, name, e) {
				delete(v, name)
			}
		}
	case []any:
		for _, e := range v {
			trim(e, parent)
		}
	}
}

// pullPolicy is the default for an image: Always where its tag may move.
func pullPolicy(image string) string {
	name, _, digest := strings.Cut(image, "@")
	tag := name[strings.LastIndexByte(name, '/')+1:]
	_, tag, tagged := strings.Cut(tag, ":")
	switch {
	case image == "":
		return ""
	case tagged && tag == "latest", !tagged && !digest:
		return "Always"
	}
	return "IfNotPresent"
}

// isDefault reports whether a field says nothing that its absence would not.
// The defaults are those of the API reference of pods
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
func isDefault(parent, name string, value any) bool {
	if m, ok := value.(map[string]any); ok {
		return len(m) == 0 && (isOpen(name) || parent == "spec" && name == "securityContext")
	}
	if l, ok := value.([]any); ok {
		return len(l) == 0
	}
	var filled any
	switch parent {
	case "spec":
		filled = map[string]any{
			"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
			"terminationGracePeriodSeconds": int64(30), "volumeMode": "Filesystem",
		}[name]
	case "containers", "initContainers":
		filled = map[string]any{"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}[name]
	case "ports":
		filled = map[string]any{"protocol": "TCP"}[name]
	case "livenessProbe", "readinessProbe", "startupProbe":
		filled = map[string]any{
			"timeoutSeconds": int64(1), "periodSeconds": int64(10), "successThreshold": int64(1), "failureThreshold": int64(3),
		}[name]
	case "httpGet":
		filled = map[string]any{"scheme": "HTTP", "path": "/"}[name]
	case "grpc":
		filled = map[string]any{"service": ""}[name]
	case "fieldRef":
		filled = map[string]any{"apiVersion": "v1"}[name]
	case "configMap", "secret", "projected", "downwardAPI":
		filled = map[string]any{"defaultMode": int64(420)}[name]
	case "hostPath":
		filled = map[string]any{"type": ""}[name]
	case "serviceAccountToken":
		filled = map[string]any{"expirationSeconds": int64(3600)}[name]
	}
	return filled != nil && filled == value
}

// isOpen reports whether a field that has nothing in it is the same as one that
// is not there. Of most others, such as emptyDir, it is not.
func isOpen(name string) bool {
	switch name {
	case "metadata", "labels", "annotations", "nodeSelector", "matchLabels", "resources", "limits", "requests":
		return true
	}
	return false
}
