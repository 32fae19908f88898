package views

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	tea "charm.land/bubbletea/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/keymap"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
)

// samples are what somebody answers who wants a verb done, by verb: what he types
// into prompts and chooses in pickers, one after the other. Dialogs he answers
// with yes. A verb that is not here fails the walk.
func samples(dir string) map[keymap.ActionID][]string {
	return map[keymap.ActionID][]string{
		keymap.ObjectScale:     {"5"},
		keymap.ObjectRestart:   {},
		keymap.ObjectImage:     {"app", "registry.example.com/app:v9"},
		keymap.ObjectPause:     {},
		keymap.ObjectRun:       {},
		keymap.ObjectLabel:     {"walked=yes"},
		keymap.ObjectAnnotate:  {"example.com/walked=yes"},
		keymap.ObjectFinalizer: {"example.com/hold"},
		keymap.ObjectEdit:      {},
		keymap.ObjectDelete:    {},
		keymap.PodShell:        {},
		keymap.PodAttach:       {},
		keymap.PodDebug:        {"example.com/tools:v1"},
		keymap.PodDownload:     {"/etc/hosts", filepath.Join(dir, "hosts")},
		keymap.PodUpload:       {filepath.Join(dir, "upload"), "/tmp"},
		keymap.PodEvict:        {},
		keymap.ForwardStart:    {":8080"},
		keymap.NetworkProbe:    {"8080"},
		keymap.NodeCordon:      {},
		keymap.NodeDrain:       {},
		keymap.NodeTaint:       {"walked=yes:NoSchedule"},
		keymap.NodeShell:       {},
		keymap.RolloutUndo:     {},
		keymap.RolloutAbort:    {},
	}
}

// walkEditor is the editor of the walk: it changes a label.
const walkEditor = `sed -i.before -e "s/sample: one/sample: two/"`

// walkSpecs are the specs of the kinds that need one, by resource.
func walkSpecs() map[string]map[string]any {
	one := map[string]any{"app": "sample"}
	podSpec := map[string]any{
		"nodeName":   "sample",
		"containers": []any{map[string]any{"name": "app", "image": "registry.example.com/app:v1", "ports": []any{map[string]any{"containerPort": int64(8080)}}}},
	}
	template := map[string]any{"metadata": map[string]any{"labels": one}, "spec": podSpec}
	running := map[string]any{"replicas": int64(2), "selector": map[string]any{"matchLabels": one}, "template": template}
	return map[string]map[string]any{
		"pods": podSpec, "deployments": running, "replicasets": running,
		"statefulsets": running, "daemonsets": {"selector": running["selector"], "template": template},
		"replicationcontrollers": {"replicas": int64(2), "selector": one, "template": template},
		"jobs":                   {"selector": running["selector"], "template": template},
		"cronjobs":               {"schedule": "@daily", "jobTemplate": map[string]any{"spec": map[string]any{"template": template}}},
		"services":               {"selector": one, "ports": []any{map[string]any{"port": int64(8080)}}},
	}
}

// walked is an object of a resource, complete enough for every verb.
func walked(n Names) apitest.Object {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(n.GVR.GroupVersion().WithKind(n.Kind))
	u.SetName("sample")
	if n.Namespaced {
		u.SetNamespace("shop")
	}
	u.SetLabels(map[string]string{"app": "sample", "sample": "one"})
	u.SetFinalizers([]string{"example.com/hold"})
	u.SetCreationTimestamp(metav1.Unix(1772600000, 0))
	if spec, ok := walkSpecs()[n.GVR.Resource]; ok {
		u.Object["spec"] = spec
	}
	if n.GVR.Resource == "daemonsets" {
		u.Object["status"] = map[string]any{"desiredNumberScheduled": int64(2)} // else its rollout is complete
	}
	if n.GVR.Resource == "pods" {
		u.Object["status"] = map[string]any{
			"phase":             "Running",
			"containerStatuses": []any{map[string]any{"name": "app", "ready": true, "state": map[string]any{"running": map[string]any{}}}},
			"conditions":        []any{map[string]any{"type": "Ready", "status": "True"}},
		}
		u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "sample", UID: "replicasets-shop-sample", Controller: new(true)}})
	}
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil { // a kind that is not Kubernetes' own
		return u
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.DeepCopy().Object, typed); err != nil {
		panic(err)
	}
	return typed.(apitest.Object)
}

