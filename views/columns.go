package views

import (
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/filter"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// setColumns changes the columns.
func (l *list[T]) setColumns(own []Column[T]) {
	l.own, l.cols = own, l.res.columns(own, l.scope.Namespace == "")
	l.showColumns()
}

// showColumns puts those columns into the table that may have something to say.
func (l *list[T]) showColumns() {
	shown := slices.DeleteFunc(slices.Clone(l.cols), func(c Column[T]) bool { return c.Usage && l.unmeasured })
	l.table.SetColumns(tableColumns(shown, func() *Env { return l.env }))
}

// adoptColumns takes the server's columns over as soon as they are known, and
// again when they change. The filter and the order go over to the new ones as
// far as those have what they need.
func (l *list[T]) adoptColumns(own []Column[T]) tea.Cmd {
	changed := l.adopted
	l.adopted = true
	l.setColumns(own)
	if l.sortID != "" && find(l.cols, l.sortID) == nil {
		l.sortID, l.desc = "", false
		l.markSort()
	}
	l.resort, l.again = true, true // the rows that came are in the order of the columns before
	var cmds []tea.Cmd
	f, err := filter.Parse(l.scope.Filter, filterColumns(l.cols))
	if err != nil {
		cmds = append(cmds, ui.Send(ui.Toast(theme.Warn, fmt.Sprintf("the filter /%s is off: %v", l.scope.Filter, err))))
		l.scope.Filter = ""
	}
	l.filter, l.filterText = f, l.scope.Filter
	if changed {
		cmds = append(cmds, l.listAgain())
	}
	return tea.Batch(cmds...)
}

// columnsPause is the shortest time between two lists for the sake of columns:
// servers of different versions behind one address may give different ones.
const columnsPause = 15 * time.Second

// listAgain returns a Cmd that asks for all rows in the new columns: only those
// that change come by themselves.
func (l *list[T]) listAgain() tea.Cmd {
	if l.asking {
		return nil
	}
	l.asking = true
	pause := columnsPause - l.session.Now().Sub(l.asked)
	ctx := l.ctx
	return ui.Deliver(l, func() tea.Msg {
		t := time.NewTimer(max(0, pause))
		defer t.Stop()
		select {
		case <-t.C:
			return listAgainMsg{}
		case <-ctx.Done():
			return nil
		}
	})
}
