package action

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Object reads the object that ref names, and no later one of its name.
func (c *Client) Object(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	return c.get(ctx, ref)
}

// Images returns the images that a container of a workload had in the revisions
// that the cluster still knows, the newest first.
func (c *Client) Images(ctx context.Context, obj *unstructured.Unstructured, container string) ([]string, error) {
	revisions := appsv1.SchemeGroupVersion.WithResource("controllerrevisions")
	if obj.GetKind() == "Deployment" {
		revisions = appsv1.SchemeGroupVersion.WithResource("replicasets")
	}
	list, err := c.objects.Resource(revisions).Namespace(obj.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector(obj)})
	if err != nil {
		return nil, fmt.Errorf("list the revisions of %s in %s: %w", obj.GetName(), obj.GetNamespace(), err)
	}
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return cmp.Compare(revision(&b), revision(&a)) })
	var images []string
	for i := range list.Items {
		item := &list.Items[i]
		if owner := metav1.GetControllerOf(item); owner == nil || owner.UID != obj.GetUID() {
			continue
		}
		template := item
		if data, ok := At(item.Object, []string{"data"}); ok { // of a ControllerRevision
			fields, _ := data.(map[string]any)
			template = &unstructured.Unstructured{Object: fields}
		}
		for _, found := range Containers(template) {
			image := sanitize.Line(found.Image)
			if found.Name == container && !slices.Contains(images, image) {
				images = append(images, image)
			}
		}
	}
	return images, nil
}

// revision returns the number of a revision: after a rollback, not the one made
// last is the newest.
func revision(obj *unstructured.Unstructured) int64 {
	if n, ok := At(obj.Object, []string{"revision"}); ok { // of a ControllerRevision
		number, _ := n.(int64)
		return number
	}
	number, _ := strconv.ParseInt(obj.GetAnnotations()["deployment.kubernetes.io/revision"], 10, 64)
	return number
}

// selector returns the labels by which obj finds its pods, and the server the
// revisions that have them too.
func selector(obj *unstructured.Unstructured) string {
	want, _ := At(obj.Object, []string{"spec", "selector", "matchLabels"})
	labels, _ := want.(map[string]any)
	var terms []string
	for k, v := range labels {
		terms = append(terms, k+"="+Word(v))
	}
	return strings.Join(terms, ",")
}

// Kubectl returns the kubectl command of words, about an object, for a POSIX
// shell: in the client's context and the object's namespace.
func (c *Client) Kubectl(ref kube.Ref, words ...string) string { return c.kubectl(ref, words...) }
