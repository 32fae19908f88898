package fit

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"quarterdeck/kube/sanitize"
)

// prepared is what the plugins have made ready for one shape of pod: counts of
// what is on the nodes.
type prepared struct {
	state   fwk.CycleState
	only    sets.Set[string] // names of the only nodes that come into question, nil for all
	onlyBy  []string         // the plugins that say so
	refused *fwk.Status      // no node comes into question
}

// opinion is what the filters that look at one node only think of the nodes of
// the cluster as it is, for one shape of pod. They are asked when it matters, and
// once.
type opinion struct{ asked, fits bits }

type bits []uint64

func (b bits) has(i int32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i int32)      { b[i/64] |= 1 << (i % 64) }

// prepare runs the plugins' first pass, as the scheduler does. It shows them
// those nodes and pods only that make a difference to them.
func (s *scheduler) prepare(ctx context.Context, sh *shape) (prepared, error) {
	p := prepared{state: framework.NewCycleState()}
	skip, by := sets.New[string](), sets.New[string]()
	var result *fwk.PreFilterResult
	near := s.near(sh)
	s.view.keepers = near.keepers(s.view)
	for _, f := range s.plugins {
		if f.prepare == nil {
			continue
		}
		r, status := f.prepare.PreFilter(ctx, p.state, sh.pod(), f.looksAt(s, near))
		switch {
		case status.IsSkip():
			skip.Insert(f.Name())
			continue
		case status.Code() == fwk.UnschedulableAndUnresolvable:
			p.refused = status
			return p, nil
		case status.Code() == fwk.Unschedulable:
			p.refused = status
			continue
		case !status.IsSuccess():
			return p, fmt.Errorf("ask %s about pod %s/%s: %w", f.Name(), sh.pod().Namespace, sh.pod().Name, status.AsError())
		}
		if !r.AllNodes() {
			by.Insert(f.Name())
		}
		if result = result.Merge(r); !result.AllNodes() && len(result.NodeNames) == 0 {
			words := fmt.Sprintf("node(s) didn't satisfy plugin(s) %v simultaneously", sets.List(by))
			if len(by) == 1 {
				words = fmt.Sprintf("node(s) didn't satisfy plugin %v", sets.List(by)[0])
			}
			p.refused = fwk.NewStatus(fwk.UnschedulableAndUnresolvable, words)
			return p, nil
		}
	}
	p.state.SetSkipFilterPlugins(skip)
	if !result.AllNodes() {
		p.only, p.onlyBy = result.NodeNames, sets.List(by)
	}
	return p, nil
}

// search looks for nodes for pods of one shape.
type search struct {
	*scheduler
	*shape
	prepared
	opinion *opinion
	after   int            // moves of the view that the plugins know of
	not     map[int32]bool // touched nodes that cannot have it any more: nothing leaves them
}

// search begins to look for nodes for pods of a shape, after everything that
// leaves its node has left.
func (s *scheduler) search(ctx context.Context, sh *shape) (*search, error) {
	q := &search{scheduler: s, shape: sh, not: map[int32]bool{}, opinion: s.opinions[sh], after: len(s.view.moved)}
	if q.opinion == nil {
		words := (len(s.view.c.nodes) + 63) / 64
		q.opinion = &opinion{asked: make(bits, words), fits: make(bits, words)}
		s.opinions[sh] = q.opinion
	}
	var err error
	q.prepared, err = s.prepare(ctx, sh)
	return q, err
}

// catchUp prepares anew if something has been moved that makes a difference.
func (q *search) catchUp(ctx context.Context) (err error) {
	moves := q.view.moved[q.after:]
	q.after = len(q.view.moved)
	if slices.ContainsFunc(moves, func(m move) bool { return q.volumes && m.volumes || q.counts(m.shape) || q.keptAwayBy(m.shape) }) {
		q.prepared, err = q.prepare(ctx, q.shape)
	}
	return err
}

// next returns the best node for one more pod, false if there is none.
func (q *search) next(ctx context.Context) (best int32, found bool, err error) {
	if err := q.catchUp(ctx); err != nil || q.refused != nil {
		return 0, false, err
	}
	v := q.view
	for _, i := range v.c.order { // nodes that nothing has changed, the least loaded first
		if v.mine[i] || !v.room[i].holds(q.room) || !q.in(i) {
			continue
		}
		if fits, err := q.fitsAlone(ctx, i); err != nil {
			return 0, false, err
		} else if !fits {
			continue
		}
		status, _, err := q.decide(ctx, v.nodes[i], onlyBeyond)
		if err != nil {
			return 0, false, err
		}
		if status == nil {
			best, found = i, true
			break
		}
	}
	for _, i := range v.touched {
		if v.closed[i] || !v.room[i].holds(q.room) || found && v.load[i] >= v.load[best] || q.not[i] || !q.in(i) {
			continue
		}
		status, beyond, err := q.decide(ctx, v.nodes[i], everything)
		switch {
		case err != nil:
			return 0, false, err
		case status == nil:
			best, found = i, true
		case !beyond:
			q.not[i] = true
		}
	}
	return best, found, nil
}

func (q *search) in(i int32) bool { return q.only == nil || q.only.Has(q.view.nodes[i].Node().Name) }

// fitsAlone reports whether the filters that look at one node only let a pod on a
// node that nothing has changed.
func (q *search) fitsAlone(ctx context.Context, i int32) (bool, error) {
	o := q.opinion
	if !o.asked.has(i) {
		status, _, err := q.decide(ctx, q.view.c.nodes[i], onlyNode)
		if err != nil {
			return false, err
		}
		o.asked.set(i)
		if status == nil {
			o.fits.set(i)
		}
	}
	return o.fits.has(i), nil
}

// which says which filters are to decide.
type which uint8

const (
	everything which = iota
	onlyNode         // those that look at one node
	onlyBeyond       // those that look at others too
)

// decide runs filters on a node in the scheduler's order. It returns nil or the
// first refusal, and whether that comes from a filter that looks at other nodes.
func (q *search) decide(ctx context.Context, n fwk.NodeInfo, which which) (refusal *fwk.Status, beyond bool, err error) {
	skip := q.state.GetSkipFilterPlugins()
	for _, f := range q.plugins {
		if f.decide == nil || which == onlyNode && f.beyond || which == onlyBeyond && !f.beyond || skip.Has(f.Name()) {
			continue
		}
		status := f.decide.Filter(ctx, q.state, q.pod(), n)
		switch {
		case status.IsSuccess():
		case status.IsRejected():
			return status, f.beyond, nil
		default:
			return nil, false, fmt.Errorf("ask %s about pod %s/%s on node %s: %w", f.Name(), q.pod().Namespace, q.pod().Name, n.Node().Name, status.AsError())
		}
	}
	return nil, false, nil
}

// reasons says why there is no node for one more pod.
func (q *search) reasons(ctx context.Context) ([]Reason, error) {
	if len(q.view.nodes) == 0 {
		return []Reason{{Reason: "no nodes available to schedule pods"}}, nil
	}
	if q.refused != nil {
		return []Reason{{Reason: sanitize.Line(q.refused.Message())}}, nil
	}
	h := histogram{}
	for i, n := range q.view.nodes {
		if !q.in(int32(i)) {
			h[fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", q.onlyBy)]++
			continue
		}
		status, _, err := q.decide(ctx, n, everything)
		if err != nil {
			return nil, err
		}
		if status == nil {
			h["node(s) that are drained or lost"]++ // it tolerates everything
			continue
		}
		for _, r := range status.Reasons() {
			h[r]++
		}
	}
	return h.reasons(), nil
}
