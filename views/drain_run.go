package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/field"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// drains are all that were begun since the program was started, oldest first.
// They are changed by what runs in the background and read by the screen.
type drains struct {
	mu   sync.Mutex // of all that changes in any of them
	all  []*drain
	news chan struct{} // closed with the next change, nil if nobody waits for it
}

// drain is a drain of nodes, one after the other. Who looks at it may leave and
// come back: it goes on.
type drain struct {
	of      *drains
	id      int
	session *Session // in which it was begun
	title   string   // "drain node/std-b-01"
	level   guard.Level
	ctx     context.Context //nolint:containedctx // that of the drain, which outlives the call that begins it
	cancel  context.CancelFunc
	began   time.Time

	// Guarded by of.mu:
	nodes   []*drainNode
	pods    []*drainPod // of all nodes; those that change are replaced
	stopped bool        // it was told to end
	ended   time.Time   // zero while it runs
}

// drainNode is a node of a drain.
type drainNode struct {
	plan        action.DrainPlan
	state       nodeState
	gone, total int
	err         error     // why it is not drained, nil if it is or may still be
	entry       time.Time // by which the journal's entry is found
	began       time.Time
	ended       time.Time
}

// nodeState is how far a drain is with a node.
type nodeState uint8

const (
	nodeQueued nodeState = iota
	nodeDraining
	nodeDrained
	nodeUndrained
)

// podState is how far a drain is with a pod. What needs looking at comes first.
type podState uint8

const (
	podFailed podState = iota
	podLeft            // the drain ended before it went
	podWaits
	podEvicting
	podTerminating
	podQueued
	podGone
	podStays
)

func (s podState) String() string {
	return [...]string{"failed", "not evicted", "waiting", "evicting", "terminating", "queued", "gone", "stays"}[s]
}

// drainPod is a pod of a drain, as a row. It does not change.
type drainPod struct {
	store.Meta
	ref   kube.Ref
	node  string
	state podState
	since int64 // seconds since 1970; 0 before anything was done
	why   string
}

// add begins to keep a drain.
func (ds *drains) add(d *drain) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.all = append(ds.all, d)
	d.of, d.id = ds, len(ds.all)
	ds.changed()
}

// changed wakes who waits for news. mu is held.
func (ds *drains) changed() {
	if ds.news != nil {
		close(ds.news)
		ds.news = nil
	}
}

// next returns a channel that is closed with the next change. mu is held.
func (ds *drains) next() <-chan struct{} {
	if ds.news == nil {
		ds.news = make(chan struct{})
	}
	return ds.news
}

// running returns the drain that is under way of a node.
func (ds *drains) running(c *kube.Client, node kube.Ref) (*drain, bool) {
	return ds.find(func(d *drain, n *drainNode) bool {
		return d.ended.IsZero() && d.session.Client == c && n.plan.Node.Name == node.Name
	})
}

// journaled returns the drain that an entry of the journal is about.
func (ds *drains) journaled(e journal.Entry) (*drain, bool) {
	return ds.find(func(d *drain, n *drainNode) bool {
		return d.session.Client.Context == e.Context && n.plan.Node.UID == e.Ref.UID && !n.entry.IsZero() && n.entry.Equal(e.Time)
	})
}

func (ds *drains) find(is func(*drain, *drainNode) bool) (*drain, bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, d := range slices.Backward(ds.all) {
		if slices.ContainsFunc(d.nodes, func(n *drainNode) bool { return is(d, n) }) {
			return d, true
		}
	}
	return nil, false
}

// beginDrain drains nodes in the background and shows how it goes.
func (s *Session) beginDrain(title string, plans []action.DrainPlan, level guard.Level) tea.Msg {
	d := &drain{session: s, title: title, level: level, began: s.Now()}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	for _, plan := range plans {
		n := &drainNode{plan: plan, total: plan.Count(action.PodGoes) + plan.Count(action.PodWaits)}
		d.nodes = append(d.nodes, n)
		for _, pod := range plan.Pods {
			state, why := podQueued, pod.Why
			if pod.Fate == action.PodStays {
				state = podStays
			}
			d.pods = append(d.pods, n.row(pod.Ref, state, 0, why))
		}
	}
	s.drains.add(d)
	return tea.Cmd(tea.Batch(ui.Send(ui.Push(d.frame(s))), ui.Send(ui.Start(ui.Task{Title: d.short(), Run: d.run}))))
}

