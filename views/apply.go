package views

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube/apply"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// applying is a set of manifests that is looked at, then applied. The list of
// its objects shows what would become of each, and afterwards what did.
type applying struct {
	session   *Session
	verb      *verb
	path      string // of the file or directory
	namespace string // of the objects that name none, "" for the default one

	mu    sync.Mutex
	news  chan struct{} // closed with the next change of what follows
	phase applyPhase
	done  int          // objects that are tried, or applied
	total int          // objects to try, or to apply
	rows  []*applyRow  // in the order in which they are applied
	tried int64        // when the server was asked, in seconds of Unix time
	count map[fate]int // of the rows
}

// applyPhase is how far a set is.
type applyPhase uint8

const (
	applyTrying applyPhase = iota
	applyReady
	applyRunning
	applyOver
)

// applyRow is an object of a set, or what is no object. It does not change:
// news make another.
type applyRow struct {
	store.Meta
	set    *applying
	order  int
	step   apply.Step
	wrong  *apply.Problem // why it is no object, nil if it is one
	result *apply.Result  // nil until it is applied
}

// apply is the action that applies a file or a directory.
func (s *Session) apply() ui.Action {
	a := ui.Action{ID: keymap.ObjectApply, Quiet: true, Run: s.askApply}
	if why, on := s.Client.Guard.ReadOnly(); on {
		a.Disabled = "read-only: " + why
	}
	return a
}

// askApply asks what to apply.
func (s *Session) askApply() tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "apply the file or directory: ", Hint: "a path; " + s.Keys.Label(keymap.PromptComplete) + " completes it", Complete: completePath,
		Accept: func(text string) tea.Msg {
			if strings.TrimSpace(text) == "" {
				return ui.Toast(theme.Muted, "nothing applied: no path was typed")
			}
			return s.startApply(text)
		},
	})
}

// applyItem is the line `apply PATH` of the palette.
func (s *Session) applyItem(line, path string) ui.Item {
	return ui.Item{
		Label: line, Detail: "show what applying this would change", Disabled: s.apply().Disabled,
		Run: func() tea.Msg { return s.startApply(path) },
	}
}

// startApply shows what applying a file or a directory would change.
func (s *Session) startApply(text string) tea.Msg {
	path, err := expandHome(strings.TrimSpace(text))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return ui.Toast(theme.Error, "nothing applied: "+Cause(err))
	}
	a := &applying{session: s, path: path, namespace: s.Namespace, news: make(chan struct{})}
	a.verb = &verb{ID: keymap.ObjectApply, Level: guard.Confirmed, Need: patching("")}
	if a.namespace == "" {
		a.namespace = s.Client.Namespace
	}
	return tea.Cmd(tea.Batch(ui.Send(ui.Push(a.frame())), ui.Send(a.try())))
}

// expandHome replaces ~ at the beginning of a path.
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("the home directory is not known: %w", err)
	}
	return filepath.Join(home, path[1:]), nil
}

