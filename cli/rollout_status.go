package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

func (c *command) rolloutStatus() *cobra.Command {
	var f followFlags
	watch := true
	cmd := &cobra.Command{
		Use:   "status KIND/NAME…",
		Short: "Follow rollouts to their end, and say what they are stuck on",
		Long: `Says how a rollout goes until it is over, in the words of kubectl rollout status,
and what it is stuck on with the evidence for that.

The exit code is 0 when all are complete, 2 when one failed or --timeout is over,
1 if it could not be told. With --watch=false it is 3 for one under way.`,
		Example: `  qd rollout status deploy/checkout -n payments --timeout 5m
  qd rollout status sts/ledger ds/agent
  qd rollout status checkout --watch=false -o json`,
		Args: someWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withWorkloads(cmd.Context(), func(ctx context.Context, w *workloads) error {
				refs, err := w.parse(ctx, args)
				if err != nil {
					return err
				}
				followed := newFollowing(w, refs, f.output == "json")
				followed.once = !watch
				if err := followed.run(ctx, f.timeout); err != nil {
					return err
				}
				return followed.report()
			})
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", true, "go on until it is over")
	f.add(cmd)
	return cmd
}

// someWorkloads checks that a command is told what for.
func someWorkloads(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs a KIND/NAME, such as deploy/web: type %s", cmd.CommandPath(), usage(cmd))
	}
	return nil
}

// followFlags are those of the commands that follow rollouts.
type followFlags struct {
	output  string
	timeout time.Duration
}

func (f *followFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "end after so long, as in 5m; 0 waits for ever")
	format(cmd, &f.output, "table", "json")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.timeout < 0 {
			return fmt.Errorf("--timeout %s is over already: use a time such as 5m, or 0", f.timeout)
		}
		return run(cmd, args)
	}
}

// following follows rollouts to their ends. It is used by one goroutine.
type following struct {
	w     *workloads
	each  []*followed
	once  bool // looks, and does not wait
	quiet bool // prints nothing on the way
	feed  *rollout.Feed
	lost  string // last that was said of the connection
}

// followed is one rollout.
type followed struct {
	ref    kube.Ref
	detail rollout.Detail // as it was seen last; no Status before that
	said   string         // last of its progress
	stuck  string         // last of what is in the way
	past   *past          // of a rollout that this program began
	code   int            // for the end of the program
	over   bool
	why    string // it is over, where that is not good
}

// past is what a change of this program found: a deadline that was over before
// the change says nothing of the rollout that the change began, until the
// controller has come to look at that.
type past struct {
	deadline int64     // of the rollout before, 0 if it was not over
	until    time.Time // a new one may be over after this
}

func newFollowing(w *workloads, refs []kube.Ref, quiet bool) *following {
	f := &following{w: w, quiet: quiet}
	for _, ref := range refs {
		f.each = append(f.each, &followed{ref: ref})
	}
	return f
}

// began says that a change that was just made begins the rollout that is followed.
func (f *following) began(change *action.Change) {
	i := slices.IndexFunc(f.each, func(e *followed) bool { return e.ref == change.Ref })
	limit, _ := action.At(change.Object.Object, []string{"spec", "progressDeadlineSeconds"})
	seconds, _ := limit.(int64)
	f.each[i].past = &past{until: f.w.Now().Add(time.Duration(seconds) * time.Second)}
}

// tick is how often what depends on time alone is looked at.
const tick = time.Second

// run follows until all are over. The error says that it could not be told how
// they stand; how they ended is in them.
func (f *following) run(ctx context.Context, timeout time.Duration) error {
	argo := slices.ContainsFunc(f.each, func(e *followed) bool { return e.ref.Kind == rollout.ArgoRollout })
	timed, cancel := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		timed, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	feed, err := f.w.open(timed, rollout.Options{Whole: true, Argo: argo})
	if err != nil {
		return f.timedOut(ctx, timeout)
	}
	defer feed.Close()
	f.feed = feed
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for first := true; ; first = false {
		left, err := f.look()
		if missing := f.missing(); err == nil && first && missing != "" {
			f.w.command.tell("what rollouts are stuck on may not all be said: " + missing)
		}
		if err != nil || left == 0 || f.once {
			return err
		}
		select {
		case <-feed.Changed():
		case <-clock.C:
		case <-timed.Done():
			return f.timedOut(ctx, timeout)
		}
		feed.Take()
	}
}

// timedOut ends all that are not over, unless it was the user who ended them.
func (f *following) timedOut(ctx context.Context, timeout time.Duration) error {
	if err := ctx.Err(); err != nil {
		for _, e := range f.each {
			if e.detail.Status != nil && !e.over {
				f.say(e, "not over: "+e.detail.Status.Words(f.w.Now()))
			}
		}
		return err
	}
	for _, e := range f.each {
		if e.over {
			continue
		}
		e.over, e.code, e.why = true, exitFailed, fmt.Sprintf("%s is not complete after %s", e.ref.Where(), timeout)
		if s := e.detail.Status; s != nil {
			e.why += ": " + s.Words(f.w.Now())
		}
	}
	return nil
}

