package views

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/logs"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/logview"
	"quarterdeck/ui/theme"
)

// excerpt is what is shown of a log at one moment. It does not change, so that
// it can be written in the background.
type excerpt struct {
	lines       logLines
	first, next uint64
	cursor      uint64 // the line that is looked at
	zone        *time.Location
	timed       bool // with the time of each line
	sourced     bool // with the container of each line
}

// excerpt returns all lines that are shown.
func (p *logPage) excerpt() excerpt {
	e := excerpt{
		lines: logLines{snap: p.lines.snap, only: p.lines.only, sources: p.lines.sources},
		first: p.lines.First(), next: p.lines.Next(), zone: p.session.Now().Location(),
		timed: p.window.Clock() != logview.NoClock, sourced: !p.noSource && len(p.lines.sources) != 1,
	}
	e.cursor, _ = p.window.Cursor()
	if p.window.Clock() == logview.UTC {
		e.zone = time.UTC
	}
	return e
}

// write writes the lines without colours, as `qd logs` prints them. It returns
// how many it wrote, and which of them, from 1 on, is the one at the cursor.
func (e *excerpt) write(ctx context.Context, to io.Writer) (n, at int, err error) {
	w := bufio.NewWriter(to)
	for pos := e.first; pos < e.next; pos++ {
		if n%10_000 == 0 && ctx.Err() != nil {
			return n, at, ctx.Err()
		}
		l, _, ok := e.lines.at(pos)
		if !ok {
			continue // it had to make room
		}
		if n++; pos <= e.cursor {
			at = n
		}
		if _, err := w.WriteString(e.text(&l)); err != nil {
			return n, at, err
		}
	}
	return n, at, w.Flush()
}

func (e *excerpt) text(l *logs.Line) string {
	var b strings.Builder
	if e.timed {
		b.WriteString(time.Unix(0, l.Time).In(e.zone).Format("2006-01-02T15:04:05.000Z07:00") + " ")
	}
	if e.sourced && int(l.Source) < len(e.lines.sources) {
		s := &e.lines.sources[l.Source]
		b.WriteString(s.Pod + "/" + s.Container + " ")
	}
	if l.Flags&logs.Marker != 0 {
		b.WriteString("── " + l.Text() + " ──\n")
	} else {
		b.WriteString(l.Text() + "\n")
	}
	return b.String()
}

// askSave asks for the file to save what is shown to.
func (p *logPage) askSave() tea.Msg {
	name := p.fileName()
	return ui.Ask(ui.Prompt{Label: "save what is shown to: ", Text: name, Accept: func(path string) tea.Msg {
		e := p.excerpt()
		switch {
		case strings.TrimSpace(path) == "":
			return ui.Toast(theme.Muted, "not saved: no file was named")
		case e.first == e.next:
			return ui.Toast(theme.Warn, "there is nothing to save")
		}
		return ui.Start(ui.Task{Title: "save " + path, Run: func(ctx context.Context, _ func(string)) tea.Msg {
			n, _, err := e.save(ctx, path)
			if err != nil {
				return ui.Toast(theme.Error, "not saved: "+sanitize.Line(err.Error()))
			}
			return ui.Toast(theme.OK, fmt.Sprintf("saved %s to %s", counted(n, "line", "lines"), path))
		}})
	}})
}

func (p *logPage) fileName() string {
	return "logs-" + strings.NewReplacer("/", "-", " ", "-").Replace(p.title) + ".log"
}

// save writes the lines to a new file that only the user may read. There is none
// if that fails.
func (e *excerpt) save(ctx context.Context, path string) (n, at int, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user named it
	if err != nil {
		return 0, 0, err
	}
	n, at, err = e.write(ctx, f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path) // a part of a log is not what was asked for
	}
	return n, at, err
}

// openIn shows what is shown in another program, which has the terminal
// meanwhile.
func (p *logPage) openIn(find func() (editor, error)) tea.Msg {
	program, err := find()
	if err != nil {
		return ui.Toast(theme.Error, err.Error())
	}
	e := p.excerpt()
	if e.first == e.next {
		return ui.Toast(theme.Warn, "there is nothing to open")
	}
	name, following := filepath.Base(program[0]), p.window.Following()
	return ui.Start(ui.Task{Title: "open in " + name, Run: func(ctx context.Context, _ func(string)) tea.Msg {
		dir, err := os.MkdirTemp(p.session.Settings.Drafts, "qd-") // for the user alone
		if err != nil {
			return ui.Toast(theme.Error, "there is no place for the lines: "+sanitize.Line(err.Error()))
		}
		path := filepath.Join(dir, p.fileName())
		n, at, err := e.save(ctx, path)
		if err != nil {
			_ = os.RemoveAll(dir) // it is empty
			return ui.Toast(theme.Error, "not opened: "+sanitize.Line(err.Error()))
		}
		if following {
			at = n
		}
		return tea.Exec(program.at(at, at == n).visit(path, p.session.Lent), func(err error) tea.Msg {
			if gone := os.RemoveAll(dir); gone != nil {
				return ui.Toast(theme.Warn, "the lines were written to "+path+", which could not be removed: "+sanitize.Line(gone.Error()))
			}
			if err != nil {
				return ui.Toast(theme.Error, fmt.Sprintf("%s failed: %s", name, sanitize.Line(err.Error())))
			}
			return nil
		})
	}})
}

// at returns the program with what makes it begin at a line, which may be the
// last, if it is known what does.
func (e editor) at(line int, last bool) editor {
	begin := fmt.Sprintf("+%d", line)
	switch name := strings.TrimSuffix(filepath.Base(e[0]), ".exe"); name {
	case "less":
		if last {
			begin = "+G" // a number would leave the screen empty below it
		}
		return append(slices.Clip(e), "-+F", begin) // not to end by itself when all fits on the screen
	case "vi", "vim", "nvim", "nano", "emacs", "more", "most", "micro", "joe":
		return append(slices.Clip(e), begin)
	}
	return e
}
