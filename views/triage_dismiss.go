package views

import (
	"fmt"
	"sync"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// dismissals are the incidents that the user does not want to see until they
// change. They are forgotten with the program. It is safe for concurrent use.
type dismissals struct {
	mu   sync.Mutex
	of   map[dismissal]string // how the incident was then
	all  bool                 // dismissed ones are shown too
	tell map[store.Signal]struct{}
}

type dismissal struct {
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
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = map[dismissal]string{}
	}
	if dismissed {
		d.of[dismissal{s.Client, i.ID}] = looks(i)
	} else {
		delete(d.of, dismissal{s.Client, i.ID})
	}
	d.send()
}

// has reports whether an incident is dismissed and still as it was then.
func (d *dismissals) has(s *Session, i *triage.Incident) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	then, ok := d.of[dismissal{s.Client, i.ID}]
	return ok && then == looks(i)
}

// show shows the dismissed ones too, or hides them again.
func (d *dismissals) show(all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = all
	d.send()
}

func (d *dismissals) shown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}

// listen has a signal sent after every change, until forget.
func (d *dismissals) listen(to store.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tell == nil {
		d.tell = map[store.Signal]struct{}{}
	}
	d.tell[to] = struct{}{}
}

func (d *dismissals) forget(to store.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tell, to)
}

func (d *dismissals) send() {
	for to := range d.tell {
		to.Send()
	}
}
