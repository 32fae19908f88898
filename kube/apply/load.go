package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"quarterdeck/kube/sanitize"
)

// Limits of what is read. An API server takes requests of 3 MiB.
const (
	maxFile    = 16 << 20
	maxObject  = 3 << 20
	maxObjects = 5000
)

// Object is a manifest of a file.
type Object struct {
	Path     string // the file
	Line     int    // of the file, from 1, where its document begins
	Manifest *unstructured.Unstructured
}

// Problem is why something in a file cannot be applied.
type Problem struct {
	Path string
	Line int // 0 if it is about the file
	Err  error
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return sanitize.Line(fmt.Sprintf("%s: %v", p.Path, p.Err))
	}
	return sanitize.Line(fmt.Sprintf("%s:%d: %v", p.Path, p.Line, p.Err))
}

func (p Problem) Unwrap() error { return p.Err }

// Load reads the manifests of files, and of all *.yaml, *.yml and *.json files
// in and below directories, but for hidden ones. Lists are taken apart. The
// objects come in the order in which they have to be applied: namespaces and
// definitions of kinds first, what checks or blocks others last.
func Load(paths ...string) ([]Object, []Problem) {
	var l loader
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			l.problem(path, 0, withoutPath(err))
		case info.IsDir():
			l.directory(path)
		default:
			l.file(path)
		}
	}
	l.twice()
	slices.SortStableFunc(l.objects, func(a, b Object) int { return rank(a.Manifest) - rank(b.Manifest) })
	return l.objects, l.problems
}

type loader struct {
	objects  []Object
	problems []Problem
}

func (l *loader) problem(path string, line int, err error) {
	if syntax, ok := errors.AsType[*SyntaxError](err); ok && syntax.Line > 0 {
		line, err = syntax.Line, errors.New(syntax.Reason)
	}
	l.problems = append(l.problems, Problem{path, line, err})
}

// withoutPath returns an error of the file system without the path, which a
// Problem has already.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func (l *loader) directory(dir string) {
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		hidden := path != dir && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			l.problem(path, 0, withoutPath(err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir() && hidden:
			return fs.SkipDir
		case d.IsDir() || hidden:
		case slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
			found = true
			l.file(path)
		}
		return nil
	})
	if err != nil {
		l.problem(dir, 0, withoutPath(err))
	}
	if !found {
		l.problem(dir, 0, errors.New("no *.yaml, *.yml or *.json file is in or below it"))
	}
}

func (l *loader) file(path string) {
	data, err := readFile(path)
	if err != nil {
		l.problem(path, 0, withoutPath(err))
		return
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	before := len(l.objects) + len(l.problems)
	if strings.EqualFold(filepath.Ext(path), ".json") {
		l.json(path, text)
	} else {
		for _, d := range split(text) {
			object, err := parse(d)
			if err != nil {
				l.problem(path, d.line, err)
				continue
			}
			l.add(path, d.line, object)
		}
	}
	if len(l.objects)+len(l.problems) == before {
		l.problem(path, 0, errors.New("it has no object"))
	}
}

func readFile(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is no regular file"))
	}
	data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it has more than %d MiB", maxFile>>20)
	}
	return data, err
}

// json reads the objects of a stream of JSON.
func (l *loader) json(path, text string) {
	dec := json.NewDecoder(strings.NewReader(text))
	line := func(offset int64) int { return 1 + strings.Count(text[:min(int(offset), len(text))], "\n") }
	for {
		begin := dec.InputOffset()
		for int(begin) < len(text) && strings.ContainsRune(" \t\r\n", rune(text[begin])) {
			begin++
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			if !errors.Is(err, io.EOF) {
				at := begin
				if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
					at = syntax.Offset
				}
				l.problem(path, line(at), err)
			}
			return
		}
		if !bytes.HasPrefix(raw, []byte("{")) {
			l.problem(path, line(begin), errors.New("this is no object: it has no kind, apiVersion and metadata"))
			continue
		}
		var object map[string]any
		strict, err := kjson.UnmarshalStrict(raw, &object)
		if err = errors.Join(append(strict, err)...); err != nil {
			l.problem(path, line(begin), err)
			continue
		}
		prune(object)
		l.add(path, line(begin), object)
	}
}

