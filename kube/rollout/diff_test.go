package rollout

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// template reads a template of YAML.
func template(t testing.TB, text string) Template {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := utiljson.Unmarshal(data, &fields); err != nil { // whole numbers are int64
		t.Fatal(err)
	}
	return newTemplate(fields)
}

// full has a field of every part, and all that the server fills in.
const full = `
metadata:
  creationTimestamp: null
  labels: {app: shop, pod-template-hash: 68cb}
  annotations: {example.com/team: web}
spec:
  containers:
  - name: app
    image: registry.example.com/shop/app:v1
    imagePullPolicy: IfNotPresent
    args: [serve, --port=8080]
    env:
    - {name: DB_URL, value: "postgres://db"}
    - name: PASSWORD
      valueFrom: {secretKeyRef: {name: db, key: password}}
    - {name: POD, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}
    envFrom:
    - configMapRef: {name: settings}
    ports:
    - {containerPort: 8080, protocol: TCP}
    - {containerPort: 9090, name: metrics, protocol: TCP}
    readinessProbe:
      httpGet: {path: /ready, port: 8080, scheme: HTTP}
      failureThreshold: 3
      periodSeconds: 10
      successThreshold: 1
      timeoutSeconds: 1
    resources:
      limits: {memory: 128Mi}
      requests: {cpu: 100m, memory: 64Mi}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
    volumeMounts:
    - {mountPath: /etc/app, name: config}
    - {mountPath: /tmp, name: scratch}
  - name: proxy
    image: registry.example.com/proxy
    imagePullPolicy: Always
    resources: {}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
  initContainers:
  - {name: migrate, image: "registry.example.com/shop/migrate:v1", imagePullPolicy: IfNotPresent, resources: {}}
  dnsPolicy: ClusterFirst
  restartPolicy: Always
  schedulerName: default-scheduler
  securityContext: {}
  serviceAccount: shop
  serviceAccountName: shop
  terminationGracePeriodSeconds: 30
  tolerations:
  - {key: pool, operator: Exists}
  imagePullSecrets:
  - {name: registry}
  volumes:
  - name: config
    configMap: {name: settings, defaultMode: 420}
  - name: scratch
    emptyDir: {}
`

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to string // in the text of full
		want     []string
	}{
		{"nothing", "", "", nil},
		{"what controllers add", "pod-template-hash: 68cb", "pod-template-hash: 7f9c", nil},
		{"what the server fills in", "    terminationMessagePolicy: File\n    volumeMounts", "    volumeMounts", nil},
		{"image", "app:v1", "app:v2", []string{"containers[app].image registry.example.com/shop/app:v1 → registry.example.com/shop/app:v2"}},
		{"image whose default pull policy differs", "app:v1\n    imagePullPolicy: IfNotPresent", "app:latest\n    imagePullPolicy: Always", []string{
			"containers[app].image registry.example.com/shop/app:v1 → registry.example.com/shop/app:latest",
		}},
		{"pull policy", "app:v1\n    imagePullPolicy: IfNotPresent", "app:v1\n    imagePullPolicy: Never", []string{"containers[app].imagePullPolicy unset → Never"}},
		{"variable", "postgres://db", "postgres://other", []string{"containers[app].env[DB_URL] postgres://db → postgres://other"}},
		{"variable gone", `    - {name: DB_URL, value: "postgres://db"}` + "\n", "", []string{"containers[app].env[DB_URL] postgres://db → unset"}},
		{"variable from elsewhere", "key: password", "key: other", []string{"containers[app].env[PASSWORD].valueFrom.secretKeyRef.key password → other"}},
		{"variables in another order", `    - {name: DB_URL, value: "postgres://db"}
    - name: PASSWORD
      valueFrom: {secretKeyRef: {name: db, key: password}}`, `    - name: PASSWORD
      valueFrom: {secretKeyRef: {name: db, key: password}}
    - {name: DB_URL, value: "postgres://db"}`, []string{`containers[app].env (order) ["DB_URL","PASSWORD","POD"] → ["PASSWORD","DB_URL","POD"]`}},
		{"arguments", "--port=8080", "--port=8081", []string{`containers[app].args ["serve","--port=8080"] → ["serve","--port=8081"]`}},
		{"resources", "limits: {memory: 128Mi}", "limits: {memory: 256Mi, nvidia.com/gpu: 1}", []string{
			"containers[app].resources.limits.memory 128Mi → 256Mi", "containers[app].resources.limits[nvidia.com/gpu] unset → 1",
		}},
		{"first resources", "Always\n    resources: {}", "Always\n    resources: {limits: {cpu: 1}}", []string{"containers[proxy].resources.limits.cpu unset → 1"}},
		{"probe", "path: /ready", "path: /", []string{"containers[app].readinessProbe.httpGet.path /ready → unset"}},
		{"port by its number", "{containerPort: 9090, name: metrics", "{containerPort: 9091, name: metrics", []string{
			`containers[app].ports[9090] {"name":"metrics"} → unset`, `containers[app].ports[9091] unset → {"name":"metrics"}`,
		}},
		{"mount by its path", "mountPath: /tmp, name: scratch", "mountPath: /tmp, name: config", []string{"containers[app].volumeMounts[/tmp].name scratch → config"}},
		{"volume", "emptyDir: {}", "emptyDir: {medium: Memory}", []string{"volumes[scratch].emptyDir.medium unset → Memory"}},
		{"volume of another type", "emptyDir: {}", "hostPath: {path: /}", []string{"volumes[scratch].emptyDir {} → unset", `volumes[scratch].hostPath unset → {"path":"/"}`}},
		{"container gone", "  initContainers:\n  - {name: migrate, image: \"registry.example.com/shop/migrate:v1\", imagePullPolicy: IfNotPresent, resources: {}}\n", "", []string{
			`initContainers [{"image":"registry.example.com/shop/migrate:v1","name":"migrate"}] → unset`,
		}},
		{"label and annotation", "{app: shop, pod-template-hash: 68cb}\n  annotations: {example.com/team: web}", "{app: shop, tier: front}", []string{
			"labels.tier unset → front", "annotations[example.com/team] web → unset",
		}},
		{"list without keys", "key: pool, operator: Exists", "key: pool, operator: Exists, effect: NoExecute", []string{
			`tolerations [{"key":"pool","operator":"Exists"}] → [{"effect":"NoExecute","key":"pool","operator":"Exists"}]`,
		}},
		{"service account", "serviceAccount: shop\n  serviceAccountName: shop", "serviceAccount: web\n  serviceAccountName: web", []string{"serviceAccountName shop → web"}},
		{"newer than this program", "dnsPolicy: ClusterFirst", "dnsPolicy: ClusterFirst\n  novel: [{name: a, level: 2}]", []string{`novel unset → [{"level":2,"name":"a"}]`}},
		{"not safe to show", "{app: shop, pod", `{"a\e[31m": "b\nc", app: shop, pod`, []string{"labels.a unset → b c"}},
		{"several, by what they are about", "app:v1", "app:v2\n    livenessProbe: {exec: {command: [\"true\"]}}\n    command: [run]", []string{
			"containers[app].image registry.example.com/shop/app:v1 → registry.example.com/shop/app:v2",
			`containers[app].command unset → ["run"]`, `containers[app].livenessProbe unset → {"exec":{"command":["true"]}}`,
		}},
	} {
		if !strings.Contains(full, tt.from) {
			t.Fatalf("%s: the template has no %q", tt.name, tt.from)
		}
		before, after := template(t, full), template(t, strings.Replace(full, tt.from, tt.to, 1))
		var got []string
		for _, f := range Compare(before, after) {
			got = append(got, f.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
		if text := Unified(before, after, "revision 1", "revision 2"); (text == "") != (len(got) == 0) {
			t.Errorf("%s: %d fields differ, and the text is %q", tt.name, len(got), text)
		}
	}
}

func TestUnified(t *testing.T) {
	got := Unified(template(t, full), template(t, strings.Replace(full, "registry.example.com/shop/app:v1", `"registry.example.com/shop/app:v2\e[2J"`, 1)), "revision\n1", "revision 2")
	const want = `--- revision 1
+++ revision 2
@@ -23,7 +23,7 @@
     envFrom:
     - configMapRef:
         name: settings
-    image: registry.example.com/shop/app:v1
+    image: "registry.example.com/shop/app:v2\e[2J"
     name: app
     ports:
     - containerPort: 8080
`
	if got != want {
		t.Errorf("%s", got)
	}
}

func TestYAMLHasNoNoise(t *testing.T) {
	text := template(t, full).YAML()
	for _, noise := range []string{"creationTimestamp", "pod-template-hash", "terminationMessage", "schedulerName", "securityContext", "imagePullPolicy", "defaultMode", "protocol", "serviceAccount:", "resources: {}"} {
		if strings.Contains(text, noise) {
			t.Errorf("%q in\n%s", noise, text)
		}
	}
	for _, kept := range []string{"emptyDir: {}", "path: /ready", "serviceAccountName: shop", "memory: 128Mi"} {
		if !strings.Contains(text, kept) {
			t.Errorf("no %q in\n%s", kept, text)
		}
	}
}

// TestCompareIsWhole shows that what is shown of a difference is all of it: the
// old template with the fields changed is the new one.
func TestCompareIsWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 400 {
		before, after := template(t, full), template(t, full)
		for range r.IntN(3) {
			mutate(r, before.fields)
		}
		for range r.IntN(6) {
			mutate(r, after.fields)
		}
		if !wholly(t, before, after) {
			return
		}
		if len(Compare(before, after)) > 0 {
			changed++
		}
	}
	if changed < 200 {
		t.Errorf("only %d of 400 pairs differ", changed)
	}
}

