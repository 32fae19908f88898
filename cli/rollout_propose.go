package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
	"quarterdeck/views"
)

// proposal is a change of workloads, from its preparation to its end.
type proposal struct {
	w     *workloads
	flags *changeFlags
	verb  string // "undo"
	ask   asker  // nil where nobody can be asked
	items []*proposed
}

// proposed is the change of one workload.
type proposed struct {
	ref    kube.Ref
	change action.Change
	undo   *rollout.Undo // nil if it is none
	err    error         // why there is no change
	answer error         // of the server to the dry run
	notes  []action.Note

	made bool
	said string
	fail error // of making it
}

// change prepares, shows, asks for and makes a change of workloads, and follows
// the rollouts that it begins.
func (c *command) change(ctx context.Context, verb string, args []string, f *changeFlags, prepare preparer) error {
	return c.withWorkloads(ctx, func(ctx context.Context, w *workloads) error {
		refs, err := w.parse(ctx, args)
		if err != nil {
			return err
		}
		p := &proposal{w: w, flags: f, verb: verb}
		if f.output != "json" {
			p.ask = c.asker()
		}
		if err := p.prepare(ctx, refs, prepare); err != nil {
			return err
		}
		p.print()
		if f.dryRun || len(p.fit()) == 0 {
			return p.report(nil)
		}
		if err := p.make(ctx); err != nil {
			return err
		}
		if err := p.clear(ctx); err != nil {
			return err
		}
		return p.follow(ctx)
	})
}

// prepare prepares the changes, and asks the server what it says to them.
func (p *proposal) prepare(ctx context.Context, refs []kube.Ref, prepare preparer) error {
	for _, ref := range refs {
		item := &proposed{ref: ref}
		if item.err = unsupported(p.verb, ref); item.err == nil {
			p.try(ctx, item, prepare)
		}
		if item.err != nil && len(refs) == 1 {
			return item.err
		}
		p.items = append(p.items, item)
	}
	return nil
}

// unsupported says what cannot be done to workloads of a kind, nil if it can.
func unsupported(verb string, ref kube.Ref) error {
	switch {
	case ref.Kind == rollout.ArgoRollout:
		return fmt.Errorf("%s is made by Argo Rollouts: use its own tool to change it", sanitize.Line(ref.Where()))
	case (verb == "pause" || verb == "resume") && ref.Kind != rollout.Deployment:
		return fmt.Errorf("%s cannot be %sd: only deployments can", sanitize.Line(ref.Where()), verb)
	}
	return nil
}

// try prepares one change.
func (p *proposal) try(ctx context.Context, item *proposed, prepare preparer) {
	ctx, cancel := p.w.Client.Call(ctx)
	defer cancel()
	change, undo, err := prepare(ctx, p.w.changer, item.ref)
	if err != nil {
		item.err = p.w.failure(item.ref, err)
		if errors.Is(err, rollout.ErrPaused) {
			item.err = fmt.Errorf("%w, with --resume", err)
		}
		return
	}
	item.change, item.undo, item.ref = change, undo, change.Ref
	item.answer = change.Try(ctx)
	item.notes = p.w.changer.Check(ctx, []action.Change{change})
}

// refused returns why the server would not accept a change, nil if it would, or
// could not be asked.
func (i *proposed) refused() error {
	if i.answer != nil && views.Untriable(i.answer) {
		return nil
	}
	return i.answer
}

// fit are the changes that can be made.
func (p *proposal) fit() []*proposed {
	var fit []*proposed
	for _, item := range p.items {
		if item.err == nil && item.refused() == nil {
			fit = append(fit, item)
		}
	}
	return fit
}

// print shows what would be done.
func (p *proposal) print() {
	if p.flags.output == "json" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", p.verb, sanitize.Line(p.w.PlaceWords(p.w.Namespace)))
	for _, item := range p.items {
		p.write(&b, item)
	}
	fmt.Fprintln(p.w.out, b.String())
}

func (p *proposal) write(b *strings.Builder, item *proposed) {
	fmt.Fprintf(b, "\n%s: ", sanitize.Line(item.ref.String()))
	switch {
	case item.err != nil:
		fmt.Fprintf(b, "not possible: %s\n", sanitize.Line(item.err.Error()))
		return
	case item.undo != nil:
		from := "the template of now"
		if target, ok := item.undo.History.Target(); ok {
			from = fmt.Sprintf("revision %d", target.Number)
		}
		fmt.Fprintf(b, "%s → revision %d\n", from, item.undo.To.Number)
		writeFields(b, item.undo.Fields)
		b.WriteString("\n")
	default:
		fmt.Fprintf(b, "%s\n", sanitize.Line(item.change.Summary))
	}
	for _, n := range item.notes {
		fmt.Fprintf(b, "%-8s %s\n", weightWord(n.Weight), n.Text)
	}
	fmt.Fprintf(b, "server   %s\n", p.serverWords(item))
	fmt.Fprintf(b, "$ %s\n", sanitize.Line(item.change.Kubectl))
}

func weightWord(w action.Weight) string {
	switch w {
	case action.Block:
		return "blocked"
	case action.Warn:
		return "warning"
	case action.Info:
	}
	return "note"
}

// serverWords says what the server said to the dry run.
func (p *proposal) serverWords(item *proposed) string {
	switch {
	case item.answer == nil:
		return "would accept it"
	case item.refused() == nil:
		return "was not asked: " + views.Cause(item.answer)
	}
	return "refuses it: " + sanitize.Line(p.w.failure(item.ref, item.answer).Error())
}

