package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Container is a container of a pod template or a pod, for display.
type Container struct {
	Name  string
	Image string
	Init  bool
	path  []string // of its image
}

// Containers returns the containers whose image can be set: those of the
// template of a workload, or of a pod itself.
func Containers(obj *unstructured.Unstructured) []Container {
	var found []Container
	for _, base := range [][]string{
		{"spec", "template", "spec"},
		{"spec", "jobTemplate", "spec", "template", "spec"},
		{"spec"},
	} {
		for _, list := range []string{"containers", "initContainers"} {
			path := append(slices.Clone(base), list)
			elements, _ := At(obj.Object, path)
			entries, _ := elements.([]any)
			for i := range entries {
				name, _ := At(entries[i], []string{"name"})
				image, _ := At(entries[i], []string{"image"})
				found = append(found, Container{
					Name: line(name), Image: line(image), Init: list == "initContainers",
					path: append(slices.Clone(path), strconv.Itoa(i), "image"),
				})
			}
		}
		if len(found) > 0 {
			break
		}
	}
	return found
}

func line(text any) string {
	s, _ := text.(string)
	return sanitize.Line(s)
}

// ParseImage checks the reference of an image as a container runtime reads it.
// A mere tag or digest, ":v2" or "@sha256:…", stands for current with that tag.
func ParseImage(text, current string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, ":") || strings.HasPrefix(text, "@") {
		text = repository(current) + text
	}
	if text == "" {
		return "", errors.New("no image: type one such as registry/app:v2, or :v2 for another tag")
	}
	if _, err := reference.ParseDockerRef(text); err != nil {
		return "", fmt.Errorf("%q is no image: %w; type one such as registry/app:v2, or :v2 for another tag", text, err)
	}
	return text, nil
}

// repository returns an image without its tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}

func listed(containers []Container) string {
	if len(containers) == 0 {
		return "none"
	}
	names := make([]string, len(containers))
	for i, c := range containers {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// SetImage prepares another image of one container. text is read by ParseImage.
func (c *Client) SetImage(ctx context.Context, ref kube.Ref, container, text string) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	all := Containers(obj)
	i := slices.IndexFunc(all, func(c Container) bool { return c.Name == container })
	if i < 0 {
		return Change{}, fmt.Errorf("%s has no container %q: it has %s", ref.Where(), container, listed(all))
	}
	image, err := ParseImage(text, all[i].Image)
	if err != nil {
		return Change{}, err
	}
	if image == all[i].Image {
		return Change{}, fmt.Errorf("%s: %w: container %s runs %s already", ref.Where(), ErrNothingToDo, container, image)
	}
	change, err := c.edits("set image", ref, obj, "", set(obj, image, all[i].path...))
	if err != nil {
		return Change{}, err
	}
	change.Summary = fmt.Sprintf("image of %s: %s → %s", container, all[i].Image, image)
	change.Kubectl = c.kubectl(ref, "set", "image", object(ref), container+"="+image)
	return change, nil
}
