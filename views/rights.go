package views

import (
	"context"
	"sync"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/access"
)

// rights answers what the user may do in one cluster, from what is known: the
// screen never waits for it.
type rights struct {
	client   *kube.Client
	reviewer *access.Reviewer

	mu     sync.Mutex
	asking map[access.Need]bool
	asked  map[access.Need]time.Time
}

func newRights(c *kube.Client) *rights {
	return &rights{client: c, reviewer: access.New(c, access.Options{}), asking: map[access.Need]bool{}, asked: map[access.Need]time.Time{}}
}

// renewAfter is how long an answer is not asked for again. It is so much less
// than an answer holds that who goes on looking always knows.
const renewAfter = 10 * time.Second

// may returns the answer as far as it is known, and sees to it that it will be
// known, or renewed, before long.
func (r *rights) may(need access.Need) access.Answer {
	answer := r.reviewer.Known(need)
	r.ask(need, answer == access.Unknown)
	return answer
}

func (r *rights) ask(need access.Need, now bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asking[need] || !now && time.Since(r.asked[need]) < renewAfter {
		return
	}
	r.asking[need], r.asked[need] = true, time.Now()
	go func() {
		defer utilruntime.HandleCrash()
		ctx, cancel := r.client.Call(context.Background())
		defer cancel()
		// What could not be found out stays unknown; the server has the last word.
		_ = r.reviewer.Ask(ctx, need)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.asking, need)
	}()
}

// rightsHere returns what is known of the user's rights in the session's cluster.
func (s *Session) rightsHere() *rights {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rights[s.Client]
	if !ok {
		if s.Program.rights == nil {
			s.Program.rights = map[*kube.Client]*rights{}
		}
		r = newRights(s.Client)
		s.Program.rights[s.Client] = r
	}
	return r
}

// may says whether the user may do something, as far as is known.
func (s *Session) may(need access.Need) access.Answer { return s.rightsHere().may(need) }

// again asks the server anew for all that was read, and what the user may do.
func (s *Session) again() {
	s.rightsHere().reviewer.Forget()
	s.Client.Stores.Again()
}
