package changes

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// noon is when things happen in tests.
const noon = 1_800_000_000

func at(seconds int64) time.Time { return time.Unix(noon+seconds, 0) }

func deploymentRef(name string) kube.Ref {
	return kube.Ref{GVR: object.Deployments().GVR, Kind: "Deployment", Namespace: "shop", Name: name, UID: types.UID("d-" + name)}
}

func podRef(name string) kube.Ref {
	return kube.Ref{GVR: object.Pods().GVR, Kind: "Pod", Namespace: "shop", Name: name, UID: types.UID("p-" + name)}
}

func ownedBy(r kube.Ref) *store.Owner {
	return &store.Owner{APIVersion: r.GVR.GroupVersion().String(), Kind: r.Kind, Name: r.Name, UID: r.UID}
}

func written(manager, subresource string, second int64, paths ...string) Write {
	return Write{Manager: manager, Operation: "Update", Subresource: subresource, At: noon + second, Fields: &Fields{Paths: paths}}
}

func known(path, was, is string) Field { return Field{Path: path, Was: was, Is: is, Known: true} }

const imagePath = "spec.template.spec.containers(0).image"

// said is what a timeline has, the newest first: "seen deploy/web by kubectl-set: …".
func said(t *Timeline, now time.Time) []string {
	var words []string
	for _, e := range t.Publish(now) {
		words = append(words, fmt.Sprintf("%d %s %s by %s: %s", e.At-noon, e.Certainty(), e.On, e.Manager, e.What()))
	}
	return words
}

