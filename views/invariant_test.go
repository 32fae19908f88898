package views

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube/apitest"
	"quarterdeck/ui/theme"
)

// allKeys are the keys of all bindings.
func allKeys() []string {
	var keys []string
	for _, section := range keymap.Default().Groups() {
		for _, b := range section.Bindings {
			keys = append(keys, b.Keys...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// leaving are the keys that end the program.
func leaving(key string) bool { return key == "q" || key == "ctrl+c" || key == "ctrl+z" }

var colour = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// sound checks that the screen is exactly as large as it should be, and that
// nothing on it commands the terminal but colours.
func (b *bench) sound(w, h int, after string) {
	b.t.Helper()
	v := b.frame()
	lines := strings.Split(v.Content, "\n")
	if len(lines) != h {
		b.t.Fatalf("%dx%d after %s: %d lines", w, h, after, len(lines))
	}
	for i, l := range lines {
		plain := colour.ReplaceAllString(l, "")
		if strings.ContainsFunc(plain, dangerous) {
			b.t.Fatalf("%dx%d after %s: line %d is %q", w, h, after, i, l)
		}
		if n := ansi.StringWidth(plain); n > w {
			b.t.Fatalf("%dx%d after %s: line %d has %d cells: %q", w, h, after, i, n, plain)
		}
	}
	if strings.ContainsFunc(v.WindowTitle, dangerous) {
		b.t.Fatalf("window title %q", v.WindowTitle)
	}
	if v.Cursor != nil && (v.Cursor.X < 0 || v.Cursor.X >= w || v.Cursor.Y < 0 || v.Cursor.Y >= h) {
		b.t.Fatalf("%dx%d after %s: the cursor is at %d, %d", w, h, after, v.Cursor.X, v.Cursor.Y)
	}
}

// dangerous are characters by which a text could do more than be read.
func dangerous(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f
}

// tap types a key without waiting for what is collected for a while.
func (b *bench) tap(key string) { b.send(keyPress(key)) }

// Every key in every kind of view leaves a sound screen, whatever its size.
func TestEveryKey(t *testing.T) {
	t.Parallel()
	keys := allKeys()
	for start, sizes := range map[string][][2]int{
		"":           {{20, 5}, {40, 12}, {80, 24}, {120, 40}, {160, 50}, {300, 100}},
		"pods":       {{20, 5}, {160, 50}},
		"containers": {{40, 12}},
		"events":     {{120, 40}},
		"databases":  {{80, 24}},
		"rollouts":   {{20, 5}, {80, 24}, {160, 50}},
	} {
		pipe(t, func(set *settings) {
			withMetrics(set)
			set.start = start
			set.Detail = DetailAuto
			set.theme = colourful(t)
		}, func(b *bench) {
			for _, size := range sizes {
				b.resize(size[0], size[1])
				b.sound(size[0], size[1], "the resize")
				for _, k := range keys {
					if leaving(k) {
						continue
					}
					b.tap(k)
					b.sound(size[0], size[1], k)
					b.tap("x") // into a prompt, if it opened one
					b.sound(size[0], size[1], k+" x")
					b.tap("enter")
					b.sound(size[0], size[1], k+" x enter")
					for range 3 {
						b.tap("esc")
					}
					b.sound(size[0], size[1], k+" x enter esc esc esc")
				}
			}
		})
	}
}

func colourful(t *testing.T) *theme.Theme {
	th, err := theme.New(theme.Default(), theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// Whatever is typed, resized and changed in the cluster, in any order.
func TestMonkey(t *testing.T) {
	t.Parallel()
	keys := append(allKeys(), "a", "e", "1", "=", ">", "-", "가", "backspace")
	for seed := range uint64(6) {
		pipe(t, func(set *settings) {
			withMetrics(set)
			set.Detail = Detail(seed % 3)
		}, func(b *bench) {
			r := rand.New(rand.NewPCG(seed, 7))
			w, h := 80, 24
			var done []string
			for range 400 {
				key := keys[r.IntN(len(keys))]
				if leaving(key) {
					continue
				}
				done = append(done, key)
				b.tap(key)
				switch r.IntN(40) {
				case 0:
					w, h = 1+r.IntN(200), 1+r.IntN(60)
					done = append(done, fmt.Sprint("resize ", w, "x", h))
					b.resize(w, h)
				case 1:
					b.CutWatches()
				case 2:
					b.Delete(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "ledger-0"}})
				case 3:
					b.Compact()
					b.FailWatches(apierrors.NewResourceExpired("old").ErrStatus)
				case 4:
					b.settle()
				case 5:
					b.send(tea.PasteMsg{Content: "two\nlines\x1b[2J"})
				}
				b.sound(w, h, strings.Join(done[max(0, len(done)-12):], " "))
			}
		})
	}
}

const bomb = "b\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e\u200b\u2066o\n\r\tm\u009b31mb"

// bombed fills a server with objects in which every text is a bomb.
func bombed(s *apitest.Server) {
	f := apitest.NewFiller(1)
	n := 0
	f.Word = func() string { n++; return fmt.Sprint(bomb, n) }
	for _, like := range []apitest.Object{
		&corev1.Pod{}, &corev1.Node{}, &corev1.Namespace{}, &corev1.Event{}, &corev1.Service{}, &corev1.PersistentVolumeClaim{},
		&corev1.ResourceQuota{}, &appsv1.Deployment{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{}, &batchv1.Job{},
		&batchv1.CronJob{}, &autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}, &corev1.Secret{}, &corev1.ConfigMap{},
	} {
		for range 4 {
			o := reflect.New(reflect.TypeOf(like).Elem()).Interface().(apitest.Object)
			f.Fill(o)
			o.SetUID("")
			if _, clusterWide := o.(*corev1.Node); clusterWide {
				o.SetNamespace("")
			}
			s.PutRow(o, bomb, bomb, bomb, bomb)
		}
	}
	gvr := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	s.Define(gvr, apitest.Kind{Kind: "Widget" + bomb, Namespaced: true, Short: []string{bomb}}, metav1.TableColumnDefinition{Name: bomb, Type: "string"},
		metav1.TableColumnDefinition{Name: "Status" + bomb, Type: "string"}, metav1.TableColumnDefinition{Name: "Number", Type: "integer"})
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{bomb: bomb}, "status": []any{bomb}}}
	u.SetGroupVersionKind(gvr.GroupVersion().WithKind("Widget" + bomb))
	u.SetNamespace(bomb)
	u.SetName(bomb)
	u.SetLabels(map[string]string{bomb: bomb})
	s.PutRow(u, bomb, bomb, 5)
	s.Define(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "gadgets" + bomb}, apitest.Kind{Kind: "Gadget" + bomb})
}

// Nothing that a cluster, a server or a kubeconfig says reaches the terminal as
// it is.
func TestBombs(t *testing.T) {
	t.Parallel()
	bombs := func(set *settings) {
		set.empty, set.prepare = true, bombed
		set.Detail = DetailOn
		set.contexts = fmt.Sprintf("- {name: %q, context: {cluster: c, user: ada, namespace: %q}}", bomb, bomb)
	}
	pipe(t, bombs, func(b *bench) {
		openers := Catalog()
		more, err := b.session.discovered(true)
		if err != nil {
			t.Fatal(err)
		}
		openers = append(openers, more...)
		for _, o := range openers {
			b.open(o)
			for _, size := range [][2]int{{80, 24}, {20, 5}, {160, 50}} {
				b.resize(size[0], size[1])
				b.sound(size[0], size[1], o.Names().Plural)
			}
			for _, k := range []string{"w", "right", "tab", "down", "y", "esc", "d", "esc", "E", "esc", "J", "esc", "P", "esc", "N", "esc", "enter", "enter", "esc", "esc", "c", "Y", "esc", "S", "esc", ".", "n", "esc", "w"} {
				b.press(k)
				b.sound(160, 50, o.Names().Plural+" "+k)
			}
			b.press("[", "[")
		}
		b.resize(160, 50)
		for _, keys := range [][]string{{"@"}, {":"}, {"n"}, {"a"}, {"?"}} {
			b.press(keys...)
			b.sound(160, 50, strings.Join(keys, " "))
			b.press("esc")
		}
		b.press("@", "b", "enter") // the context of that name
		b.sound(160, 50, "the context")
		if title := b.frame().WindowTitle; !strings.HasPrefix(title, "qd b") {
			t.Errorf("window title %q", title)
		}
	})
	for name, answer := range map[string]func(apitest.Request) *apitest.Answer{
		"forbidden": func(r apitest.Request) *apitest.Answer { return r.Forbid(bomb) },
		"internal": func(apitest.Request) *apitest.Answer {
			return apitest.Fail(apierrors.NewInternalError(errors.New(bomb)))
		},
		"unauthorized": func(apitest.Request) *apitest.Answer { return apitest.Fail(apierrors.NewUnauthorized(bomb)) },
		"not JSON":     func(apitest.Request) *apitest.Answer { return &apitest.Answer{Body: bomb, ContentType: "text/html"} },
		"other JSON": func(apitest.Request) *apitest.Answer {
			return &apitest.Answer{Body: `{"kind":"\u001b[2J"}`, ContentType: "application/json"}
		},
	} {
		pipe(t, func(set *settings) {
			bombs(set)
			set.answer = answer
		}, func(b *bench) {
			for _, word := range []string{"workloads", "pods", "configmaps", "nodes"} {
				o, _ := known(word)
				b.open(o)
				b.sound(80, 24, name+" "+word)
			}
			b.press(":")
			b.text("widgets")
			b.press("enter")
			b.sound(80, 24, name+" discovery")
		})
	}
}
