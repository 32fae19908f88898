package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/action"
	"quarterdeck/kube/container"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// shellVerbs reach into containers.
func shellVerbs() []verb {
	pod, node := resources("pods"), resources("nodes")
	subresource := func(name string) access.Need {
		return access.Need{Verb: "create", Resource: "pods", Subresource: name}
	}
	return []verb{
		{ID: keymap.PodShell, Kinds: pod, Containers: true, One: true, Shown: true, Need: fixed(subresource("exec")), Start: startShell},
		{ID: keymap.PodAttach, Kinds: pod, Containers: true, One: true, Need: fixed(subresource("attach")), Start: startAttach},
		{
			ID: keymap.PodDebug, Kinds: pod, Containers: true, One: true, Level: guard.Confirmed,
			Need: fixed(access.Need{Verb: "patch", Resource: "pods", Subresource: "ephemeralcontainers"}), Start: askDebug,
		},
		{ID: keymap.PodDownload, Kinds: pod, Containers: true, One: true, Need: fixed(subresource("exec")), Start: startCopy(false)},
		{ID: keymap.PodUpload, Kinds: pod, Containers: true, One: true, Level: guard.Confirmed, Need: fixed(subresource("exec")), Start: startCopy(true)},
		{
			ID: keymap.NodeShell, Kinds: node, One: true, Level: guard.Confirmed, Need: fixed(access.Need{Verb: "create", Resource: "pods"}),
			In: (*Session).debugNamespace, Start: startNodeShell,
		},
	}
}

// pod returns what the list knows of a target that is a pod or in one, nil if
// that is nothing.
func (t target) pod() *object.Pod {
	switch row := t.row.(type) {
	case *object.Pod:
		return row
	case *workloadRow:
		return row.pod
	case *containerRow:
		return row.pod
	}
	return nil
}

// inContainer does something in the container of a target; of several, the user
// chooses.
func (s *Session) inContainer(t target, do func(container.Target) tea.Msg) tea.Msg {
	in := container.Target{Pod: t.Ref, Container: t.container}
	pod := t.pod()
	if t.container != "" || pod == nil || len(pod.Containers) == 1 {
		return do(in)
	}
	p := &ui.Picker{Title: "container of " + t.String()}
	// Those of the app first: they are what is meant nearly always.
	list := slices.Clone(pod.Containers)
	slices.SortStableFunc(list, func(a, b object.Container) int { return int(a.Type) - int(b.Type) })
	for i := range list {
		c := &list[i]
		item := ui.Item{Label: c.Name, Detail: containerState(c), Tone: containerTone(c), Run: func() tea.Msg {
			in.Container = c.Name
			return do(in)
		}}
		if c.Type != object.App {
			item.Detail = c.Type.String() + ", " + item.Detail
		}
		p.Items = append(p.Items, item)
	}
	return ui.Pick(p)
}

func startShell(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return s.inContainer(t, func(in container.Target) tea.Msg {
		c := consent{verb: v, title: "shell in " + t.String(), command: s.kubectl(t.Ref, "exec", "-it", t.Name, "-c", in.Container, "--", "sh")}
		return s.consented(c, sel, func(ctx context.Context) tea.Msg {
			return s.visit("shell", t.Ref, in, container.Exec(ctx, s.Client, in, nil))
		})
	})
}

func startAttach(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return s.inContainer(t, func(in container.Target) tea.Msg {
		c := consent{verb: v, title: "attach to " + t.String(), command: s.kubectl(t.Ref, "attach", "-it", t.Name, "-c", in.Container)}
		return s.consented(c, sel, func(ctx context.Context) tea.Msg {
			return s.visit("attach", t.Ref, in, container.Attach(ctx, s.Client, in))
		})
	})
}

// visit lends the terminal to a session with a container.
func (s *Session) visit(word string, ref kube.Ref, in container.Target, session *container.Session) tea.Msg {
	began := time.Now()
	return tea.Exec(session, func(err error) tea.Msg {
		if found := session.Target(); found.Container != "" {
			in = found
		}
		s.deed(word, ref, "in container "+in.Container, began, err)
		switch {
		case errors.Is(err, container.ErrNoProgram):
			return ui.Toast(theme.Error, "no shell in "+in.String()+": its image has none; the action debug starts a container that has one")
		case err != nil:
			return ui.Toast(theme.Error, word+": "+Cause(err))
		case session.ExitCode() != 0:
			return ui.Toast(theme.Muted, fmt.Sprintf("%s in %s ended with exit code %d", word, in, session.ExitCode()))
		}
		return nil
	})
}