// add takes an object, or those of a list.
func (l *loader) add(path string, line int, object map[string]any) {
	obj := &unstructured.Unstructured{Object: object}
	if items, ok := object["items"].([]any); ok && strings.HasSuffix(obj.GetKind(), "List") {
		for i, item := range items {
			element, ok := item.(map[string]any)
			if !ok {
				l.problem(path, line, fmt.Errorf("item %d of the list is no object", i+1))
				continue
			}
			l.add(path, line, element)
		}
		return
	}
	if err := wanting(obj); err != nil {
		l.problem(path, line, err)
		return
	}
	if len(l.objects) == maxObjects {
		l.problem(path, line, fmt.Errorf("these are more than %d objects; apply fewer files at once", maxObjects))
	}
	if len(l.objects) >= maxObjects {
		return
	}
	unstructured.RemoveNestedField(object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		unstructured.RemoveNestedField(object, "metadata", field) // as kubectl get -o yaml writes them
	}
	l.objects = append(l.objects, Object{path, line, obj})
}

// wanting returns what an object lacks to be applied.
func wanting(obj *unstructured.Unstructured) error {
	metadata, there := obj.Object["metadata"].(map[string]any)
	_, kind := obj.Object["kind"].(string)
	_, version := obj.Object["apiVersion"].(string)
	_, generate := metadata["generateName"]
	switch {
	case !version:
		return errors.New("it has no apiVersion")
	case !kind:
		return errors.New("it has no kind")
	case strings.HasPrefix(obj.GetAPIVersion(), "kustomize.config.k8s.io/"):
		return errors.New("it is for kustomize, not for the cluster; apply what kubectl kustomize makes of it")
	case !there:
		return errors.New("it has no metadata")
	case metadata["name"] == nil && generate:
		return errors.New("it has a generateName and no name: it can be created, not applied")
	case metadata["name"] == nil || metadata["name"] == "":
		return errors.New("it has no metadata.name")
	}
	for _, field := range []string{"name", "namespace"} {
		if v, ok := metadata[field]; ok {
			if _, ok = v.(string); !ok { // such as n, 1 or true
				return fmt.Errorf("metadata.%s is %v, which is no text: put it into quotes", field, v)
			}
		}
	}
	for _, field := range []string{"labels", "annotations"} {
		if v, ok := metadata[field]; ok && !isMap(v) {
			return fmt.Errorf("metadata.%s is no map", field)
		}
	}
	if text, err := json.Marshal(obj.Object); err != nil || len(text) > maxObject {
		return errors.Join(err, fmt.Errorf("it has more than %d MiB, which no API server takes", maxObject>>20))
	}
	return nil
}

func isMap(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// twice refuses objects that are there twice: which of them was meant?
func (l *loader) twice() {
	first := map[string]Object{}
	l.objects = slices.DeleteFunc(l.objects, func(o Object) bool {
		m := o.Manifest
		key := m.GroupVersionKind().GroupKind().String() + "\x00" + m.GetNamespace() + "\x00" + m.GetName()
		if f, ok := first[key]; ok {
			l.problem(o.Path, o.Line, fmt.Errorf("%s %s is in %s:%d already", m.GetKind(), m.GetName(), f.Path, f.Line))
			return true
		}
		first[key] = o
		return false
	})
}

// rank orders kinds: what others need is applied before them, and what checks
// others or stands between them and their callers after.
func rank(obj *unstructured.Unstructured) int {
	order := [][]string{
		{"Namespace"},
		{"CustomResourceDefinition"},
		{"PriorityClass", "StorageClass", "RuntimeClass", "IngressClass", "GatewayClass"},
		{"ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget"},
		{"ServiceAccount"},
		{"ClusterRole", "Role"},
		{"ClusterRoleBinding", "RoleBinding"},
		{"ConfigMap", "Secret"},
		{"PersistentVolume"},
		{"PersistentVolumeClaim"},
		{"Service"},
		nil, // all others
		{"HorizontalPodAutoscaler", "Ingress"},
		{"APIService"},
		{"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"},
		{"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"},
	}
	others := 0
	for i, kinds := range order {
		if kinds == nil {
			others = i
		}
		if builtIn(obj.GroupVersionKind().Group) && slices.Contains(kinds, obj.GetKind()) {
			return i
		}
	}
	return others
}

// builtIn reports whether a group is Kubernetes' own.
func builtIn(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}
