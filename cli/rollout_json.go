package cli

import (
	"encoding/json"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
)

// What `qd rollout … -o json` prints is one rolloutJSON, whatever the command.
// docs/rollout.md describes it; fields are added to it, and never change.
type rolloutJSON[T any] struct {
	GeneratedAt string `json:"generatedAt"`
	Context     string `json:"context"`
	Items       []T    `json:"items"`
	// Missing says what could not be read, "" if all was.
	Missing string `json:"missing,omitempty"`
}

// printItems prints what a command has to say of workloads as JSON.
func printItems[T any](w *workloads, items []T, missing string) error {
	if items == nil {
		items = []T{} // none, not null
	}
	enc := json.NewEncoder(w.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(rolloutJSON[T]{moment(w.Now().Unix()), w.Client.Context, items, missing})
}

// moment is a time as all JSON has it, "" if it is not known.
func moment(seconds int64) string {
	if seconds <= 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

// workloadJSON names a workload.
type workloadJSON struct {
	Kind      string `json:"kind"`
	Resource  string `json:"resource"` // with its group: deployments.apps
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`
}

func workloadOf(ref kube.Ref) workloadJSON {
	return workloadJSON{ref.Kind, ref.GVR.GroupResource().String(), ref.Namespace, ref.Name, string(ref.UID)}
}

// statusJSON is how a rollout stands.
type statusJSON struct {
	workloadJSON
	State    string        `json:"state"` // see rollout.State
	Words    string        `json:"words"`
	Done     bool          `json:"done"` // as kubectl rollout status judges it
	Percent  int           `json:"percent"`
	Revision string        `json:"revision,omitempty"`
	Images   []string      `json:"images"`
	Strategy string        `json:"strategy,omitempty"`
	Step     string        `json:"step,omitempty"` // of an Argo Rollout
	Pods     countsJSON    `json:"pods"`
	Deadline *deadlineJSON `json:"deadline,omitempty"`
	// Partition is that of a StatefulSet, if it is not 0.
	Partition int32         `json:"partition,omitempty"`
	Started   startJSON     `json:"started"`
	Cause     string        `json:"cause,omitempty"` // the annotation kubernetes.io/change-cause
	Blockers  []blockerJSON `json:"blockers"`        // the first one first; of a list only that one
	Next      string        `json:"next,omitempty"`
}

// countsJSON are pods. What could not be read is null, and never 0.
type countsJSON struct {
	Desired      int32  `json:"desired"`
	Total        int32  `json:"total"`
	New          int32  `json:"new"`
	Old          int32  `json:"old"`
	Ready        int32  `json:"ready"`
	Available    int32  `json:"available"`
	NewReady     *int32 `json:"newReady"`
	NewAvailable *int32 `json:"newAvailable"`
	Terminating  *int32 `json:"terminating"`
}

type deadlineJSON struct {
	At     string `json:"at"`
	Passed bool   `json:"passed"`
}

type startJSON struct {
	By     string `json:"by,omitempty"`
	At     string `json:"at,omitempty"`
	Source string `json:"source,omitempty"` // where At is from
	Back   bool   `json:"back"`             // to a revision that had been there before
}

type blockerJSON struct {
	Reason   string         `json:"reason"` // see rollout.Reason
	Short    string         `json:"short"`
	Words    string         `json:"words"`
	Hard     bool           `json:"hard"` // it does not pass by itself
	Since    string         `json:"since,omitempty"`
	Pod      string         `json:"pod,omitempty"`
	Pods     int            `json:"pods,omitempty"`
	Evidence []evidenceJSON `json:"evidence"`
}

type evidenceJSON struct {
	Source string `json:"source"` // field, condition or event
	Where  string `json:"where"`
	Words  string `json:"words"`
	At     string `json:"at,omitempty"`
	Count  int32  `json:"count,omitempty"`
}

func statusOf(s *rollout.Status, blockers []rollout.Blocker, next string, now time.Time) statusJSON {
	c := s.Counts
	j := statusJSON{
		workloadJSON: workloadOf(s.Ref()), State: s.State.String(), Words: s.Words(now), Done: s.Done, Percent: s.Percent,
		Revision: s.Revision, Images: append([]string{}, s.Images...), Strategy: s.Strategy, Step: s.Step, Partition: s.Partition,
		Pods: countsJSON{
			c.Desired, c.Total, c.New, c.Old, c.Ready, c.Available, known(c.NewReady), known(c.NewAvailable), known(c.Terminating),
		},
		Started: startJSON{s.Started.By, moment(s.Started.At), s.Started.Source, s.Started.Back},
		Cause:   s.Cause, Next: next, Blockers: make([]blockerJSON, 0, len(blockers)),
	}
	if s.Deadline != 0 {
		j.Deadline = &deadlineJSON{moment(s.Deadline), s.Late}
	}
	for i := range blockers {
		b := &blockers[i]
		bj := blockerJSON{string(b.Reason), b.Short, b.Words, b.Hard, moment(b.Since), b.Pod, b.Pods, make([]evidenceJSON, 0, len(b.Evidence))}
		for _, e := range b.Evidence {
			bj.Evidence = append(bj.Evidence, evidenceJSON{e.Source, e.Where, e.Words, moment(e.At), e.Count})
		}
		j.Blockers = append(j.Blockers, bj)
	}
	return j
}

// known returns a count, nil if it could not be read.
func known(n int32) *int32 {
	if n == rollout.Unknown {
		return nil
	}
	return &n
}

// changeJSON is a change of a workload, and what became of it.
type changeJSON struct {
	workloadJSON
	Verb      string         `json:"verb"`
	Summary   string         `json:"summary,omitempty"`
	Kubectl   string         `json:"kubectl,omitempty"`
	From      int64          `json:"from,omitempty"` // revision, of an undo
	To        int64          `json:"to,omitempty"`
	Fields    []fieldJSON    `json:"fields,omitempty"`    // that an undo changes
	Referents []referentJSON `json:"referents,omitempty"` // that it does not
	Notes     []noteJSON     `json:"notes"`
	Server    string         `json:"server,omitempty"` // what it said to the dry run
	Accepted  bool           `json:"accepted"`         // by the dry run
	Made      bool           `json:"made"`
	Said      string         `json:"said,omitempty"`
	Error     string         `json:"error,omitempty"`
	Rollout   *statusJSON    `json:"rollout,omitempty"` // how what it began ended
}

type noteJSON struct {
	Weight string `json:"weight"` // blocked, warning or note
	Text   string `json:"text"`
}

func (p *proposal) json(item *proposed) changeJSON {
	j := changeJSON{
		workloadJSON: workloadOf(item.ref), Verb: p.verb, Notes: make([]noteJSON, 0, len(item.notes)), Made: item.made, Said: sanitize.Line(item.said),
	}
	for _, err := range []error{item.err, item.fail} {
		if err != nil {
			j.Error = sanitize.Line(err.Error())
		}
	}
	if item.err != nil {
		return j
	}
	j.Summary, j.Kubectl = sanitize.Line(item.change.Summary), sanitize.Line(item.change.Kubectl)
	j.Server, j.Accepted = p.serverWords(item), item.answer == nil
	for _, n := range item.notes {
		j.Notes = append(j.Notes, noteJSON{weightWord(n.Weight), n.Text})
	}
	if u := item.undo; u != nil {
		if target, ok := u.History.Target(); ok {
			j.From = target.Number
		}
		j.To, j.Fields, j.Referents = u.To.Number, fieldsOf(u.Fields), referentsOf(u.Referents, u.To.Number)
	}
	return j
}