func refsOf(items []*proposed) []kube.Ref {
	refs := make([]kube.Ref, len(items))
	for i, item := range items {
		refs[i] = item.ref
	}
	return refs
}

// make makes the changes, if the user agrees.
func (p *proposal) make(ctx context.Context) error {
	fit := p.fit()
	approval, err := consent(ctx, p.w.Session, p.verb, refsOf(fit), "patch", p.flags.yes, p.ask)
	if err != nil {
		return err
	}
	changes := make([]action.Change, len(fit))
	for i, item := range fit {
		changes[i] = item.change
	}
	for i, o := range p.w.Make(ctx, changes, approval) {
		item := fit[i]
		if o.Err != nil {
			item.fail = p.w.failure(item.ref, o.Err)
			continue
		}
		item.made, item.said = true, o.Said
		p.say("done: " + item.ref.String() + ": " + item.change.Summary)
		if item.undo == nil || len(item.undo.Broken) == 0 {
			p.say(item.said)
		}
	}
	return nil
}

// say prints a line, unless JSON is wanted or there is none.
func (p *proposal) say(line string) {
	if p.flags.output != "json" && line != "" {
		fmt.Fprintln(p.w.out, sanitize.Line(line))
	}
}

// clear deletes the pods that a StatefulSet would wait for although its template
// is good again, if the user agrees.
func (p *proposal) clear(ctx context.Context) error {
	for _, item := range p.items {
		if !item.made || item.undo == nil || len(item.undo.Broken) == 0 {
			continue
		}
		yes, ask := p.flags.yes, p.ask
		if !p.flags.broken {
			yes = ""
		}
		p.say(item.said)
		if yes == "" && ask == nil {
			p.say("--delete-broken does that")
			continue
		}
		err := p.delete(ctx, item, yes, ask)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errDeclined):
		case err != nil:
			item.fail = fmt.Errorf("undone, but the pods that it waits for are still there: %w", err)
		}
	}
	return nil
}

// delete deletes the broken pods of one StatefulSet. Its controller must have
// seen the template of now: it would make them anew from the one before.
func (p *proposal) delete(ctx context.Context, item *proposed, yes string, ask asker) error {
	pods := item.undo.Broken
	approval, err := consent(ctx, p.w.Session, "delete", pods, "delete", yes, ask)
	if err != nil {
		return err
	}
	ctx, cancel := p.w.Client.Call(ctx)
	defer cancel()
	if err := p.w.observed(ctx, item.ref); err != nil {
		return err
	}
	var changes []action.Change
	for _, prepared := range action.Prepare(ctx, pods, func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		return p.w.changer.Delete(ctx, ref, action.DeleteOptions{})
	}) {
		switch {
		case errors.Is(prepared.Err, action.ErrGone), errors.Is(prepared.Err, action.ErrReplaced): // which is as good
		case prepared.Err != nil:
			return p.w.failure(prepared.Ref, prepared.Err)
		default:
			changes = append(changes, prepared.Change)
		}
	}
	for _, o := range p.w.Make(ctx, changes, approval) {
		if o.Err != nil {
			return p.w.failure(o.Change.Ref, o.Err)
		}
		p.say("done: " + o.Change.Ref.String() + ": " + o.Change.Summary)
	}
	return nil
}

// observed waits until the controller of a workload has seen its newest spec.
func (w *workloads) observed(ctx context.Context, ref kube.Ref) error {
	feed, err := w.open(ctx, rollout.Options{})
	if err != nil {
		return errors.New(views.Cause(err))
	}
	defer feed.Close()
	for {
		s := find(feed.List(w.Now()), ref)
		switch {
		case s == nil:
			return w.absent(ref, feed.Gaps())
		case s.State != rollout.Unobserved:
			return nil
		}
		select {
		case <-feed.Changed():
			feed.Take()
		case <-ctx.Done():
			return fmt.Errorf("the controller has not seen the new template of %s yet", sanitize.Line(ref.Where()))
		}
	}
}

// follow follows the rollouts that the changes began, and says how all ended.
func (p *proposal) follow(ctx context.Context) error {
	made := slices.DeleteFunc(slices.Clone(p.items), func(item *proposed) bool { return !item.made })
	if p.flags.noWait || len(made) == 0 {
		return p.report(nil)
	}
	f := newFollowing(p.w, refsOf(made), p.flags.output == "json")
	for _, item := range made {
		f.began(&item.change)
	}
	if err := f.run(ctx, p.flags.timeout); err != nil {
		return err
	}
	return p.report(f)
}

// report says how it ended: as JSON if that is wanted, and as the exit code. f is
// nil if no rollout was followed.
func (p *proposal) report(f *following) error {
	if p.flags.output == "json" {
		items, missing := make([]changeJSON, len(p.items)), ""
		var followed []*followed // those that were made, in order
		if f != nil {
			followed, missing = f.each, f.missing()
		}
		for i, item := range p.items {
			items[i] = p.json(item)
			if item.made && len(followed) > 0 {
				s := followed[0].json(p.w.Now())
				items[i].Rollout, followed = &s, followed[1:]
			}
		}
		if err := printItems(p.w, items, missing); err != nil {
			return err
		}
	}
	var failed []string
	for _, item := range p.items {
		for _, err := range []error{item.err, item.refused(), item.fail} {
			if err != nil {
				failed = append(failed, p.w.failure(item.ref, err).Error())
			}
		}
	}
	switch {
	case len(failed) > 0:
		return errors.New("not done: " + strings.Join(failed, "; "))
	case f != nil:
		return f.verdict()
	}
	return nil
}
