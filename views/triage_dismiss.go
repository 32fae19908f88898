package views

import (
	"fmt"
	"maps"
	"sync"

	"quarterdeck/kube"
	"quarterdeck/kube/triage"
)

// dismissals are the incidents that the user does not want to see until they
// change. They are forgotten with the program. It is safe for concurrent use.
type dismissals struct {
	listeners listeners

	mu  sync.Mutex
	of  map[incidentKey]*triage.Incident // as they were then
	all bool                             // dismissed ones are shown too
}

// incidentKey tells the incidents of all clusters apart.
type incidentKey struct {
	client *kube.Client
	id     string
}

// looks is what has to change for a dismissed incident to come back: how bad it
// is, what it says and how much it took with it. Pods come and go.
func looks(i *triage.Incident) string {
	return fmt.Sprint(i.Severity, i.Rules, i.Works, i.Services, i.Root.UID)
}

// set dismisses an incident, or takes that back.
func (d *dismissals) set(s *Session, i *triage.Incident, dismissed bool) {
	d.mu.Lock()
	if d.of == nil {
		d.of = map[incidentKey]*triage.Incident{}
	}
	if dismissed {
		d.of[incidentKey{s.Client, i.ID}] = i
	} else {
		delete(d.of, incidentKey{s.Client, i.ID})
	}
	d.mu.Unlock()
	d.listeners.tell()
}

// has reports whether an incident is dismissed and still as it was then.
func (d *dismissals) has(s *Session, i *triage.Incident) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	then := d.of[incidentKey{s.Client, i.ID}]
	return then != nil && looks(then) == looks(i)
}

// judged forgets the incidents that are over: what fails again is news. The
// report is of a namespace, "" for all.
func (d *dismissals) judged(c *kube.Client, namespace string, r *triage.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.of, func(k incidentKey, i *triage.Incident) bool {
		return k.client == c && (namespace == "" || namespace == i.Root.Namespace) && r.Over(i)
	})
}

// show shows the dismissed ones too, or hides them again.
func (d *dismissals) show(all bool) {
	d.mu.Lock()
	d.all = all
	d.mu.Unlock()
	d.listeners.tell()
}

func (d *dismissals) shown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}