// walkedRevisions are the revisions of the workloads of the walk: what they ask
// for, and one before it.
func walkedRevisions() []apitest.Object {
	owned := func(kind, resource, name string, revision int64) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: types.UID(name), CreationTimestamp: metav1.Unix(1772600000+revision, 0),
			Labels: map[string]string{"app": "sample"}, Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "sample", UID: types.UID(resource + "-shop-sample"), Controller: new(true)}},
		}
	}
	var objects []apitest.Object
	for revision, image := range map[int64]string{1: "registry.example.com/app:v0", 2: "registry.example.com/app:v1"} {
		var template corev1.PodTemplateSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(walkSpecs()["deployments"]["template"].(map[string]any), &template); err != nil {
			panic(err)
		}
		template.Spec.Containers[0].Image = image
		set := &appsv1.ReplicaSet{ObjectMeta: owned("Deployment", "deployments", fmt.Sprint("sample-deploy-", revision), revision)}
		set.Spec.Template = template
		objects = append(objects, set)
		data, err := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
		if err != nil {
			panic(err)
		}
		for kind, resource := range map[string]string{"StatefulSet": "statefulsets", "DaemonSet": "daemonsets"} {
			objects = append(objects, &appsv1.ControllerRevision{
				ObjectMeta: owned(kind, resource, fmt.Sprint("sample-", resource, "-", revision), revision), Revision: revision, Data: runtime.RawExtension{Raw: data},
			})
		}
	}
	return objects
}

// walkKinds are the resources of the catalog that the API server has, and one
// that is nobody's.
func walkKinds() []Opener {
	kinds := slices.DeleteFunc(Catalog(), func(o Opener) bool {
		gvr := o.Names().GVR
		return gvr.Group == "quarterdeck.local" || gvr.Resource == "workloads" || gvr.Resource == "rollouts" || gvr.Resource == "containers"
	})
	return append(kinds, generic(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "databases"}, "Database", true))
}

// walk prepares a program with an object of every kind.
func walk(t *testing.T, f func(b *bench, dir string)) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "upload"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe(t, func(set *settings) {
		set.empty, set.context, set.Editor = true, "staging", walkEditor
		set.prepare = func(s *apitest.Server) {
			for _, o := range walkKinds() {
				n := o.Names()
				s.Define(n.GVR, apitest.Kind{Kind: n.Kind, Namespaced: n.Namespaced})
				s.Put(walked(n))
			}
			s.Put(walkedRevisions()...)
		}
	}, func(b *bench) { f(b, dir) })
}

// show opens a list and returns its view.
func (b *bench) show(o Opener) ui.View { b.t.Helper(); return b.showIn(o, Scope{}) }

func (b *bench) showIn(o Opener, scope Scope) ui.View {
	b.t.Helper()
	var view ui.View
	f := o.Frame(b.session, scope)
	open := f.Open
	f.Open = func() ui.View { view = open(); return view }
	b.send(ui.RootMsg{Frames: []ui.Frame{f}})
	b.settle()
	return view
}

// chosenIn returns what the verbs of a view would be done to.
func (b *bench) chosenIn(view ui.View) chosen {
	b.t.Helper()
	sel := view.(interface{ chosen() chosen }).chosen()
	if len(sel.targets) == 0 {
		b.t.Fatalf("nothing is selected:\n%s", b.screen())
	}
	return sel
}

// walker does what a verb asks for, as somebody who answers everything, and does
// it although it says that it cannot be done.
type walker struct {
	*bench
	answers []string // not given yet
	asked   []string // titles of dialogs
	blocked []string // what dialogs had against a yes
	said    []string // in dialogs and toasts
}

func (w *walker) next(what string) string {
	w.t.Helper()
	if len(w.answers) == 0 {
		w.t.Fatalf("the sample has no answer to %q", what)
	}
	answer := w.answers[0]
	w.answers = w.answers[1:]
	return answer
}

