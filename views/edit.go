package views

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/apply"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// editVerb changes an object by its text.
func editVerb() verb {
	return verb{ID: keymap.ObjectEdit, Level: guard.Confirmed, One: true, Need: patching(""), Start: startEdit}
}

// draft is the text of an object that the user edits. It is in a file from the
// first moment on, and goes when the change is made or there is none: what was
// typed outlives every mistake, of the cluster, of the user and of qd.
//
// Its fields belong to the goroutine of the screen, or to the one task or editor
// that is at work on it.
type draft struct {
	session *Session
	verb    *verb
	target  target
	editor  editor
	edit    *apply.Edit
	path    string // of the file, in a directory of its own
	typed   bool   // there is something of the user in it
}

// draftKey names the object of a draft among those of all clusters.
type draftKey struct {
	client *kube.Client
	ref    kube.Ref
}

func (d *draft) key() draftKey    { return draftKey{d.session.Client, d.target.Ref} }
func (d *draft) selected() chosen { return chosen{targets: []target{d.target}} }

// startEdit opens the object in the user's editor. A text that was left before
// can be gone on with.
func startEdit(v *verb, s *Session, sel chosen) tea.Msg {
	program, err := s.editor()
	if err != nil {
		return ui.Toast(theme.Error, err.Error())
	}
	d := &draft{session: s, verb: v, target: sel.targets[0], editor: program}
	s.mu.Lock()
	kept, ok := s.drafts[d.key()]
	s.mu.Unlock()
	if !ok {
		return d.open()
	}
	return ui.Pick(&ui.Picker{Title: "edit " + d.target.String(), Items: []ui.Item{
		{Label: "go on", Detail: "with your text, " + kept.path, Run: func() tea.Msg { return kept.launch() }},
		{Label: "begin anew", Detail: "with the object as it is now; your text stays in its file", Run: d.open},
	}})
}

// open reads the object and opens the editor.
func (d *draft) open() tea.Msg {
	return d.task("reading", func(ctx context.Context) tea.Msg {
		client, err := d.session.applier()
		if err != nil {
			return ui.Toast(theme.Error, Cause(err))
		}
		edit, err := client.Open(ctx, d.target.Ref)
		if err != nil {
			return ui.Toast(theme.Error, d.session.explain(err, "get "+d.target.String(), placeOf(d.target.Ref)))
		}
		return d.write(edit)
	})
}

// task does what takes a moment in the background.
func (d *draft) task(word string, run func(context.Context) tea.Msg) tea.Msg {
	return ui.Start(ui.Task{Title: "edit " + d.target.String(), Run: func(ctx context.Context, progress func(string)) tea.Msg {
		progress(word)
		ctx, cancel := d.session.Client.Call(ctx)
		defer cancel()
		return run(ctx)
	}})
}

// write puts the text of an edit into a new file, and opens the editor.
func (d *draft) write(edit *apply.Edit) tea.Msg {
	dir, err := os.MkdirTemp(d.session.Settings.Drafts, "qd-") // for the user alone
	if err != nil {
		return ui.Toast(theme.Error, "there is no place for the text to edit: "+err.Error())
	}
	path, err := edit.Save(dir, edit.Text)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		_ = os.RemoveAll(dir) // which is empty
		return ui.Toast(theme.Error, err.Error())
	}
	d.remove()
	d.edit, d.path = edit, path
	s := d.session
	s.mu.Lock()
	if s.drafts == nil {
		s.Program.drafts = map[draftKey]*draft{}
	}
	s.drafts[d.key()] = d
	s.mu.Unlock()
	return d.launch()
}

// remove removes the file: its text is not needed any more.
func (d *draft) remove() {
	if d.path == "" {
		return
	}
	if err := os.RemoveAll(filepath.Dir(d.path)); err != nil {
		d.session.warn("the edited text is not needed any more and could not be removed: " + err.Error())
	}
}

// discard ends the draft.
func (d *draft) discard() {
	d.remove()
	d.session.mu.Lock()
	defer d.session.mu.Unlock()
	delete(d.session.drafts, d.key())
}

