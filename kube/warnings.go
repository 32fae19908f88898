package kube

import (
	"context"
	"sync"

	"quarterdeck/kube/sanitize"
)

// Warnings collects what the API server warns of, each text once. It is a
// rest.WarningHandlerWithContext, so that warnings stay off the screen until
// somebody takes them.
type Warnings struct {
	mu   sync.Mutex
	seen map[string]struct{}
	news []string
}

// warningLimit bounds the memory of a server that makes up new texts.
const warningLimit = 1000

// HandleWarningHeaderWithContext notes a warning.
func (w *Warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, text string) {
	if code != 299 || text == "" { // 299 is what Kubernetes sends, RFC 9111 drops the rest
		return
	}
	text = sanitize.Line(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.seen[text]; ok {
		return
	}
	if w.seen == nil || len(w.seen) >= warningLimit {
		w.seen = map[string]struct{}{}
	}
	w.seen[text] = struct{}{}
	if len(w.news) < warningLimit { // nobody reads more
		w.news = append(w.news, text)
	}
}

// Take returns the warnings since the last call.
func (w *Warnings) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := w.news
	w.news = nil
	return news
}