// do does what a message asks of the program, to the end.
func (w *walker) do(msg tea.Msg) {
	w.t.Helper()
	switch msg := msg.(type) {
	case nil:
	case tea.Cmd:
		w.do(msg())
	case tea.BatchMsg:
		for _, cmd := range msg {
			w.do(cmd())
		}
	case ui.PromptMsg:
		answer := w.next(msg.Prompt.Label)
		if msg.Prompt.Problem != nil && msg.Prompt.Problem(answer) != "" {
			w.t.Fatalf("the sample %q is refused: %s", answer, msg.Prompt.Problem(answer))
		}
		w.do(msg.Prompt.Accept(answer))
	case ui.PickMsg:
		w.do(w.pick(msg.Picker, w.next(msg.Picker.Title)).Run())
	case ui.DialogMsg:
		d := msg.Dialog
		for news := d.Load; news != nil; {
			news = d.Loaded(news())
		}
		for _, line := range d.Lines() {
			for _, span := range line {
				w.said = append(w.said, span.Text)
			}
		}
		if d.Blocked != nil && d.Blocked() != "" {
			w.blocked = append(w.blocked, d.Blocked())
		}
		if slices.Contains(w.asked, d.Title) { // what failed is asked again, for ever
			w.do(d.Cancel())
			return
		}
		w.asked = append(w.asked, d.Title)
		w.do(d.Accept())
	case ui.TaskMsg:
		w.do(msg.Task.Run(context.Background(), func(string) {}))
	case ui.PushMsg:
		w.send(msg)
	case ui.ToastMsg:
		w.said = append(w.said, msg.Text)
	default:
		w.visit(msg)
	}
}

// pick returns the item of a picker that a text is for.
func (w *walker) pick(p *ui.Picker, text string) ui.Item {
	w.t.Helper()
	items := p.Items
	for _, load := range p.Load {
		loaded := load().(ui.Loaded)
		if loaded.Problem != "" {
			w.t.Fatalf("%s: %s", p.Title, loaded.Problem)
		}
		items = append(items, loaded.Items...)
	}
	if i := slices.IndexFunc(items, func(i ui.Item) bool { return i.Label == text }); i >= 0 {
		return items[i]
	}
	if p.Free == nil {
		w.t.Fatalf("%s: there is no %q among %v", p.Title, text, items)
	}
	item, _ := p.Free(text)
	return item
}

// visit runs a program that is lent the terminal. The message that asks for it is
// Bubble Tea's own: only by reflection can one see what it would run.
func (w *walker) visit(msg tea.Msg) {
	w.t.Helper()
	if name := fmt.Sprintf("%T", msg); name != "tea.execMsg" {
		w.t.Fatalf("the walk does not know what to do with %s", name)
	}
	exec := reflect.New(reflect.TypeOf(msg)).Elem()
	exec.Set(reflect.ValueOf(msg))
	field := func(name string) any {
		f := exec.FieldByName(name)
		return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface()
	}
	program, then := field("cmd").(tea.ExecCommand), field("fn").(tea.ExecCallback)
	program.SetStdin(strings.NewReader(""))
	program.SetStdout(io.Discard)
	program.SetStderr(io.Discard)
	w.do(then(program.Run()))
}