// completePath completes a path with the directories and manifests that begin
// with it, as far as they agree.
func completePath(text string) string {
	dir, base := filepath.Split(text)
	in, err := expandHome(dir)
	if err != nil {
		return text
	}
	if in == "" {
		in = "."
	}
	entries, err := os.ReadDir(in)
	if err != nil {
		return text
	}
	var found []string
	for _, e := range entries {
		name := e.Name()
		info, err := os.Stat(filepath.Join(in, name)) // where a link leads
		if err != nil || !strings.HasPrefix(name, base) || strings.HasPrefix(name, ".") && base == "" {
			continue
		}
		switch ext := filepath.Ext(name); {
		case info.IsDir():
			found = append(found, name+string(filepath.Separator))
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return text
	}
	common := found[0]
	for _, other := range found[1:] {
		for !strings.HasPrefix(other, common) {
			common = common[:len(common)-1]
		}
	}
	return dir + common
}

// name is what the set is called.
func (a *applying) name() string { return filepath.Base(a.path) }

// change changes the set and tells who looks at it.
func (a *applying) change(do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	do()
	a.count = map[fate]int{}
	for _, r := range a.rows {
		a.count[r.fate()]++
	}
	close(a.news)
	a.news = make(chan struct{})
}

// try reads the files and asks the server what would change.
func (a *applying) try() tea.Msg {
	a.change(func() { a.phase, a.done, a.total, a.tried = applyTrying, 0, 0, a.session.Now().Unix() })
	return ui.Start(ui.Task{Title: "try " + a.name(), Run: func(ctx context.Context, progress func(string)) tea.Msg {
		objects, problems := apply.Load(a.path)
		a.change(func() { a.total = len(objects) })
		client, err := a.session.applier()
		if err != nil {
			problems = append(problems, apply.Problem{Path: a.path, Err: err})
			objects = nil
		}
		var steps []apply.Step
		if len(objects) > 0 {
			steps = client.Preview(ctx, objects, a.namespace, func(done int) {
				progress(fmt.Sprintf("%d of %d", done, len(objects)))
				a.change(func() { a.done = done })
			})
		}
		rows := make([]*applyRow, 0, len(steps)+len(problems))
		for _, p := range problems {
			rows = append(rows, a.problem(len(rows)+1, p))
		}
		for _, step := range steps {
			rows = append(rows, a.row(len(rows)+1, a.allowed(step)))
		}
		a.change(func() { a.rows, a.phase = rows, applyReady })
		return nil
	}})
}

// allowed returns a step with the reason why the user may not apply it, if there
// is one that the server does not know.
func (a *applying) allowed(step apply.Step) apply.Step {
	if step.Err == nil {
		if why := a.session.against(a.verb, chosen{targets: []target{{Ref: step.Ref}}}); why != "" {
			step.Err = errors.New(why)
		}
	}
	return step
}

func (a *applying) row(order int, step apply.Step) *applyRow {
	return &applyRow{
		Meta: store.Meta{UID: types.UID(strconv.Itoa(order)), Namespace: step.Ref.Namespace, Name: step.Ref.String(), Created: a.tried},
		set:  a, order: order, step: step,
	}
}

func (a *applying) problem(order int, p apply.Problem) *applyRow {
	name := filepath.Base(p.Path)
	if p.Line > 0 {
		name += ":" + strconv.Itoa(p.Line)
	}
	return &applyRow{Meta: store.Meta{UID: types.UID(strconv.Itoa(order)), Name: name, Created: a.tried}, set: a, order: order, wrong: &p}
}

// steps are what can be applied, in order, and the places of their rows.
func (a *applying) steps() (steps []apply.Step, places []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, r := range a.rows {
		if r.wrong == nil {
			steps, places = append(steps, r.step), append(places, i)
		}
	}
	return steps, places
}

// fit are the targets that would be changed.
func (a *applying) fit() chosen {
	var sel chosen
	steps, _ := a.steps()
	for _, step := range steps {
		if step.Err == nil {
			sel.targets = append(sel.targets, target{Ref: step.Ref})
		}
	}
	return sel
}

// actions are what can be done to the set, whatever row the cursor is on.
func (a *applying) actions(r *applyRow) []ui.Action {
	a.mu.Lock()
	phase := a.phase
	a.mu.Unlock()
	run := ui.Action{ID: keymap.ApplyRun, Run: a.propose}
	again := ui.Action{ID: keymap.AppRefresh, Title: "try again", Run: a.try}
	sel := a.fit()
	switch phase {
	case applyTrying:
		run.Disabled = "the server is still being asked"
		again.Disabled = run.Disabled
	case applyRunning:
		run.Disabled = "it is being applied: " + a.session.Keys.Label(keymap.TaskCancel) + " cancels"
		again.Disabled = run.Disabled
	case applyOver:
		run.Disabled = "it was applied; " + a.session.Keys.Label(keymap.AppRefresh) + " reads the files and asks the server again"
	case applyReady:
		if run.Disabled = a.session.against(a.verb, sel); len(sel.targets) == 0 {
			run.Disabled = "nothing here can be applied: " + a.session.Keys.Label(keymap.GoOpen) + " says why"
		}
	}
	actions := []ui.Action{run, again}
	if r.wrong != nil || r.step.Ref.GVR.Resource == "" {
		for _, id := range []keymap.ActionID{keymap.ObjectYAML, keymap.ObjectDescribe, keymap.ObjectEvents, keymap.ObjectExplain} {
			actions = append(actions, ui.Action{ID: id, Quiet: true, Disabled: "the cluster has no such object"})
		}
	}
	return actions
}