func (n *drainNode) row(pod kube.Ref, state podState, since int64, why string) *drainPod {
	return &drainPod{
		Meta: store.Meta{UID: pod.UID, Namespace: pod.Namespace, Name: pod.Name},
		ref:  pod, node: n.plan.Node.Name, state: state, since: since, why: budgetWords(why),
	}
}

// short is the title for the footer, where room is scarce.
func (d *drain) short() string {
	if len(d.nodes) > 1 {
		return d.title
	}
	return "drain " + cell.Middle(d.nodes[0].plan.Node.Name, 20)
}

// run is the task of the drain. It cordons all nodes first, so that no pod goes
// from one to the next.
func (d *drain) run(task context.Context, progress func(string)) tea.Msg {
	defer d.cancel()
	defer context.AfterFunc(task, d.stop)()
	outcomes, err := d.cordon(guard.Approve(d.ctx, guard.Approval{Level: d.level, Objects: len(d.nodes)}))
	moving := 0
	for _, n := range d.nodes {
		moving += n.total
	}
	ctx := guard.Approve(d.ctx, guard.Approval{Level: d.level, Objects: moving})
	for _, n := range d.nodes {
		if err != nil { // what goes wrong with one is better looked at before the next
			break
		}
		err = d.move(ctx, n, progress)
	}
	d.session.remember(outcomes)
	d.end(err)
	return d.toast()
}

// change changes something of the drain that is shown.
func (d *drain) change(f func()) {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	f()
	d.of.changed()
}

// cordon cordons the nodes that are not cordoned. The outcomes are of those that
// were cordoned here and not by somebody else meanwhile.
func (d *drain) cordon(ctx context.Context) (made []action.Outcome, failed error) {
	var changes []action.Change
	var nodes []*drainNode
	for _, n := range d.nodes {
		if n.plan.Cordon != nil {
			changes, nodes = append(changes, *n.plan.Cordon), append(nodes, n)
		}
	}
	action.Make(ctx, changes, func(i int, o action.Outcome) {
		var moved *action.Moved
		switch {
		case errors.As(o.Err, &moved) && moved.Now == true:
			d.change(func() { nodes[i].plan.Cordon = nil }) // not ours to take back
			return
		case o.Err != nil:
			d.change(func() { nodes[i].err, nodes[i].state = o.Err, nodeUndrained })
			failed = o.Err
		default:
			made = append(made, o)
		}
		d.session.record(o)
	})
	return made, failed
}

// move drains a cordoned node.
func (d *drain) move(ctx context.Context, n *drainNode, progress func(string)) error {
	began := time.Now()
	plan := n.plan
	plan.Cordon = nil
	d.change(func() { n.state, n.began, n.entry = nodeDraining, d.session.Now(), began })
	progress(d.words(n))
	err := plan.Run(ctx, func(p action.PodProgress) {
		d.tell(n, p)
		progress(d.words(n))
	})
	d.change(func() {
		n.err, n.ended = err, d.session.Now()
		if n.state = nodeUndrained; err == nil {
			n.state, n.gone = nodeDrained, n.total // those that went by themselves too
		}
	})
	d.session.deed("drain", plan.Node, fmt.Sprintf("%d of %s gone", n.gone, counted(n.total, "pod", "pods")), began, err)
	return err
}

// tell takes news of a pod.
func (d *drain) tell(n *drainNode, p action.PodProgress) {
	state := map[action.PodState]podState{
		action.PodEvicting: podEvicting, action.PodWaiting: podWaits, action.PodTerminating: podTerminating,
		action.PodGone: podGone, action.PodFailed: podFailed,
	}[p.State]
	row := n.row(p.Pod, state, d.session.Now().Unix(), p.Why)
	d.change(func() {
		n.gone, n.total = p.Gone, p.Total
		i := slices.IndexFunc(d.pods, func(r *drainPod) bool { return r.UID == p.Pod.UID })
		if i < 0 { // it came after the plan was made
			d.pods = append(d.pods, row)
			return
		}
		if was := d.pods[i]; was.state == row.state {
			row.since = was.since // waiting still, not again
		}
		d.pods[i] = row
	})
}