// kubectl returns the command that does the same, "" if it cannot be told.
func (s *Session) kubectl(ref kube.Ref, words ...string) string {
	client, err := s.changer()
	if err != nil {
		return ""
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if i := slices.Index(words, "-c"); i >= 0 && (i+1 == len(words) || words[i+1] == "--") { // the default container
		words = slices.Delete(words, i, i+1)
	}
	return client.Kubectl(ref, words...)
}

// askDebug asks for the image of a container to debug a pod with.
func askDebug(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return s.inContainer(t, func(in container.Target) tea.Msg {
		return ui.Ask(ui.Prompt{
			Label: "image to debug " + t.String() + " with: ", Text: container.DebugImage, Problem: notImage,
			Accept: func(image string) tea.Msg {
				c := consent{
					verb: v, title: "debug " + t.String(),
					lines: []textview.Line{
						{},
						{{Text: "A container of "}, {Text: image, Tone: theme.Title}, {Text: " is added to the pod, beside " + containerWord(in.Container) + "."}},
						{{Text: "Kubernetes keeps it in the pod's list until the pod goes; it ends with its shell.", Tone: theme.Muted}},
					},
					command: s.kubectl(t.Ref, "debug", "-it", t.Name, "--image="+image, "--target="+in.Container),
				}
				return s.consented(c, sel, func(ctx context.Context) tea.Msg {
					return s.begin(ctx, "debug", t.Ref, in, image, func(ctx context.Context, said func(string)) (*container.Session, error) {
						return container.Debug(ctx, s.Client, in, container.DebugOptions{Image: image, Said: said})
					})
				})
			},
		})
	})
}

func containerWord(name string) string {
	if name == "" {
		return "its first container"
	}
	return "container " + name
}

// debugNamespace is where the pods are made that debug nodes.
func (s *Session) debugNamespace() string { return cmp.Or(s.Client.Namespace, metav1.NamespaceDefault) }

// startNodeShell asks before a pod is started on a node that reaches all of it.
func startNodeShell(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	image := container.DebugImage
	c := consent{
		verb: v, title: "shell on " + t.String(),
		lines: []textview.Line{
			{},
			{
				{Text: "A pod of "},
				{Text: image, Tone: theme.Title},
				{Text: " is started there, in namespace " + s.debugNamespace() + ": in the namespaces of the host, with its files at /host."},
			},
			{{Text: "It is deleted when the shell ends."}},
		},
		command: s.kubectl(kube.Ref{}, "debug", "-it", "node/"+t.Name, "--image="+image),
	}
	return s.consented(c, sel, func(ctx context.Context) tea.Msg {
		return s.begin(ctx, "node shell", t.Ref, container.Target{}, image, func(ctx context.Context, said func(string)) (*container.Session, error) {
			return container.DebugNode(ctx, s.Client, t.Ref, container.DebugOptions{Image: image, Namespace: s.debugNamespace(), Said: said})
		})
	})
}

// begin starts a container in the background, and visits it when it runs. ctx
// has the user's approval and lives as long as the visit.
func (s *Session) begin(ctx context.Context, word string, ref kube.Ref, in container.Target, image string, start func(context.Context, func(string)) (*container.Session, error)) tea.Msg {
	began := time.Now()
	return ui.Start(ui.Task{Title: word + " " + ref.String(), Run: func(task context.Context, progress func(string)) tea.Msg {
		ctx, cancel := context.WithCancel(ctx)
		keep := context.AfterFunc(task, cancel) // as long as it only starts, the task can be cancelled
		session, err := start(ctx, progress)
		if err != nil || !keep() {
			cancel()
			s.deed(word, ref, "with "+image, began, err)
			if err == nil {
				err = errors.Join(context.Canceled, session.Discard())
			}
			return ui.Toast(theme.Error, word+": "+Cause(err))
		}
		if session.Target().Container != "" {
			in = session.Target()
		}
		return s.visit(word, ref, in, session)
	}})
}

// notImage says why a text is no image, "" if it is one.
func notImage(text string) string {
	if _, err := action.ParseImage(text, ""); err != nil {
		return err.Error()
	}
	return ""
}
