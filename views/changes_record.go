package views

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/store"
)

// recording is what records the changes in one scope, as long as the session looks
// at that scope: from when incidents are looked for, which takes the same stores,
// and more of them from the first time that somebody asks for changes.
type recording struct {
	*changes.Recorder
	client    *kube.Client
	namespace string
}

// recordChanges returns the recording of the session's scope, begun if there is none.
// That of another scope ends.
func (s *Session) recordChanges() *recording {
	s.mu.Lock()
	r := s.Program.recording
	if r != nil && r.client == s.Client && r.namespace == s.Namespace {
		s.mu.Unlock()
		return r
	}
	fresh := &recording{client: s.Client, namespace: s.Namespace}
	fresh.Recorder = changes.Open(s.Client.Stores, store.Scope{Namespace: s.Namespace}, changes.Options{
		Now: s.Now, Pause: max(s.Settings.Refresh, 200*time.Millisecond),
		Served: func() ([]metav1.APIResource, error) { return fresh.client.Kinds(false) },
	})
	s.Program.recording = fresh
	s.mu.Unlock()
	if r != nil {
		go func() {
			defer utilruntime.HandleCrash()
			r.Close() // which waits until it is done with its last look
		}()
	}
	return fresh
}

// status joins the states of what is read.
func (r *recording) status() store.Status {
	names, statuses := r.Statuses()
	joined := joinStatus(statuses, names)
	known := r.Report()
	return unlessPending(joined, known == nil || known.Loading) // read, but not looked at yet
}

// known is the report, nil as long as there is no recording.
func (r *recording) known() *changes.Report {
	if r == nil {
		return nil
	}
	return r.Report()
}