// launch lends the terminal to the editor.
func (d *draft) launch() tea.Msg {
	visit := d.editor.visit(d.path, d.session.Lent)
	return tea.Exec(visit, func(err error) tea.Msg { return d.returned(err, visit.took) })
}

// instant is how long an editor runs that nobody can have typed into.
const instant = time.Second

// returned reads what the user made of the text.
func (d *draft) returned(failure error, took time.Duration) tea.Msg {
	text, err := os.ReadFile(d.path)
	if err != nil {
		return ui.Toast(theme.Error, "nothing was changed: the edited text cannot be read: "+err.Error())
	}
	if string(text) != d.edit.Text {
		d.typed = true
	}
	if failure != nil && !d.typed {
		d.discard()
		return ui.Toast(theme.Error, fmt.Sprintf("nothing was changed: the editor %s failed: %v", filepath.Base(d.editor[0]), failure))
	}
	if failure != nil {
		return d.again(string(text), fmt.Errorf("the editor %s failed: %w", filepath.Base(d.editor[0]), failure))
	}
	plan, err := d.edit.Plan(string(text))
	switch {
	case errors.Is(err, apply.ErrUnchanged) && !d.typed && took < instant:
		d.discard()
		return ui.Toast(theme.Warn, "nothing was changed: the editor ended at once; one with a window needs an option to wait, as in EDITOR=\"code --wait\"")
	case errors.Is(err, apply.ErrUnchanged):
		d.discard()
		return ui.Toast(theme.Muted, "edit "+d.target.String()+": nothing was changed")
	case errors.Is(err, apply.ErrCancelled):
		d.discard()
		return ui.Toast(theme.Muted, "edit "+d.target.String()+": "+err.Error())
	case err != nil:
		return d.again(string(text), err)
	}
	return d.propose(string(text), plan)
}

// again asks whether to open the editor again, after the text failed for a
// reason.
func (d *draft) again(text string, reason error) tea.Msg {
	return ui.Confirm(&ui.Dialog{
		Title: "edit " + d.target.String() + " again?", Tone: theme.Warn, Yes: "edit again",
		Lines: func() []textview.Line {
			lines := []textview.Line{d.session.place([]kube.Ref{d.target.Ref}), {}}
			lines = append(lines, textview.Line{{Text: causeOf("edit", d.target.Ref, reason), Tone: theme.Error}})
			lines = append(lines, textview.Line{}, textview.Line{{Text: "Nothing was changed. Your text is in " + d.path}})
			if lost(reason) {
				lines = append(lines, textview.Line{{Text: "To make the object anew from it:  :apply " + d.path}})
			}
			return lines
		},
		Accept: func() tea.Msg { return d.reopen(text, reason) },
		Cancel: d.leave,
	})
}

// lost reports whether an edit failed because its object is not there any more.
func lost(err error) bool { return apierrors.IsNotFound(err) || errors.Is(err, action.ErrReplaced) }

// reopen opens the editor again, with the reason above the text, nil for none.
func (d *draft) reopen(text string, reason error) tea.Msg {
	if reason == nil {
		return d.launch()
	}
	return d.task("reading", func(ctx context.Context) tea.Msg { return d.write(d.edit.Again(ctx, text, reason)) })
}

// leave says where the text is that the user did not go on with.
func (d *draft) leave() tea.Msg {
	return ui.Toast(theme.Warn, fmt.Sprintf("nothing was changed; %s goes on with your text, in %s", d.session.Keys.Label(keymap.ObjectEdit), d.path))
}

// Drafts returns the files with texts that were edited and led to no change.
func (p *Program) Drafts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var paths []string
	for _, d := range p.drafts {
		if d.typed {
			paths = append(paths, d.path)
		}
	}
	slices.Sort(paths)
	return paths
}

// applier returns the client that edits and applies objects of the session's
// cluster.
func (s *Session) applier() (*apply.Client, error) {
	return apply.New(s.Client.Config(), s.Client.HTTP(), s.Client.Mapper, s.Client.Context)
}
