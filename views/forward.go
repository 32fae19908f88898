package views

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// forwardVerb starts a port-forward.
func forwardVerb() verb {
	return verb{
		ID: keymap.ForwardStart, One: true, Containers: true,
		Kinds: resources("pods", "services", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch", "replicationcontrollers"),
		Need:  fixed(access.Need{Verb: "create", Resource: "pods", Subresource: "portforward"}), Start: askForward,
	}
}

// parsePorts reads local:remote, or remote alone for the same port here, or
// :remote for any free one; a remote port may be a name.
func parsePorts(text string) (local int, remote string, err error) {
	text = strings.TrimSpace(text)
	before, after, two := strings.Cut(text, ":")
	if !two {
		if n, err := strconv.Atoi(text); err == nil {
			before, after = text, strconv.Itoa(n)
		} else {
			before, after = "", text
		}
	}
	if before != "" {
		if local, err = strconv.Atoi(before); err != nil || local < 0 || local > 65535 {
			return 0, "", fmt.Errorf("%q is no local port: type a number up to 65535, or nothing before the colon for a free one", before)
		}
	}
	if n, err := strconv.Atoi(after); err == nil && (n < 1 || n > 65535) {
		return 0, "", fmt.Errorf("%q is no port: they go from 1 to 65535", after)
	}
	if strings.ContainsAny(after, ": ") {
		return 0, "", fmt.Errorf("%q is no port: type local:remote, such as 8080:80", text)
	}
	return local, after, nil
}

func askForward(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return ui.Ask(ui.Prompt{
		Label: "forward to " + t.String() + ": ", Hint: "local:remote such as 8080:80, :http for a free port here, or nothing for the first port",
		Problem: func(text string) string {
			if _, _, err := parsePorts(text); err != nil {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			local, remote, err := parsePorts(text)
			if err != nil {
				return ui.Toast(theme.Error, err.Error())
			}
			spec := forward.Spec{Ref: t.Ref, Local: local, Remote: remote}
			port := strconv.Itoa(local) + ":" + remote
			if local == 0 {
				port = ":" + remote
			}
			c := consent{verb: v, title: "forward a port to " + t.String(), command: s.kubectl(t.Ref, "port-forward", t.GVR.Resource+"/"+t.Name, port)}
			return s.consented(c, sel, func(ctx context.Context) tea.Msg { return s.startForward(ctx, spec) })
		},
	})
}

func (s *Session) startForward(approved context.Context, spec forward.Spec) tea.Msg {
	began := time.Now()
	return ui.Start(ui.Task{Title: "forward to " + spec.Ref.String(), Run: func(task context.Context, _ func(string)) tea.Msg {
		ctx, cancel := context.WithCancel(approved)
		defer cancel()
		defer context.AfterFunc(task, cancel)()
		info, err := s.Forwards.Start(ctx, s.Client, spec)
		s.deed("port-forward", spec.Ref, info.String(), began, err)
		if err != nil {
			return ui.Toast(theme.Error, "not forwarded: "+Cause(err))
		}
		return ui.Toast(theme.OK, info.String()+", "+s.Keys.Label(keymap.ForwardList)+" lists them")
	}})
}

// forwardRow is a port-forward, as a row.
type forwardRow struct {
	store.Meta
	forward.Info
}

// forwards lists the port-forwards that run, of all contexts.
func forwards() *Resource[*forwardRow] {
	return &Resource[*forwardRow]{
		Kind: store.Kind[*forwardRow]{Kind: "Forward", GVR: kube.Local("forwards")},
		Name: "forwards", Short: []string{"pf", "portforwards"},
		Columns: []Column[*forwardRow]{
			text("local", func(r *forwardRow) string { return strings.Join(r.Listens, " ") }).between(16, 32),
			text("state", func(r *forwardRow) string { return r.State.String() }).toned(func(r *forwardRow, _ *Env) theme.Tone { return forwardTone(r.State) }),
			text("name", func(r *forwardRow) string { return r.Spec.Ref.String() }).middle(16, 40),
			text("pod", func(r *forwardRow) string { return r.Pod }).middle(12, 40),
			count("port", func(r *forwardRow) int64 { return int64(r.Remote) }),
			text("traffic", func(r *forwardRow) string { return byteCount(r.In) + " in, " + byteCount(r.Out) + " out" }),
			count("connections", func(r *forwardRow) int64 { return int64(r.Connections) }),
			text("problem", (*forwardRow).trouble).flex(1, 8),
			since("since", func(r *forwardRow) int64 { return r.Info.Since.Unix() }),
			text("namespace", func(r *forwardRow) string { return r.Spec.Ref.Namespace }).wide(),
			text("context", func(r *forwardRow) string { return r.Context }).wide(),
		},
		Open: func(s *Session, _ Scope) source[*forwardRow] { return newForwardSource(s) },
		Ref:  func(r *forwardRow) kube.Ref { return r.Spec.Ref },
		Enter: func(s *Session, r *forwardRow) tea.Msg {
			return ui.Push(readingFrame(s, "forward "+r.Spec.Ref.String(), textview.FromText(r.words(), theme.Text)))
		},
		Own: func(s *Session, r *forwardRow) []ui.Action {
			return []ui.Action{
				{ID: keymap.ForwardStop, Run: func() tea.Msg {
					return tea.Cmd(func() tea.Msg {
						s.Forwards.Stop(r.ID)
						return ui.Toast(theme.OK, "stopped "+r.Info.String())
					})
				}},
				{ID: keymap.CopyName, Run: func() tea.Msg {
					if len(r.Listens) == 0 {
						return ui.Toast(theme.Warn, "it listens nowhere")
					}
					return ui.Copy(r.Listens[0], r.Listens[0])
				}},
			}
		},
	}
}

// trouble says what is wrong, "" if nothing is.
func (r *forwardRow) trouble() string {
	if r.Reason != "" {
		return r.Reason
	}
	return r.Problem
}

func (r *forwardRow) words() string {
	lines := []string{
		r.Info.String(), "",
		"context    " + r.Context, "namespace  " + r.Spec.Ref.Namespace, "state      " + r.State.String(),
		fmt.Sprintf("traffic    %s in, %s out", byteCount(r.In), byteCount(r.Out)),
		fmt.Sprintf("connected  %d now, %d since the start", r.Connections, r.Total),
	}
	if t := r.trouble(); t != "" {
		lines = append(lines, "problem    "+t)
	}
	return strings.Join(lines, "\n")
}

func forwardTone(s forward.State) theme.Tone {
	switch s {
	case forward.Failed:
		return theme.Error
	case forward.Waiting:
		return theme.Warn
	case forward.Starting:
		return theme.Busy
	}
	return theme.Text
}

// forwardSource makes rows of the forwards. Traffic alone is no change of them,
// so they are looked at every second as well.
type forwardSource struct {
	session *Session
	changed store.Signal
	done    chan struct{}
	rows    []*forwardRow
}

func newForwardSource(s *Session) *forwardSource {
	f := &forwardSource{session: s, changed: store.NewSignal(), done: make(chan struct{})}
	f.changed <- struct{}{}
	go f.watch()
	return f
}

func (f *forwardSource) watch() {
	defer utilruntime.HandleCrash()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-f.done:
			return
		case <-tick.C:
			if !slices.ContainsFunc(f.session.Forwards.List(), func(i forward.Info) bool { return i.Connections > 0 }) {
				continue
			}
		case <-f.session.Forwards.Changed():
		}
		f.changed.Send()
	}
}

func (f *forwardSource) Changed() <-chan struct{} { return f.changed }
func (f *forwardSource) Close()                   { close(f.done) }

func (f *forwardSource) Status() store.Status {
	return store.Status{Phase: store.Live, Loaded: len(f.rows), Since: f.session.Now()}
}

// Take returns all forwards anew: they are few.
func (f *forwardSource) Take() (store.Delta[*forwardRow], store.Status) {
	f.rows = nil
	for _, i := range f.session.Forwards.List() {
		f.rows = append(f.rows, &forwardRow{
			Meta: store.Meta{UID: types.UID(strconv.Itoa(i.ID)), Name: i.Spec.Ref.String(), Namespace: i.Spec.Ref.Namespace, Created: i.Since.Unix()},
			Info: i,
		})
	}
	return store.Delta[*forwardRow]{Reset: true, Added: slices.Clone(f.rows)}, f.Status()
}

// Running returns what ends with the program, for the question before that.
func (p *Program) Running() []string {
	var lines []string
	for _, i := range p.Forwards.List() {
		if i.State != forward.Failed {
			lines = append(lines, "port-forward "+i.String())
		}
	}
	return lines
}
