package triage

import "quarterdeck/kube/store"

// Reading is how far the first reading of a cluster is.
type Reading struct {
	Done, Resources int // resources whose list has ended, well or not, of all
	Objects         int // that have come
}

// Reading tells how far the first reading is.
func (e *Engine) Reading() Reading {
	p := Reading{Resources: len(e.sources)}
	for r := range e.sources {
		if s := e.read[r]; s.Phase != store.Syncing {
			p.Done++
		}
		p.Objects += e.tables[r].len()
	}
	return p
}
