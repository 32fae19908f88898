package views

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/field"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

func pods() *Resource[*object.Pod] {
	return &Resource[*object.Pod]{
		Kind: object.Pods(), Name: "pods", Short: []string{"po"},
		Columns: append([]Column[*object.Pod]{
			nameColumn[*object.Pod](),
			{
				ID: "ready", Kind: field.Number, Align: cell.Right,
				Value: func(p *object.Pod, _ *Env) field.Value { return pair(int64(p.Ready), int64(p.Total)) },
				Tone:  podReadyTone,
			},
			{
				ID: "status", Kind: field.Text, Min: statusWidth, Max: 28,
				Value: func(p *object.Pod, _ *Env) field.Value { return field.Of(p.Status) },
				Tone:  podTone,
			},
			{ID: "restarts", Kind: field.Number, Align: cell.Right, Value: podRestarts},
			{
				ID: "last", Kind: field.Text, Max: 20, Min: 4, Wide: true,
				Value: func(p *object.Pod, _ *Env) field.Value { return field.Of(lastTermination(p).String()) },
			},
		}, append(usageColumns(podUsage,
			func(p *object.Pod) object.Resources { return p.Requests().Resources },
			func(p *object.Pod) object.Resources { return p.Limits().Resources }),
			text("node", func(p *object.Pod) string { return p.Node }).middle(10, 24),
			text("ip", func(p *object.Pod) string { return p.IP }).wide(),
			text("qos", func(p *object.Pod) string { return p.QoS }).wide(),
			text("account", func(p *object.Pod) string { return p.ServiceAccount }).wide().middle(6, 20),
			text("image", func(p *object.Pod) string { return podImages(p) }).wide().middle(8, 40),
			ageColumn[*object.Pod](),
			labelsColumn[*object.Pod](),
		)...),
		Enter: func(s *Session, p *object.Pod) tea.Msg {
			return ui.Push(containersOf().Frame(s, Scope{
				Namespace: p.Namespace, Fields: "metadata.name=" + p.Name, Title: "pod/" + p.Name,
			}))
		},
		Node:   func(p *object.Pod) string { return p.Node },
		Detail: podDetail,
		Usage:  func(s Scope) metrics.Scope { return metrics.Pods(s.Namespace) },
	}
}

// pair is "a/b", which sorts and filters by a.
func pair(a, b int64) field.Value {
	return field.Int(a).WithText(strconv.FormatInt(a, 10) + "/" + strconv.FormatInt(b, 10))
}

func podTone(p *object.Pod, _ *Env) theme.Tone {
	switch p.Status {
	case "Running":
		return theme.Text
	case "Completed", "Succeeded":
		return theme.Muted
	}
	return statusTone(p.Status)
}

func podReadyTone(p *object.Pod, _ *Env) theme.Tone {
	if p.Ready < p.Total && p.Phase == string(corev1.PodRunning) {
		return theme.Warn
	}
	return theme.Text
}

// podRestarts shows how often, and how long ago the last time: 6 (20s).
func podRestarts(p *object.Pod, e *Env) field.Value {
	return restartsAgo(p.Restarts, p.LastRestart, e)
}

func restartsAgo(n int32, last int64, e *Env) field.Value {
	v := field.Int(n)
	if last == 0 || n == 0 {
		return v
	}
	return v.WithText(strconv.Itoa(int(n)) + " (" + field.Age(e.Now.Unix()-last) + ")")
}

// lastTermination returns the newest end of any container, nil if none ended.
func lastTermination(p *object.Pod) *object.Termination {
	var last *object.Termination
	for i := range p.Containers {
		if t := p.Containers[i].Last; t != nil && (last == nil || t.Finished > last.Finished) {
			last = t
		}
	}
	return last
}

func podImages(p *object.Pod) string {
	first, n := "", 0
	for i := range p.Containers {
		if c := &p.Containers[i]; c.Type == object.App {
			if n == 0 {
				first = object.ShortImage(c.Image)
			}
			n++
		}
	}
	if n > 1 {
		return first + " +" + strconv.Itoa(n-1)
	}
	return first
}

// podDetail says of each container what it does and how it ended before.
func podDetail(p *object.Pod, e *Env) []textview.Line {
	var lines []textview.Line
	if p.Message != "" {
		lines = append(lines, textview.Line{{Text: p.Message, Tone: theme.Warn}})
	}
	for i := range p.Containers {
		c := &p.Containers[i]
		line := textview.Line{
			{Text: cell.Pad(c.Name, 12, cell.Left) + " ", Tone: theme.Field},
			{Text: containerState(c), Tone: containerTone(c)},
		}
		if c.Since != 0 {
			line = append(line, textview.Span{Text: " " + field.Age(e.Now.Unix()-c.Since), Tone: theme.Muted})
		}
		lines = append(lines, line)
		if c.Message != "" {
			lines = append(lines, textview.Line{{Text: "  " + c.Message, Tone: theme.Muted}})
		}
		if c.Last != nil {
			ago := field.Age(e.Now.Unix() - c.Last.Finished)
			lines = append(lines, textview.Line{{Text: "  before: " + c.Last.String() + " " + ago + " ago", Tone: theme.Muted}})
		}
	}
	return append(lines, textview.Line{})
}

func containerState(c *object.Container) string {
	switch c.State {
	case object.Waiting, object.Terminated:
		s := c.Reason
		if s == "" {
			s = c.State.String()
		}
		if c.State == object.Terminated && c.Exit != 0 {
			s += " " + strconv.Itoa(int(c.Exit))
		}
		return s
	case object.Running:
		if !c.Ready && c.Type != object.Init {
			return "Running, not ready"
		}
		return "Running"
	case object.Unknown:
	}
	return "not reported"
}

func containerTone(c *object.Container) theme.Tone {
	switch {
	case c.State == object.Running && c.Ready, c.State == object.Terminated && c.Exit == 0:
		return theme.Text
	case c.State == object.Terminated, c.State == object.Waiting && strings.Contains(c.Reason, "BackOff"):
		return theme.Error
	}
	return statusTone(containerState(c) + " waiting")
}