// eachVerb calls f with every verb and everything that it is for, and the answers
// of the sample.
func eachVerb(b *bench, dir string, f func(v *verb, name string, sel chosen, answers []string)) {
	b.t.Helper()
	var shown []chosen
	for _, o := range append(walkKinds(), containers()) {
		shown = append(shown, b.chosenIn(b.show(o)))
	}
	for _, kind := range []string{"deploy", "sts", "ds"} {
		shown = append(shown, b.chosenIn(b.showIn(rollouts(), Scope{Filter: "kind=" + kind})))
	}
	given := samples(dir)
	all := verbs()
	for i := range all {
		v := &all[i]
		answers, ok := given[v.ID]
		if !ok {
			b.t.Errorf("%s has no sample: give it one, so that it is known to change nothing in read-only mode", v.ID)
		}
		delete(given, v.ID)
		reached := map[schema.GroupResource]bool{}
		for _, sel := range shown {
			t := sel.targets[0]
			if _, _, rollout := t.rollout(); !v.is(t) || rollout != v.Rollouts { // other verbs have been done to it in its own list
				continue
			}
			reached[t.GVR.GroupResource()] = true
			name := string(v.ID) + " of " + t.String()
			if t.container != "" {
				name += " " + t.container
			}
			f(v, name, sel, slices.Clone(answers))
		}
		for _, kind := range v.Kinds {
			if !reached[kind] {
				b.t.Errorf("%s is for %s, of which the walk has none", v.ID, kind)
			}
		}
		if len(reached) == 0 {
			b.t.Errorf("%s is for nothing", v.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(given)) {
		b.t.Errorf("there is a sample for %s, which is no verb", id)
	}
}

// TestWalkReadOnly: whatever is done, and even past the reason against it, in
// read-only mode no write leaves the program.
func TestWalkReadOnly(t *testing.T) {
	walk(t, func(b *bench, dir string) {
		b.session.Client.Guard.Refuse("for the walk")
		b.session.Client.Guard.Observe(func(w guard.Write) { t.Errorf("%s left the program", w.Call) })
		eachVerb(b, dir, func(v *verb, name string, sel chosen, answers []string) {
			if why := b.session.against(v, sel); why != "read-only: for the walk" {
				t.Errorf("%s: the reason against it is %q", name, why)
			}
			w := &walker{bench: b, answers: answers}
			w.do(v.Start(v, b.session, sel))
			if !slices.ContainsFunc(w.said, func(s string) bool { return strings.Contains(s, "read-only") }) {
				t.Errorf("%s: it does not say that read-only mode is on: %q", name, w.said)
			}
			for _, r := range b.Writes() {
				t.Fatalf("%s: %s %s left the program", name, r.Verb, r.Path)
			}
		})
	})
}

// TestWalkWrites: what TestWalkReadOnly does is enough to change something when
// it is allowed.
func TestWalkWrites(t *testing.T) {
	walk(t, func(b *bench, dir string) {
		b.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.IsWrite() {
				return r.Forbid("ada")
			}
			return nil
		})
		var sent atomic.Int32
		b.session.Client.Guard.Observe(func(guard.Write) { sent.Add(1) })
		eachVerb(b, dir, func(v *verb, name string, sel chosen, answers []string) {
			w := &walker{bench: b, answers: answers}
			w.do(v.Start(v, b.session, sel))
			if len(w.answers) > 0 {
				t.Errorf("%s: nobody asked for %q", name, w.answers)
			}
			if len(w.blocked) > 0 {
				t.Errorf("%s: the dialog could not be answered: %q", name, w.blocked)
			}
			if sent.Swap(0) == 0 {
				t.Errorf("%s: nothing was sent; it says %q", name, w.said)
			}
		})
	})
}

// TestWalkKeys goes the user's way: in read-only mode keys and menu say why they
// do nothing, and open nothing.
func TestWalkKeys(t *testing.T) {
	walk(t, func(b *bench, _ string) {
		b.session.Client.Guard.Refuse("for the walk")
		const why = "read-only: for the walk"
		for _, o := range append(walkKinds(), containers(), workloads(), rollouts()) {
			sel := b.chosenIn(b.show(o))
			for _, a := range b.session.actions(sel) {
				name := string(a.ID) + " of " + sel.targets[0].String()
				binding, _ := b.session.Keys.Binding(a.ID)
				for _, key := range binding.Keys {
					b.press("ctrl+l") // so that what is said is said of this key
					b.tap(key)
					if screen := b.screen(); !strings.Contains(screen, why) || strings.Contains(screen, "esc cancel") {
						t.Fatalf("%s: key %s:\n%s", name, key, screen)
					}
				}
				b.press("a")
				b.text(cmp.Or(a.Title, binding.Title))
				b.want(why)
				b.press("enter", "esc", "esc")
			}
			b.wantNot("esc cancel")
		}
		if writes := b.Writes(); len(writes) > 0 {
			t.Errorf("%s %s left the program", writes[0].Verb, writes[0].Path)
		}
	})
}
