package views

import (
	"strconv"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// containerRow is one container of one pod, as a row of its own.
type containerRow struct {
	store.Meta // the name is the container's, the rest is the pod's
	*object.Container
	pod *object.Pod
}

// containers lists the containers of the pods in scope.
func containers() *Resource[*containerRow] {
	pod := text("pod", func(c *containerRow) string { return c.pod.Name }).middle(20, 40)
	return containersWith(pod)
}

// containersOf lists the containers of one pod, which need not name it.
func containersOf() *Resource[*containerRow] { return containersWith() }

func containersWith(pod ...Column[*containerRow]) *Resource[*containerRow] {
	columns := append([]Column[*containerRow]{nameColumn[*containerRow]().flex(2, 10)}, pod...) // the name of a pod is longer
	return &Resource[*containerRow]{
		Kind: store.Kind[*containerRow]{
			GVR: corev1.SchemeGroupVersion.WithResource("containers"), Kind: "Container", Namespaced: true,
		},
		Name: "containers", Short: []string{"co"},
		Columns: append(append(columns,
			text("type", func(c *containerRow) string { return c.Type.String() }),
			Column[*containerRow]{
				ID: "state", Kind: field.Text, Min: statusWidth, Max: 28,
				Value: func(c *containerRow, _ *Env) field.Value { return field.Of(containerState(c.Container)) },
				Tone:  func(c *containerRow, _ *Env) theme.Tone { return containerTone(c.Container) },
			},
			count("restarts", func(c *containerRow) int64 { return int64(c.Restarts) }),
			Column[*containerRow]{
				ID: "last", Kind: field.Text, Min: 12, Max: 24,
				Value: func(c *containerRow, e *Env) field.Value {
					if c.Last == nil {
						return field.Of("")
					}
					return field.Of(c.Last.String() + " " + field.Age(e.Now.Unix()-c.Last.Finished) + " ago")
				},
			},
		), append(usageColumns(containerUsage,
			func(c *containerRow) object.Resources { return c.Requests },
			func(c *containerRow) object.Resources { return c.Limits }),
			text("image", func(c *containerRow) string { return c.Image }).middle(10, 48),
			text("ports", func(c *containerRow) string { return c.Ports }).between(4, 24),
			since("since", func(c *containerRow) int64 { return c.Since }),
		)...),
		Open: func(s *Session, scope Scope) source[*containerRow] {
			return &containerSource{pods: store.Open(s.Client.Stores, object.Pods(), scope.store())}
		},
		Ref:       func(c *containerRow) kube.Ref { return pods().ref(c.pod) },
		Container: func(c *containerRow) string { return c.Meta.Name },
		Enter: func(s *Session, c *containerRow) tea.Msg {
			return ui.Push(describeFrame(s, pods().ref(c.pod)))
		},
		Node: func(c *containerRow) string { return c.pod.Node },
		Tone: func(c *containerRow) theme.Tone {
			if c.Type == object.Init && c.State == object.Terminated && c.Exit == 0 {
				return theme.Muted
			}
			return theme.Text
		},
		Usage: func(s Scope) metrics.Scope { return metrics.Pods(s.Namespace) },
	}
}

// containerSource makes rows of the containers of pods.
type containerSource struct {
	pods *store.Subscription[*object.Pod]
	of   map[*object.Pod][]*containerRow
}

func (s *containerSource) Changed() <-chan struct{} { return s.pods.Changed() }
func (s *containerSource) Status() store.Status     { return s.pods.Status() }
func (s *containerSource) Close()                   { s.pods.Close() }

// Take returns the changes of the pods as changes of their containers.
func (s *containerSource) Take() (store.Delta[*containerRow], store.Status) {
	pods, st := s.pods.Take()
	if pods.Reset || s.of == nil {
		s.of = map[*object.Pod][]*containerRow{}
	}
	d := store.Delta[*containerRow]{Reset: pods.Reset}
	for _, p := range pods.Removed {
		d.Removed = append(d.Removed, s.of[p]...)
		delete(s.of, p)
	}
	for _, p := range pods.Added {
		rows := make([]*containerRow, len(p.Containers))
		for i := range p.Containers {
			c := &p.Containers[i]
			rows[i] = &containerRow{Meta: p.Meta, Container: c, pod: p}
			rows[i].Meta.Name = c.Name
			rows[i].Meta.UID = types.UID(string(p.UID) + "/" + strconv.Itoa(i))
		}
		s.of[p] = rows
		d.Added = append(d.Added, rows...)
	}
	return d, st
}