// look takes a look at all of them, and returns how many are not over.
func (f *following) look() (left int, err error) {
	now := f.w.Now()
	list := f.feed.List(now)
	f.connection()
	for _, e := range f.each {
		if e.over {
			continue
		}
		if err := f.one(e, list, now); err != nil {
			return 0, err
		}
		if !e.over {
			left++
		}
	}
	return left, nil
}

// connection says, once, why what is shown is not known to be so any more.
func (f *following) connection() {
	for _, g := range f.feed.Gaps() {
		if g.Status.Phase != store.Stale || !slices.ContainsFunc(f.each, func(e *followed) bool { return e.ref.GVR.Resource == g.Resource }) {
			continue
		}
		if said := "followed with delays: " + f.w.Explain(g.Status.Err, "watch "+g.Resource, f.w.Namespace); said != f.lost {
			f.lost = said
			f.w.command.tell(said)
		}
	}
}

// one takes a look at one rollout.
func (f *following) one(e *followed, list []*rollout.Status, now time.Time) error {
	s := find(list, e.ref)
	switch {
	case s != nil && (e.ref.UID == "" || s.UID == e.ref.UID):
	case e.detail.Status == nil:
		return f.w.absent(e.ref, f.feed.Gaps())
	default:
		e.over, e.code, e.why = true, exitFailed, e.ref.Where()+" was deleted meanwhile"
		return nil
	}
	first := e.detail.Status == nil
	e.ref.UID = s.UID
	if d, ok := f.feed.Detail(s.UID, now); ok {
		e.detail = d
	}
	s = e.detail.Status
	if e.past != nil && first && s.Late {
		e.past.deadline = s.Deadline
	}
	good, over := s.Over()
	switch {
	case s.State == rollout.Unobserved: // what it says is about an earlier spec
		good, over = false, false
	case s.State == rollout.Stuck && s.Blocker != nil && s.Blocker.Reason == rollout.Degraded:
		good, over = false, true
	case s.Late && e.past != nil && s.Deadline == e.past.deadline && now.Before(e.past.until):
		good, over = false, false
	}
	f.tell(e, over, now)
	e.over = over
	switch {
	case over && !good:
		e.code, e.why = exitFailed, progress(s)
	case !over && f.once:
		e.code = exitUnderway
		if s.State == rollout.Stuck {
			e.code = exitFailed
		}
	}
	return nil
}

// tell prints what is new of a rollout.
func (f *following) tell(e *followed, over bool, now time.Time) {
	s := e.detail.Status
	if words := progress(s); words != e.said && (!over || !s.Late) { // which is said at the end
		e.said = words
		f.say(e, words)
	}
	if len(e.detail.Blockers) == 0 {
		e.stuck = ""
		return
	}
	b := &e.detail.Blockers[0]
	waits := s.State == rollout.Paused || s.State == rollout.OnDelete // for somebody
	if !b.Hard && !waits && !f.once && !over {
		return // it will pass
	}
	if key := string(b.Reason) + b.Words; key != e.stuck {
		e.stuck = key
		for _, line := range blockerLines(b, now) {
			f.say(e, line)
		}
	}
	if f.once && e.detail.Next != "" {
		f.say(e, "next: "+e.detail.Next)
	}
}

// say prints a line about a rollout.
func (f *following) say(e *followed, line string) {
	if f.quiet {
		return
	}
	if len(f.each) > 1 {
		line = e.ref.String() + ": " + line
	}
	fmt.Fprintln(f.w.out, sanitize.Line(line))
}

// report says how the rollouts ended: as JSON if that is wanted, and as the exit
// code.
func (f *following) report() error {
	if f.quiet {
		items := make([]statusJSON, len(f.each))
		for i, e := range f.each {
			items[i] = e.json(f.w.Now())
		}
		if err := printItems(f.w, items, f.missing()); err != nil {
			return err
		}
	}
	return f.verdict()
}

// missing says what could not be read of all that tells how the rollouts stand.
func (f *following) missing() string {
	if f.feed == nil {
		return ""
	}
	return f.w.unread(slices.DeleteFunc(f.feed.Gaps(), func(g rollout.Gap) bool {
		switch g.Resource {
		case "pods", "events":
			return false
		case "replicasets":
			return !slices.ContainsFunc(f.each, func(e *followed) bool { return e.ref.Kind != rollout.StatefulSet && e.ref.Kind != rollout.DaemonSet })
		case "controllerrevisions":
			return !slices.ContainsFunc(f.each, func(e *followed) bool { return e.ref.Kind == rollout.StatefulSet || e.ref.Kind == rollout.DaemonSet })
		}
		return true
	}))
}

// json is a rollout as it was seen last.
func (e *followed) json(now time.Time) statusJSON {
	if e.detail.Status == nil {
		return statusJSON{workloadJSON: workloadOf(e.ref), State: "unknown", Images: []string{}, Blockers: []blockerJSON{}}
	}
	return statusOf(e.detail.Status, e.detail.Blockers, e.detail.Next, now)
}

// verdict returns the worst end as an error, nil if all are good.
func (f *following) verdict() error {
	code, why := 0, []string{}
	for _, e := range f.each {
		if e.code != 0 && code != exitFailed { // which is the worst
			code = e.code
		}
		if e.why != "" {
			why = append(why, e.why)
		}
	}
	if code == 0 {
		return nil
	}
	return &exitError{code, strings.Join(why, "; ")}
}