func FuzzCompare(f *testing.F) {
	seed, err := json.Marshal(template(f, full).fields)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, seed, uint64(1))
	f.Add([]byte(`{"spec":{"containers":[{"name":"a","ports":[{"containerPort":1},{"containerPort":1,"protocol":"UDP"}]}]}}`), seed, uint64(2))
	f.Add([]byte(`{"metadata":{"labels":{"":""}},"spec":{"volumes":{"name":1}}}`), []byte(`{"spec":7,"metadata":[]}`), uint64(3))
	f.Fuzz(func(t *testing.T, one, other []byte, random uint64) {
		var before, after map[string]any
		if utiljson.Unmarshal(one, &before) != nil || utiljson.Unmarshal(other, &after) != nil || before == nil || after == nil {
			return // no templates
		}
		a, b := newTemplate(before), newTemplate(after)
		mutate(rand.New(rand.NewPCG(random, 0)), b.fields)
		wholly(t, a, b)
		wholly(t, b, a)
		wholly(t, a, a)
	})
}

func wholly(t *testing.T, before, after Template) bool {
	t.Helper()
	fields := Compare(before, after)
	got := before.plain()
	for _, order := range []bool{false, true} { // the order is that of all elements
		for _, f := range fields {
			if f.Order == order {
				change(got, f, f.path)
			}
		}
	}
	trim(got, "")
	want := after.plain()
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("before\n%s\nand %v\nmake\n%s\nnot\n%s", asJSON(t, before.plain()), fields, asJSON(t, got), asJSON(t, want))
		return false
	}
	if same := equality.Semantic.DeepEqual(before.plain(), want); same != (len(fields) == 0) {
		t.Errorf("same: %v, and %d fields differ", same, len(fields))
		return false
	}
	return true
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// change makes a field of value what it is after, and returns value.
func change(value any, f Field, path []step) any {
	if len(path) == 0 {
		if !f.Order {
			return f.After
		}
		var sorted []any
		for _, k := range f.After.([]any) {
			i := slices.IndexFunc(value.([]any), func(e any) bool { return slices.Contains(elementKeys(e), k) })
			sorted = append(sorted, value.([]any)[i])
		}
		return sorted
	}
	s := path[0]
	if s.key == "" {
		fields, _ := value.(map[string]any)
		if fields == nil {
			fields = map[string]any{}
		}
		if after := change(fields[s.name], f, path[1:]); after != nil {
			fields[s.name] = after
		} else {
			delete(fields, s.name)
		}
		return fields
	}
	list, _ := value.([]any)
	i := slices.IndexFunc(list, func(e any) bool { return e.(map[string]any)[s.key] == s.is })
	if i < 0 {
		return append(list, change(nil, f, path[1:]))
	}
	after := change(list[i], f, path[1:])
	if after == nil {
		return slices.Delete(list, i, i+1)
	}
	list[i] = after
	return list
}

