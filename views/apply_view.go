package views

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube"
	"quarterdeck/kube/apply"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// fate is what becomes of an object that is applied, or became of it.
type fate uint8

// The fates, the worst first.
const (
	fateFailed fate = iota
	fateImpossible
	fateConflict
	fateCreate
	fateChange
	fateSame
	fateCreated
	fateChanged
	fateUnchanged
)

func (f fate) String() string {
	return [...]string{"failed", "not possible", "conflict", "create", "change", "same", "created", "changed", "unchanged"}[f]
}

func (f fate) tone() theme.Tone {
	switch f {
	case fateFailed, fateImpossible:
		return theme.Error
	case fateConflict:
		return theme.Warn
	case fateSame, fateUnchanged:
		return theme.Muted
	case fateCreate, fateChange, fateCreated, fateChanged:
	}
	return theme.Text
}

// fate is what becomes, or became, of a row's object.
func (r *applyRow) fate() fate {
	if r.result != nil && r.step.Err == nil {
		switch {
		case r.result.Err != nil:
			return fateFailed
		case r.result.Did == apply.Create:
			return fateCreated
		case r.result.Did == apply.Change:
			return fateChanged
		}
		return fateUnchanged
	}
	switch {
	case r.wrong != nil, r.step.Err != nil:
		return fateImpossible
	case len(r.step.Owners) > 0:
		return fateConflict
	case r.step.Verdict == apply.Create:
		return fateCreate
	case r.step.Verdict == apply.Change:
		return fateChange
	}
	return fateSame
}

// detail says in a line why, or what changes.
func (r *applyRow) detail() string {
	switch {
	case r.wrong != nil:
		return Cause(r.wrong.Err)
	case r.step.Err != nil:
		return causeOf("apply", r.step.Ref, r.step.Err)
	case r.result != nil && r.result.Err != nil:
		return causeOf("apply", r.step.Ref, r.result.Err)
	case r.result == nil && len(r.step.Owners) > 0:
		return "owned by others: " + ownedFields(r.step.Owners)
	case r.step.Note != "":
		return r.step.Note
	}
	return fieldWords(r.step.Fields(false))
}

// ownedFields names the fields of owners, and them.
func ownedFields(owners []apply.Owner) string {
	words := make([]string, len(owners))
	for i, o := range owners {
		words[i] = o.String()
	}
	return strings.Join(words, "; ")
}

// frame is the place of the list of the set's objects.
func (a *applying) frame() ui.Frame {
	return a.list().Frame(a.session, Scope{AllNamespaces: true})
}

// list lists the objects of the set.
func (a *applying) list() *Resource[*applyRow] {
	return &Resource[*applyRow]{
		Kind: store.Kind[*applyRow]{Kind: "Manifest", GVR: kube.Local("apply"), Namespaced: true},
		Name: "apply " + a.name(), Sort: "#",
		Columns: []Column[*applyRow]{
			count("#", func(r *applyRow) int64 { return int64(r.order) }),
			{
				ID: "what", Kind: field.Number, Min: 12,
				Value: func(r *applyRow, _ *Env) field.Value { return field.Int(int(r.fate())).WithText(r.fate().String()) },
				Tone:  func(r *applyRow, _ *Env) theme.Tone { return r.fate().tone() },
			},
			text("name", func(r *applyRow) string { return r.Name }).middle(20, 48),
			text("change", (*applyRow).detail).flex(3, 20),
			text("file", (*applyRow).file).wide(),
		},
		Tone: func(r *applyRow) theme.Tone {
			if t := r.fate().tone(); t == theme.Muted {
				return t
			}
			return theme.Text
		},
		Open: func(*Session, Scope) source[*applyRow] { return &applySource{set: a} },
		Ref:  func(r *applyRow) kube.Ref { return r.step.Ref },
		Enter: func(s *Session, r *applyRow) tea.Msg {
			return ui.Push(readingFrame(s, r.Name, r.lines()))
		},
		Detail: func(r *applyRow, _ *Env) []textview.Line { return r.lines() },
		Banner: a.banner,
		Own:    func(_ *Session, r *applyRow) []ui.Action { return a.actions(r) },
	}
}