func TestOneChangeThatTwoWatchesTell(t *testing.T) {
	web := deploymentRef("web")
	image := func(l *Timeline) {
		l.saw(web, nil, []Field{known(imagePath, "web:1", "web:2")}, at(10), at(10))
	}
	set := func(l *Timeline) {
		l.wrote(web, nil, written("kubectl-set", "", 9, "spec.template.spec.containers[app].image"), nil, at(10))
	}
	want := []string{"9 seen deploy/web by kubectl-set: image web:1 → web:2"}
	for name, steps := range map[string][]func(*Timeline){"values first": {image, set}, "metadata first": {set, image}} {
		l := NewTimeline(0)
		for _, step := range steps {
			step(l)
		}
		if got := said(l, at(11)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatWritesTell(t *testing.T) {
	web := deploymentRef("web")
	before := written("kubectl", "", 1, "spec.replicas", "spec.template.spec.containers[app].image")
	for _, c := range []struct {
		name string
		do   func(*Timeline)
		want []string
	}{
		{"fields of two programs", func(l *Timeline) {
			l.saw(web, nil, []Field{known("spec.replicas", "2", "4"), known(imagePath, "a:1", "a:2")}, at(10), at(10))
			l.wrote(web, nil, written("kube-controller-manager", "scale", 9, "spec.replicas"), nil, at(10))
			l.wrote(web, nil, written("argocd-controller", "", 10, "spec.template.spec.containers[app].image"), nil, at(10))
		}, []string{"10 seen deploy/web by argocd-controller: image a:1 → a:2", "9 seen deploy/web by kube-controller-manager: replicas 2 → 4"}},
		{"which of its fields a program wrote shows in their values", func(l *Timeline) {
			again := before
			again.At = noon + 10
			l.wrote(web, nil, again, &before, at(10))
			l.saw(web, nil, []Field{known("spec.replicas", "2", "4")}, at(10), at(10))
		}, []string{"10 seen deploy/web by kubectl: replicas 2 → 4"}},
		{"or not at all", func(l *Timeline) {
			again := before
			again.At = noon + 10
			l.wrote(web, nil, again, &before, at(10))
		}, []string{"10 seen deploy/web by kubectl: some of replicas, containers[app].image written"}},
		{"a program of which the server keeps no time", func(l *Timeline) {
			w := written("kube-controller-manager", "scale", 0, "spec.replicas")
			w.At = 0
			l.wrote(web, nil, w, nil, at(9))
			l.saw(web, nil, []Field{known("spec.replicas", "2", "4")}, at(10), at(10))
		}, []string{"10 seen deploy/web by kube-controller-manager: replicas 2 → 4"}},
		{"status is no change", func(l *Timeline) {
			l.wrote(web, nil, written("kube-controller-manager", "status", 9, "status.readyReplicas"), nil, at(10))
		}, nil},
		{"nor what Kubernetes notes on an object", func(l *Timeline) {
			l.wrote(web, nil, written("kube-controller-manager", "", 9, "metadata.annotations[deployment.kubernetes.io/revision]"), nil, at(10))
		}, nil},
		{"a write of another time is another change", func(l *Timeline) {
			l.wrote(web, nil, written("kubectl-set", "", 9, "spec.template.spec.containers[app].image"), nil, at(10))
			l.saw(web, nil, []Field{known(imagePath, "a:1", "a:2")}, at(60), at(60))
		}, []string{"60 seen deploy/web by : image a:1 → a:2", "9 seen deploy/web by kubectl-set: containers[app].image written"}},
		{"the revision that a template became", func(l *Timeline) {
			l.saw(web, nil, []Field{known(imagePath, "a:1", "a:2")}, at(10), at(10))
			l.sawRevision(web, "7", at(10))
			l.wrote(web, nil, written("kubectl-set", "", 9, "spec.template.spec.containers[app].image"), nil, at(11))
		}, []string{"9 seen deploy/web by kubectl-set: revision 7: image a:1 → a:2"}},
		{"what is made is made once", func(l *Timeline) {
			l.made(web, nil, "", noon+9, true)
			l.made(web, nil, "helm", noon+9, true)
			l.made(web, nil, "", noon+9, true)
		}, []string{"9 seen deploy/web by helm: made"}},
	} {
		l := NewTimeline(0)
		c.do(l)
		if got := said(l, at(100)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestTraces(t *testing.T) {
	web := deploymentRef("web")
	l := NewTimeline(0)
	l.traces(web, &Written{
		Meta: store.Meta{UID: web.UID, Created: noon - 5000},
		Writes: []Write{
			written("helm", "", -5000, "spec.replicas", "spec.selector"),
			written("kubectl-set", "", -100, "spec.template.spec.containers[app].image"),
			written("kubectl-edit", "", -50, "spec.paused", "spec.minReadySeconds"),
			written("kube-controller-manager", "status", -40, "status.replicas"),
		},
	})
	set := func(name string, second int64, revision, image string) *object.Workload {
		return &object.Workload{
			Meta: store.Meta{UID: types.UID(name), Namespace: "shop", Name: name, Created: noon + second, Owner: ownedBy(web)},
			Kind: "ReplicaSet", Revision: revision, Images: []string{image},
		}
	}
	l.revisions([]*object.Workload{set("b", -99, "2", "web:2"), set("a", -4999, "1", "web:1")})
	want := []string{
		"-50 inferred deploy/web by kubectl-edit: some of paused, minReadySeconds written",
		"-99 inferred deploy/web by kubectl-set: revision 2: image web:1 → web:2",
		"-5000 inferred deploy/web by helm: made",
	}
	if got := said(l, at(0)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestBursts(t *testing.T) {
	web := deploymentRef("web")
	set := kube.Ref{GVR: object.ReplicaSets().GVR, Kind: "ReplicaSet", Namespace: "shop", Name: "web-1", UID: "rs"}
	l := NewTimeline(0)
	l.own(&store.Meta{UID: set.UID, Namespace: "shop", Owner: ownedBy(web)})
	l.made(web, nil, "helm", noon, true)
	l.saw(web, nil, []Field{known(imagePath, "a:1", "a:2")}, at(1000), at(1000))
	l.wrote(web, nil, written("kubectl-set", "", 1000, "spec.template.spec.containers[app].image"), nil, at(1000))
	l.made(set, ownedBy(web), "", noon+1000, true)
	for i := range 100 {
		l.made(podRef(fmt.Sprint("new", i)), ownedBy(set), "", noon+1001+int64(i), true)
		l.deleted(podRef(fmt.Sprint("old", i)), ownedBy(set), noon+1002+int64(i))
	}
	l.saw(web, nil, []Field{known("status.trouble", "", "FailedCreate")}, at(1020), at(1020)) // nobody's wish
	l.made(podRef("lone"), nil, "", noon+1003, true)
	l.saw(web, nil, []Field{known("spec.replicas", "100", "3")}, at(1050), at(1050))
	l.wrote(web, nil, written("kubectl-scale", "", 1050, "spec.replicas"), nil, at(1050))
	l.deleted(podRef("new1"), ownedBy(set), noon+3000)
	var got []string
	for _, h := range Heads(l.Publish(at(4000))) {
		if h.At < noon+1050 {
			got = append(got, fmt.Sprintf("%s %s of %s%s", h.On, h.Manager, h.Of.Name, h.Words()))
		}
	}
	want := []string{
		"pod/lone  of lone",
		"deploy/web kubectl-set of web · then 49× pod made, 48× pod deleted, 1× deploy changed, 1× rs made",
		"deploy/web helm of web",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if last := Heads(l.Publish(at(4000)))[0]; last.On.Kind != "Pod" || last.Of != web {
		t.Errorf("what happened long after is not of the burst: %+v", last.Entry)
	}
}

func TestOldestGoFirst(t *testing.T) {
	l := NewTimeline(10_000)
	for i := range 100 {
		l.made(podRef(fmt.Sprint(i)), nil, "", noon+int64(i), true)
	}
	all := l.Publish(at(100))
	dropped, newest := l.Dropped()
	if l.size > 10_000 || len(all)+dropped != 100 || dropped == 0 || all[0].At != noon+99 || all[len(all)-1].At != newest+1 {
		t.Errorf("%d bytes, %d entries from %d to %d, %d dropped to %d", l.size, len(all), all[len(all)-1].At-noon, all[0].At-noon, dropped, newest-noon)
	}
}

// TestReplayedBackwards undoes what was seen, the newest first, and ends at what
// was there at first.
func TestReplayedBackwards(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	grow := func() *object.Workload {
		w := &object.Workload{
			Meta: store.Meta{UID: "d-web", Namespace: "shop", Name: "web"}, Kind: "Deployment",
			Desired: random.Int32N(3), Paused: random.IntN(2) == 0, Requests: object.Resources{CPU: random.Int64N(3) * 100, Memory: random.Int64N(3) << 20},
		}
		for i := range random.IntN(3) {
			w.Images = append(w.Images, fmt.Sprintf("image%d:%d", i, random.IntN(3)))
		}
		labels := map[string]string{}
		for range random.IntN(4) {
			labels[fmt.Sprint("k", random.IntN(4))] = fmt.Sprint(random.IntN(2))
		}
		w.Labels = store.NewLabels(labels)
		return w
	}
	for range 300 {
		l := NewTimeline(0)
		f := deployments()
		first := grow()
		f.take(l, store.Delta[*object.Workload]{Reset: true, Added: []*object.Workload{first}}, store.Status{Phase: store.Live}, at(0))
		last := first
		for second := range int64(1 + random.IntN(8)) {
			next := grow()
			f.take(l, store.Delta[*object.Workload]{Added: []*object.Workload{next}, Removed: []*object.Workload{last}}, store.Status{Phase: store.Live}, at(60*(second+1)))
			last = next
			if random.IntN(2) == 0 {
				l.wrote(deploymentRef("web"), nil, written("kubectl", "", 60*(second+1), "spec.replicas", "metadata.labels[k1]"), nil, at(60*(second+1)))
			}
		}
		state := map[string]string{}
		for _, fact := range workloadFacts(last) {
			state[fact.Path] = fact.Value
		}
		for _, e := range l.Publish(at(1000)) {
			for _, field := range e.Fields {
				if !field.Known {
					continue
				}
				if state[field.Path] != field.Is {
					t.Fatalf("%s became %q, but it was %q", field.Path, field.Is, state[field.Path])
				}
				if state[field.Path] = field.Was; field.Was == "" {
					delete(state, field.Path)
				}
			}
		}
		want := map[string]string{}
		for _, fact := range workloadFacts(first) {
			want[fact.Path] = fact.Value
		}
		if !maps.Equal(state, want) {
			t.Fatalf("undone it is %v, but it was %v", state, want)
		}
	}
}

// What was seen before metadata were read is given its manager by them.
func TestManagersThatAreReadLater(t *testing.T) {
	web := deploymentRef("web")
	read := func(writes ...Write) *Written {
		return &Written{Meta: store.Meta{UID: web.UID, Created: noon - 5000}, Writes: writes}
	}
	for _, c := range []struct {
		name string
		read *Written
		want []string
	}{
		{
			"who wrote it at about that time",
			read(written("kubectl-set", "", 9, "spec.template.spec.containers[app].image")),
			[]string{"9 seen deploy/web by kubectl-set: revision 7: image web:1 → web:2"},
		},
		{
			"of several fields those that are known",
			read(written("kubectl-edit", "", 11, "spec.template.spec.containers[app].image", "spec.replicas", "spec.paused")),
			[]string{"11 seen deploy/web by kubectl-edit: revision 7: image web:1 → web:2"},
		},
		{
			"not who wrote at another time",
			read(written("kubectl-set", "", 100, "spec.template.spec.containers[app].image")),
			[]string{"100 inferred deploy/web by kubectl-set: containers[app].image written", "10 seen deploy/web by : revision 7: image web:1 → web:2"},
		},
		{
			"nor who wrote another field",
			read(written("kubectl-scale", "scale", 10, "spec.replicas")),
			[]string{"10 inferred deploy/web by kubectl-scale: replicas written", "10 seen deploy/web by : revision 7: image web:1 → web:2"},
		},
	} {
		l := NewTimeline(0)
		l.saw(web, nil, []Field{known(imagePath, "web:1", "web:2")}, at(10), at(10))
		l.sawRevision(web, "7", at(10))
		l.Publish(at(200))
		l.traces(web, c.read)
		got := said(l, at(200))
		if got = got[:len(got)-1]; !slices.Equal(got, c.want) { // the oldest is that it was made
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// What a watch tells after the connection was lost may have happened before.
func TestOutage(t *testing.T) {
	f, l := deployments(), NewTimeline(0)
	version := func(replicas int32) *object.Workload {
		return &object.Workload{Meta: store.Meta{UID: "d-web", Namespace: "shop", Name: "web"}, Kind: "Deployment", Desired: replicas}
	}
	take := func(second int64, phase store.Phase, since int64, added ...*object.Workload) {
		st := store.Status{Phase: phase, Since: at(since)}
		f.outage(st, at(second))
		f.take(l, store.Delta[*object.Workload]{Added: added}, st, at(second))
	}
	take(0, store.Live, 0, version(1))
	take(10, store.Live, 0, version(2))
	take(30, store.Stale, 20)
	take(60, store.Live, 59, version(3))
	take(100, store.Live, 59, version(4))
	lost := at(20).Format(time.TimeOnly)
	want := []string{
		"100 seen deploy/web by : replicas 3 → 4",
		"60 seen deploy/web by : replicas 2 → 3, at some time since " + lost + ", when the connection was lost",
		"10 seen deploy/web by : replicas 1 → 2",
	}
	if got := said(l, at(200)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Bursts that are put together change by change are those of all changes at once.
func TestBurstsAsTheyCome(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		var steps []func(*Timeline)
		for second := range int64(40) {
			n := random.IntN(3)
			web, set := deploymentRef(fmt.Sprint("web", n)), podRef(fmt.Sprint("set", n))
			set.Kind = "ReplicaSet"
			steps = append(steps, func(l *Timeline) {
				switch when := noon + second*30; second % 4 {
				case 0:
					l.put(Entry{ID: fmt.Sprint("w", second), At: when, On: web, Manager: "kubectl", Exact: true})
				case 1:
					l.own(&store.Meta{UID: set.UID, Namespace: "shop", Owner: ownedBy(web)})
				case 2:
					l.made(podRef(fmt.Sprint(second)), ownedBy(set), "", when, true)
				case 3:
					l.remove(fmt.Sprint("w", second-int64(n)-1))
				}
			})
		}
		slow, fast := NewTimeline(0), NewTimeline(0)
		for i, step := range steps {
			step(slow)
			step(fast)
			if random.IntN(2) == 0 {
				fast.Publish(at(int64(i) * 30))
			}
		}
		told := func(l *Timeline) (words []string) {
			for _, e := range l.Publish(at(9000)) {
				words = append(words, e.ID+" of "+e.Of.Name+" in "+e.Burst)
			}
			return words
		}
		fast.own(&store.Meta{UID: "late", Namespace: "shop", Owner: ownedBy(deploymentRef("late"))})
		fast.put(Entry{ID: "last", At: noon + 8999, On: deploymentRef("last")})
		slow.put(Entry{ID: "last", At: noon + 8999, On: deploymentRef("last")})
		if a, b := told(slow), told(fast); !slices.Equal(a, b) {
			t.Fatalf("\n%q\n%q", a, b)
		}
	}
}

// Of what is scaled the server keeps by whom, and not when.
func TestWritesWithoutATime(t *testing.T) {
	web := deploymentRef("web")
	scaled := written("keda-operator", "scale", 0, "spec.replicas")
	scaled.At = 0
	read := &Written{Meta: store.Meta{UID: web.UID, Created: noon - 5000}, Writes: []Write{scaled}}
	before, seen := NewTimeline(0), NewTimeline(0)
	before.traces(web, read)
	seen.saw(web, nil, []Field{known("spec.replicas", "2", "4")}, at(10), at(10))
	seen.traces(web, read)
	if got := said(before, at(20)); !slices.Contains(got, "-5000 inferred deploy/web by keda-operator: replicas written, at some time since it was made: when is not kept") {
		t.Errorf("%q", got)
	}
	if got := said(seen, at(20)); len(got) != 2 || got[0] != "10 seen deploy/web by keda-operator: replicas 2 → 4" {
		t.Errorf("%q", got)
	}
}