// elementKeys returns what an element may be known by in a list that has an
// order.
func elementKeys(e any) []any {
	var found []any
	for _, name := range []string{"name", "mountPath", "devicePath", "containerPort", "ip", "topologyKey"} {
		if v, ok := e.(map[string]any)[name]; ok {
			found = append(found, v)
		}
	}
	return found
}

// mutate changes something somewhere in value.
func mutate(r *rand.Rand, value any) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			return
		}
		names := union(v, nil)
		name := names[r.IntN(len(names))]
		switch below := v[name].(type) {
		case map[string]any, []any:
			if r.IntN(8) == 0 {
				delete(v, name)
				return
			}
			if list, ok := below.([]any); ok {
				v[name] = mutateList(r, list)
			}
			mutate(r, v[name])
		default:
			switch r.IntN(4) {
			case 0:
				delete(v, name)
			case 1:
				v["added"] = "new"
			case 2:
				v[name] = map[string]any{}
			default:
				v[name] = []any{"a", int64(1), true, "", int64(0)}[r.IntN(5)]
			}
		}
	case []any:
		if len(v) > 0 {
			mutate(r, v[r.IntN(len(v))])
		}
	}
}

func mutateList(r *rand.Rand, list []any) []any {
	if len(list) == 0 {
		return list
	}
	i := r.IntN(len(list))
	switch r.IntN(6) {
	case 0:
		return slices.Delete(list, i, i+1)
	case 1:
		list[0], list[i] = list[i], list[0]
	case 2:
		return append(list, runtime.DeepCopyJSONValue(list[i])) // with the same key
	case 3:
		e, ok := runtime.DeepCopyJSONValue(list[i]).(map[string]any)
		if ok {
			for _, key := range []string{"name", "mountPath"} {
				if _, has := e[key]; has {
					e[key] = "another"
				}
			}
			return slices.Insert(list, i, any(e))
		}
	}
	return list
}

func TestTemplateOf(t *testing.T) {
	for text, want := range map[string]bool{
		`{"spec":{"template":{"spec":{}}}}`:                             true,
		`{"data":{"spec":{"template":{"$patch":"replace","spec":{}}}}}`: true,
		`{"spec":{"template":"none"}}`:                                  false,
		`{}`:                                                            false,
		`{"data":{"spec":{"template":{"metadata":{"creationTimestamp":null}}}}}`: true,
	} {
		var fields map[string]any
		if err := utiljson.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		got, ok := TemplateOf(&unstructured.Unstructured{Object: fields})
		if ok != want {
			t.Errorf("%s has a template: %v", text, ok)
		}
		if strings.Contains(asJSON(t, got.fields), "null") && ok || strings.Contains(asJSON(t, got.fields), "$patch") {
			t.Errorf("%s: %v", text, got.fields)
		}
	}
}

func TestImages(t *testing.T) {
	want := []Image{{"app", "registry.example.com/shop/app:v1"}, {"proxy", "registry.example.com/proxy"}, {"migrate", "registry.example.com/shop/migrate:v1"}}
	if got := template(t, full).Images(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
