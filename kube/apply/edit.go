package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Edit is an object's text for an editor. It is immutable.
//
// The text of a Secret has its values: whoever puts it into a file makes it
// readable by the user alone.
type Edit struct {
	Ref  kube.Ref
	Text string

	client *Client
	head   string                     // of Text, to be seen above it
	live   *unstructured.Unstructured // what Text was made of
	shape  *shape
	base   map[string]any // as Text had it before anybody changed it
}

// Reasons why there is nothing to do.
var (
	ErrCancelled = errors.New("cancelled: the text is empty, nothing was changed")
	ErrUnchanged = errors.New("nothing was changed in the text")
)

// Open gets the object that ref names for an editor.
func (c *Client) Open(ctx context.Context, ref kube.Ref) (*Edit, error) {
	live, err := c.get(ctx, ref)
	if err != nil {
		return nil, failed("get", ref, err)
	}
	return c.open(ref, live)
}

func (c *Client) open(ref kube.Ref, live *unstructured.Unstructured) (*Edit, error) {
	ref.UID = live.GetUID()
	e := &Edit{Ref: ref, client: c, live: live, shape: shapeOf(live), head: c.head(ref)}
	manifest, err := write(plain(live))
	if err != nil {
		return nil, failed("edit", ref, err)
	}
	// What the text says is what the editor's text is compared with: writing and
	// reading YAML may change how a number is held.
	if e.base, err = parse(document{1, manifest}); err != nil {
		return nil, failed("edit", ref, err)
	}
	var b strings.Builder
	comment(&b, e.head)
	e.Text = b.String() + manifest
	return e, nil
}

// head is what stands above an object in the editor.
func (c *Client) head(ref kube.Ref) string {
	var in []string
	if ref.Namespace != "" {
		in = append(in, "namespace "+ref.Namespace)
	}
	if c.context != "" {
		in = append(in, "context "+c.context)
	}
	what := ref.String()
	if len(in) > 0 {
		what += " in " + strings.Join(in, ", ")
	}
	return sanitize.Line("Edit "+what+".") + "\n" +
		"Save and close the editor to see what would change before it is changed.\n" +
		"A text that is empty or unchanged changes nothing.\n"
}

// Plan reads the text that came from the editor and says what it changes. It
// asks the server nothing. The error is ErrCancelled, ErrUnchanged, or says
// what is wrong with the text.
func (e *Edit) Plan(text string) (*Plan, error) {
	object, err := e.read(text)
	if err != nil {
		return nil, err
	}
	edits := diff(e.base, object, e.shape, nil)
	if len(edits) == 0 {
		return nil, ErrUnchanged
	}
	for _, edit := range edits {
		if err := e.refuse(edit); err != nil {
			return nil, err
		}
	}
	return &Plan{
		Ref:     e.Ref,
		Edits:   edits,
		Kubectl: kube.Kubectl(e.client.context, "", append(inNamespace(e.Ref.Namespace), "edit", resource(e.Ref), e.Ref.Name)...),
		edit:    e,
		object:  object,
	}, nil
}

// read parses the one object of a text.
func (e *Edit) read(text string) (map[string]any, error) {
	docs := split(text)
	switch {
	case len(docs) == 0:
		return nil, ErrCancelled
	case len(docs) > 1:
		return nil, &SyntaxError{docs[1].line, "a second object begins here; an edit is of one, to make others apply a file"}
	}
	return parse(docs[0])
}

// refuse returns why an edit cannot be, nil if it can.
func (e *Edit) refuse(edit action.Edit) error {
	name := edit.Field()
	for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}} {
		switch {
		case !within(edit.Path, path):
		case edit.After == nil:
			return fmt.Errorf("%s is gone; it must stay %s", name, action.Word(edit.Before))
		default:
			return fmt.Errorf("%s was changed from %s to %s; an edit keeps what an object is called: to make another object apply a file",
				name, action.Word(edit.Before), sanitize.Line(action.Word(edit.After)))
		}
	}
	if len(edit.Path) == 1 && edit.Path[0] == "metadata" {
		return errors.New("metadata must be there, with the object's name")
	}
	for _, path := range serverSet() {
		if within(edit.Path, path) {
			return fmt.Errorf("%s is set by the cluster and cannot be edited; take it out of the text", strings.Join(path, "."))
		}
	}
	return nil
}

// within reports whether a path is at or below another.
func within(path, above []string) bool {
	if len(path) < len(above) {
		return false
	}
	for i := range above {
		if path[i] != above[i] {
			return false
		}
	}
	return true
}

// Again returns the edit to open after text failed for reason, which is told
// above it. If the object has changed since, the user's changes are put into
// it as it is now, so that the next Plan is about them alone and takes nothing
// back that others did. If that cannot be, the text is as the user left it.
func (e *Edit) Again(ctx context.Context, text string, reason error) *Edit {
	if now := e.rebased(ctx, text); now != nil {
		now.Text = withReason(now.head, now.Text, reason)
		return now
	}
	again := *e
	again.Text = withReason(e.head, text, reason)
	return &again
}

// rebased returns the user's changes in the object as it is now, nil if they
// cannot be put into it, or if it is as it was.
func (e *Edit) rebased(ctx context.Context, text string) *Edit {
	object, err := e.read(text)
	if err != nil {
		return nil
	}
	live, err := e.client.get(ctx, e.Ref)
	if err != nil {
		return nil
	}
	now, err := e.client.open(e.Ref, live)
	if err != nil || same(now.base, e.base) {
		return nil
	}
	merged := plain(live)
	for _, edit := range diff(e.base, object, e.shape, nil) {
		path, ok := relocate(e.base, merged, e.shape, edit.Path)
		if !ok || !put(merged, path, edit.After) {
			return nil
		}
	}
	manifest, err := write(merged)
	if err != nil {
		return nil
	}
	var b strings.Builder
	comment(&b, now.head)
	now.Text = b.String() + manifest
	return now
}

// Save keeps a text in a new file of dir that only the user can read, and
// returns the file's path.
func (e *Edit) Save(dir, text string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("save the edited text: %w", err)
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(e.Ref.String()))
	f, err := os.CreateTemp(dir, "edit-"+name+"-*.yaml") // which makes it 0600
	if err != nil {
		return "", fmt.Errorf("save the edited text: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("save the edited text: %w", err)
	}
	return f.Name(), nil
}

func inNamespace(namespace string) []string {
	if namespace == "" {
		return nil
	}
	return []string{"-n", namespace}
}

// resource is the kind of ref as kubectl takes it.
func resource(ref kube.Ref) string { return ref.GVR.GroupResource().String() }
