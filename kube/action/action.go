// Package action changes objects of a cluster: one file a verb.
//
// A verb first prepares a Change from the object as it is now; the Change can
// be shown, tried on the server without effect, and made. Every change names
// the object by its UID and the values that it replaces, so that it hits the
// object that was shown in the state that was shown, or nothing.
package action

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
)

// FieldManager is the name under which the server keeps what was changed here.
const FieldManager = "quarterdeck"

// Client changes the objects of one cluster. It is safe for concurrent use.
type Client struct {
	objects  dynamic.Interface
	metadata metadata.Interface
	last     atomic.Uint64 // ID given to a change
	// Context and kubeconfig of the commands that Change.Kubectl shows.
	context string
	now     func() time.Time
}

// New returns a Client of the cluster of cfg, whose calls go through client.
// kubeContext is the name of the cluster's context, for commands that are shown.
func New(cfg *rest.Config, client *http.Client, kubeContext string) (*Client, error) {
	objects, err := dynamic.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("client for changes: %w", err)
	}
	meta, err := metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), client)
	if err != nil {
		return nil, fmt.Errorf("client for changes: %w", err)
	}
	return &Client{objects: objects, metadata: meta, context: kubeContext, now: time.Now}, nil
}

// Objects returns the client that reads what changes are prepared from.
func (c *Client) Objects() dynamic.Interface { return c.objects }

// Metadata returns the client for what is read without its contents.
func (c *Client) Metadata() metadata.Interface { return c.metadata }

// Change is one change of one object. It is prepared from the object as it was
// read, and immutable.
type Change struct {
	// ID tells the changes of this process apart. Undoes is the ID of the change
	// that this one takes back, 0 if none.
	ID, Undoes uint64
	Verb       string // "scale", as in the journal
	Ref        kube.Ref
	Summary    string // "replicas 3 → 5"
	Kubectl    string // the command that does the same
	// Edits are the fields that change, nil if that is not what the verb does.
	Edits []Edit
	// Undoable says that Undo can take the change back.
	Undoable bool
	// Warnings are what to know before, found while preparing.
	Warnings []string
	// Object is what the change was prepared from. It must not be changed.
	Object *unstructured.Unstructured

	subresource string // that Edits are fields of, "" for the object itself
	do          func(ctx context.Context, dryRun bool) (string, error)
}

// Identify gives a change the next ID: those prepared here have one, those made
// by other means, such as an edited text, get it so that they can be undone.
func (c *Client) Identify(change Change) Change {
	change.ID = c.last.Add(1)
	return change
}

// Try asks the server what it would say to the change. Nothing is kept.
func (c Change) Try(ctx context.Context) error {
	_, err := c.do(ctx, true)
	return err
}

// Make makes the change. said is what there is to say of it beside that it is
// done, such as the name of an object that it made.
func (c Change) Make(ctx context.Context) (said string, err error) { return c.do(ctx, false) }

// Outcome is what became of one Change.
type Outcome struct {
	Change Change
	Said   string
	Err    error
	Began  time.Time
	Took   time.Duration
}

// parallel is how many objects are changed at the same time.
const parallel = 8

// Make makes the changes, several at a time, and calls done after each, from
// one goroutine at a time. Changes that have not begun when ctx ends come back
// with its error.
func Make(ctx context.Context, changes []Change, done func(i int, o Outcome)) {
	each(len(changes), func(i int) Outcome {
		o := Outcome{Change: changes[i], Began: time.Now()}
		if o.Err = ctx.Err(); o.Err == nil {
			o.Said, o.Err = changes[i].Make(ctx)
		}
		o.Took = time.Since(o.Began)
		return o
	}, done)
}

// Prepared is a Change, or why there is none.
type Prepared struct {
	Ref    kube.Ref
	Change Change
	Err    error
}

// Prepare prepares a change of each object, several at a time, in the order of
// refs.
func Prepare(ctx context.Context, refs []kube.Ref, prepare func(context.Context, kube.Ref) (Change, error)) []Prepared {
	out := make([]Prepared, len(refs))
	each(len(refs), func(i int) Prepared {
		p := Prepared{Ref: refs[i]}
		p.Change, p.Err = prepare(ctx, refs[i])
		return p
	}, func(i int, p Prepared) { out[i] = p })
	return out
}

// Try tries the changes on the server, several at a time, and returns what it
// says to each.
func Try(ctx context.Context, changes []Change) []error {
	out := make([]error, len(changes))
	each(len(changes), func(i int) error { return changes[i].Try(ctx) }, func(i int, err error) { out[i] = err })
	return out
}

// each calls do for 0 to n-1, several at a time, and done with each result,
// one at a time. It returns when all are done.
func each[T any](n int, do func(int) T, done func(int, T)) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, parallel)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			defer func() { <-slots }()
			r := do(i)
			mu.Lock()
			defer mu.Unlock()
			done(i, r)
		})
	}
	wg.Wait()
}

// Errors for an object that is not the one that was shown any more.
var (
	ErrGone     = errors.New("it was deleted since it was shown")
	ErrReplaced = errors.New("it was deleted and another object of its name made since it was shown")
)

// get reads the object that ref names: that very one.
func (c *Client) get(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	obj, err := c.read(ctx, ref, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.Where(), err)
	}
	return obj, nil
}

// read reads the object that ref names, or a subresource of it.
func (c *Client) read(ctx context.Context, ref kube.Ref, subresource string) (*unstructured.Unstructured, error) {
	obj, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{}, subresources(subresource)...)
	switch {
	case apierrors.IsNotFound(err) && ref.UID != "":
		return nil, ErrGone
	case err != nil:
		return nil, err
	case ref.UID != "" && obj.GetUID() != ref.UID:
		return nil, ErrReplaced
	}
	return obj, nil
}

func (c *Client) resource(ref kube.Ref) dynamic.ResourceInterface {
	return c.objects.Resource(ref.GVR).Namespace(ref.Namespace)
}

// kubectl returns the command that does the same as a change of ref.
func (c *Client) kubectl(ref kube.Ref, words ...string) string {
	return kube.Kubectl(c.context, ref.Namespace, words...)
}

// object is ref as kubectl takes it: the resource with its group where the
// plain name might be another's.
func object(ref kube.Ref) string { return resource(ref) + "/" + ref.Name }

func resource(ref kube.Ref) string {
	switch ref.GVR.Group {
	case "", "apps", "batch", "autoscaling", "policy":
		return ref.GVR.Resource
	}
	return ref.GVR.GroupResource().String()
}