// end says of pods that have not gone what is known of them from now on.
func (d *drain) end(err error) {
	d.change(func() {
		d.ended = d.session.Now()
		for i, r := range d.pods {
			left := *r
			switch {
			case err == nil && r.state == podQueued:
				left.state, left.why = podGone, "it went by itself"
			case err == nil:
				continue
			case r.state == podTerminating:
				left.why = "when the drain ended; it was not followed since"
			case r.state == podQueued || r.state == podWaits || r.state == podEvicting:
				left.state, left.since = podLeft, 0
			default:
				continue
			}
			d.pods[i] = &left
		}
	})
}

// stop tells the drain to end.
func (d *drain) stop() {
	d.change(func() { d.stopped = d.stopped || d.ended.IsZero() })
	d.cancel()
}

// words say in the footer how far the drain is.
func (d *drain) words(n *drainNode) string {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.stopped {
		return "cancelling"
	}
	text := fmt.Sprintf("%d/%d", n.gone, n.total)
	if len(d.nodes) > 1 {
		text = n.plan.Node.Name + " " + text
	}
	if what := d.waiting(); what != "" {
		text += ", waits: " + what
	}
	return text
}

// waiting says in a word or two what pods wait for, "" if none waits. mu is held.
func (d *drain) waiting() string {
	for _, r := range d.pods {
		if r.state != podWaits {
			continue
		}
		if name, _, ok := strings.Cut(r.why, " "); ok && strings.HasPrefix(name, "pdb/") {
			return name
		}
		return r.why
	}
	return ""
}

// toast says what became of the drain.
func (d *drain) toast() tea.Msg {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	tone, text := d.result()
	if tone == theme.Muted {
		tone = theme.Warn
	}
	return ui.Toast(tone, d.short()+": "+text)
}

// result says what became of the drain that is over. mu is held.
func (d *drain) result() (theme.Tone, string) {
	gone, total, drained := 0, 0, 0
	var failed *drainNode
	for _, n := range d.nodes {
		gone, total = gone+n.gone, total+n.total
		switch {
		case n.state == nodeDrained:
			drained++
		case n.err != nil:
			failed = n
		}
	}
	pods := fmt.Sprintf("%d of %s gone", gone, counted(total, "pod", "pods"))
	took := field.Age(int64(d.ended.Sub(d.began).Seconds()))
	switch {
	case drained == len(d.nodes):
		return theme.OK, fmt.Sprintf("done, %s in %s; %s", pods, took, d.after())
	case d.stopped:
		return theme.Muted, fmt.Sprintf("cancelled, %s; %s", pods, d.after())
	}
	return theme.Error, fmt.Sprintf("failed, %s; %s: %s", pods, d.after(), drainCause(failed.err))
}

// after says how the nodes are left. mu is held.
func (d *drain) after() string {
	key := d.session.Keys.Label(keymap.ActionUndo)
	var changes, before int
	for _, n := range d.nodes {
		if n.plan.Cordon == nil {
			before++
		} else if d.session.history.has(d.session.Client, n.plan.Cordon.ID) {
			changes++
		}
	}
	switch {
	case len(d.nodes) == 1 && before == 1:
		return "the node stays cordoned, as it was"
	case len(d.nodes) == 1 && changes == 1:
		return "the node stays cordoned, " + key + " uncordons it"
	case len(d.nodes) == 1:
		return "the node was cordoned, which is undone"
	case changes == len(d.nodes):
		return "the nodes stay cordoned, " + key + " uncordons them"
	case changes > 0:
		return fmt.Sprintf("the nodes stay cordoned, %s uncordons the %d that were not before", key, changes)
	case before == len(d.nodes):
		return "the nodes stay cordoned, as they were"
	}
	return "the nodes were cordoned, which is undone"
}

// drainCause says why a node is not drained.
func drainCause(err error) string {
	var u *action.Undrained
	switch {
	case !errors.As(err, &u):
		return Cause(err)
	case errors.Is(u.Err, context.Canceled):
		return "cancelled"
	case errors.Is(u.Err, context.DeadlineExceeded):
		return "the timeout is over"
	}
	return sanitize.Line(u.Err.Error())
}

// cordons are those that can be taken back, as one deed.
func (d *drain) cordons() deed {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	made := deed{client: d.session.Client}
	for _, n := range d.nodes {
		if c := n.plan.Cordon; c != nil && d.session.history.has(made.client, c.ID) {
			made.changes = append(made.changes, *c)
		}
	}
	return made
}

// uid names a row of the list of drains.
func (d *drain) uid(n *drainNode) types.UID {
	return types.UID(fmt.Sprintf("%d %s", d.id, n.plan.Node.Name))
}
