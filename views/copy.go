package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/container"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// transfer is a copy between this machine and a container.
type transfer struct {
	session *Session
	verb    *verb
	sel     chosen
	in      container.Target
	up      bool // to the container
	from    string
	to      string
	replace bool
}

// startCopy asks what to copy, and where to.
func startCopy(up bool) func(*verb, *Session, chosen) tea.Msg {
	return func(v *verb, s *Session, sel chosen) tea.Msg {
		return s.inContainer(sel.targets[0], func(in container.Target) tea.Msg {
			c := &transfer{session: s, verb: v, sel: sel, in: in, up: up}
			return c.askFrom()
		})
	}
}

func (c *transfer) askFrom() tea.Msg {
	label := "file or directory in " + c.in.String() + ": "
	if c.up {
		label = "local file or directory: "
	}
	return ui.Ask(ui.Prompt{Label: label, Hint: "a path", Accept: func(path string) tea.Msg {
		if c.from = strings.TrimSpace(path); c.from == "" {
			return ui.Toast(theme.Muted, "nothing copied: no path was typed")
		}
		return c.askTo()
	}})
}

func (c *transfer) askTo() tea.Msg {
	label, text := "to the local path: ", "."
	if c.up {
		label, text = "to the path in "+c.in.String()+": ", "/tmp"
	}
	return ui.Ask(ui.Prompt{Label: label, Text: text, Accept: func(path string) tea.Msg {
		if c.to = strings.TrimSpace(path); c.to == "" {
			return ui.Toast(theme.Muted, "nothing copied: no path was typed")
		}
		return c.propose()
	}})
}

// title names the copy in a few words.
func (c *transfer) title() string {
	if c.up {
		return "copy " + c.from + " to " + c.in.Pod.String()
	}
	return "copy " + c.from + " from " + c.in.Pod.String()
}

func (c *transfer) propose() tea.Msg {
	remote := c.in.Pod.Name + ":"
	words := []string{"cp", remote + c.from, c.to, "-c", c.in.Container}
	if c.up {
		words = []string{"cp", c.from, remote + c.to, "-c", c.in.Container}
	}
	ask := consent{verb: c.verb, title: c.title(), command: c.session.kubectl(c.in.Pod, words...)}
	return c.session.consented(ask, c.sel, c.run)
}

// run copies in the background.
func (c *transfer) run(approved context.Context) tea.Msg {
	s, began := c.session, time.Now()
	return ui.Start(ui.Task{Title: c.title(), Run: func(task context.Context, progress func(string)) tea.Msg {
		ctx, cancel := context.WithCancel(approved)
		defer cancel()
		defer context.AfterFunc(task, cancel)()
		opts := container.CopyOptions{Replace: c.replace, Progress: func(p container.Progress) { progress(copyProgress(p)) }}
		copying := container.Download
		from, to := c.from, c.to
		if c.up {
			copying = container.Upload
		}
		done, err := copying(ctx, s.Client, c.in, from, to, opts)
		s.deed("copy", c.in.Pod, c.from+" → "+c.to, began, err)
		switch {
		case errors.Is(err, container.ErrExists) && !c.up:
			return c.askReplace(approved, err)
		case err != nil:
			return ui.Toast(theme.Error, "not copied: "+Cause(err))
		case len(done.Skipped) > 0:
			return ui.Push(readingFrame(s, "copy", textview.FromText(fmt.Sprintf("copied %s to %s, but for:\n%s", copied(done), done.To, strings.Join(done.Skipped, "\n")), theme.Text)))
		}
		return ui.Toast(theme.OK, "copied "+copied(done)+" to "+done.To)
	}})
}

// askReplace asks before local files are written over.
func (c *transfer) askReplace(approved context.Context, why error) tea.Msg {
	return ui.Confirm(&ui.Dialog{
		Title: "write over local files?", Tone: theme.Warn, Yes: "replace",
		Lines: func() []textview.Line { return textview.FromText(Cause(why), theme.Text) },
		Accept: func() tea.Msg {
			c.replace = true
			return c.run(approved)
		},
	})
}

func copied(c container.Copied) string {
	if c.Files == 1 {
		return "1 file, " + byteCount(c.Bytes)
	}
	return thousands(c.Files) + " files, " + byteCount(c.Bytes)
}

func copyProgress(p container.Progress) string {
	if p.Total > 0 {
		return fmt.Sprintf("%s of %s (%d%%)", byteCount(p.Bytes), byteCount(p.Total), p.Bytes*100/p.Total)
	}
	return byteCount(p.Bytes)
}

// byteCount says an amount in the unit that fits.
func byteCount(n int64) string {
	const unit = 1024
	value, names := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for value >= unit && i < len(names)-1 {
		value, i = value/unit, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, names[i])
}