// file is where the manifest is.
func (r *applyRow) file() string {
	path, line := r.step.Path, r.step.Line
	if r.wrong != nil {
		path, line = r.wrong.Path, r.wrong.Line
	}
	if line > 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return path
}

// banner says what would become of the set, or what did.
func (a *applying) banner() []textview.Line {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.phase {
	case applyTrying:
		return []textview.Line{{{Text: "asking the server what would change; nothing is changed", Tone: theme.Busy}}}
	case applyRunning:
		return []textview.Line{{{Text: fmt.Sprintf("applying  %d of %d", a.done, a.total), Tone: theme.Busy}}}
	case applyReady, applyOver:
	}
	word := "applied  "
	if a.phase == applyReady {
		word = "dry run of " + time.Unix(a.tried, 0).Local().Format("15:04:05") + "  "
	}
	return []textview.Line{append(textview.Line{{Text: word, Tone: theme.Muted}}, a.counts()...)}
}

// counts says how many objects have which fate. The mutex is held.
func (a *applying) counts() textview.Line {
	var line textview.Line
	for f := fateFailed; f <= fateUnchanged; f++ {
		n := a.count[f]
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", n, f)
		if len(line) > 0 {
			line = append(line, textview.Span{Text: ", "})
		}
		line = append(line, textview.Span{Text: text, Tone: f.tone()})
	}
	return line
}

// lines are all there is to say of a row.
func (r *applyRow) lines() []textview.Line {
	var lines []textview.Line
	add := func(name, value string, tone theme.Tone) {
		if value != "" {
			lines = append(lines, textview.Line{{Text: name + strings.Repeat(" ", max(1, 11-len(name))), Tone: theme.Field}, {Text: value, Tone: tone}})
		}
	}
	add("object", r.Name, theme.Title)
	add("namespace", r.Namespace, theme.Text)
	add("file", r.file(), theme.Text)
	add("what", r.fate().String(), r.fate().tone())
	switch {
	case r.wrong != nil, r.step.Err != nil, r.result != nil && r.result.Err != nil:
		add("why", r.detail(), theme.Error)
	case r.step.Note != "":
		add("note", r.step.Note, theme.Warn)
	}
	if len(r.step.Owners) > 0 {
		lines = append(lines, textview.Line{}, textview.Line{{Text: "others own what would change:", Tone: theme.Warn}})
		for _, o := range r.step.Owners {
			lines = append(lines, r.set.session.ownerLine(o))
		}
	}
	if r.wrong != nil {
		return lines
	}
	if diff := colourDiff(r.step.Diff(false)); len(diff) > 0 {
		lines = append(append(lines, textview.Line{}), diff...)
	}
	return lines
}

// applySource makes rows of a set.
type applySource struct {
	set     *applying
	changed <-chan struct{}
}

// Changed returns a channel that is closed when there may be something to take:
// at first, at once.
func (s *applySource) Changed() <-chan struct{} {
	if s.changed == nil {
		first := make(chan struct{})
		close(first)
		return first
	}
	return s.changed
}

func (s *applySource) Close() {}

func (s *applySource) Status() store.Status {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	return s.set.status()
}

// status is how far the rows are. The mutex is held.
func (a *applying) status() store.Status {
	if a.phase == applyTrying {
		return store.Status{Phase: store.Syncing, Loaded: a.done, Total: a.total}
	}
	return store.Status{Phase: store.Live, Loaded: len(a.rows), Since: time.Unix(a.tried, 0)}
}

// Take returns all rows anew: they are not many.
func (s *applySource) Take() (store.Delta[*applyRow], store.Status) {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	s.changed = s.set.news
	return store.Delta[*applyRow]{Reset: true, Added: slices.Clone(s.set.rows)}, s.set.status()
}
