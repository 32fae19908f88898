package action

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"quarterdeck/kube"
)

// Pairs are labels or annotations to set, and keys to remove.
type Pairs struct {
	Set    map[string]string
	Remove []string
}

// ParsePairs reads labels or annotations as kubectl takes them: key=value to
// set, key- to remove, separated by spaces. A value with spaces stands in
// quotes.
func ParsePairs(text string) (Pairs, error) {
	words, err := fields(text)
	if err != nil {
		return Pairs{}, err
	}
	p := Pairs{Set: map[string]string{}}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		switch {
		case ok && key != "":
			p.Set[key] = value
		case !ok && strings.HasSuffix(w, "-") && len(w) > 1:
			p.Remove = append(p.Remove, strings.TrimSuffix(w, "-"))
		default:
			return Pairs{}, fmt.Errorf("%q is neither key=value nor key-", w)
		}
	}
	if len(words) == 0 {
		return Pairs{}, errors.New("type key=value to set, key- to remove")
	}
	for _, key := range p.Remove {
		if _, both := p.Set[key]; both {
			return Pairs{}, fmt.Errorf("%s is both set and removed", key)
		}
	}
	return p, nil
}

// fields splits text at spaces outside of quotes.
func fields(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quoted rune
	inWord := false
	for _, r := range text {
		switch {
		case quoted != 0 && r == quoted:
			quoted = 0
		case quoted != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quoted, inWord = r, true
		case r == ' ' || r == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quoted != 0 {
		return nil, fmt.Errorf("a quote %c is open", quoted)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// CheckLabels says what is wrong with the pairs as labels, as the server would.
func (p Pairs) CheckLabels() error {
	errs := metavalidation.ValidateLabels(p.Set, field.NewPath("labels"))
	for _, key := range p.Remove {
		errs = append(errs, metavalidation.ValidateLabelName(key, field.NewPath("labels"))...)
	}
	return errs.ToAggregate()
}

// CheckAnnotations says what is wrong with the pairs as annotations.
func (p Pairs) CheckAnnotations() error {
	return apivalidation.ValidateAnnotations(p.Set, field.NewPath("annotations")).ToAggregate()
}

// Label prepares labels to be set and removed.
func (c *Client) Label(ctx context.Context, ref kube.Ref, p Pairs) (Change, error) {
	if err := p.CheckLabels(); err != nil {
		return Change{}, err
	}
	return c.pairs(ctx, ref, "label", "labels", p)
}

// Annotate prepares annotations to be set and removed.
func (c *Client) Annotate(ctx context.Context, ref kube.Ref, p Pairs) (Change, error) {
	if err := p.CheckAnnotations(); err != nil {
		return Change{}, err
	}
	return c.pairs(ctx, ref, "annotate", "annotations", p)
}

func (c *Client) pairs(ctx context.Context, ref kube.Ref, verb, place string, p Pairs) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	var edits []Edit
	var parts, words []string
	add := func(key string, after any, part, word string) {
		if e := set(obj, after, "metadata", place, key); e.Before != after {
			edits = append(edits, e)
			if e.Before != nil && after != nil {
				part = fmt.Sprintf("%s %s → %s", key, Word(e.Before), Word(after))
			}
			parts, words = append(parts, part), append(words, word)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Set)) {
		add(key, p.Set[key], "+"+key+"="+p.Set[key], key+"="+p.Set[key])
	}
	for _, key := range p.Remove {
		add(key, nil, "-"+key, key+"-")
	}
	if len(edits) == 0 {
		return Change{}, fmt.Errorf("%s: %w: its %s are so already", where(ref), ErrNothingToDo, place)
	}
	change, err := c.edits(verb, ref, obj, "", edits...)
	if err != nil {
		return Change{}, err
	}
	change.Summary = place + " " + strings.Join(parts, ", ")
	change.Kubectl = c.kubectl(ref, append([]string{verb, "--overwrite", resource(ref), ref.Name}, words...)...)
	return change, nil
}

// RemoveFinalizer prepares to take a finalizer away. What it stands for is then
// not cleaned up by whoever put it there.
func (c *Client) RemoveFinalizer(ctx context.Context, ref kube.Ref, name string) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	now := obj.GetFinalizers()
	i := slices.Index(now, name)
	if i < 0 {
		return Change{}, fmt.Errorf("%s has no finalizer %q", where(ref), name)
	}
	var left any
	if rest := slices.Delete(slices.Clone(now), i, i+1); len(rest) > 0 {
		list := make([]any, len(rest))
		for i, f := range rest {
			list[i] = f
		}
		left = list
	}
	change, err := c.edits("remove finalizer", ref, obj, "", set(obj, left, "metadata", "finalizers"))
	if err != nil {
		return Change{}, err
	}
	change.Undoable = false // the object may be gone
	change.Summary = "remove finalizer " + name
	if obj.GetDeletionTimestamp() != nil && left == nil {
		change.Warnings = append(change.Warnings, "it waits only for this to be deleted: it goes at once")
	}
	change.Warnings = append(change.Warnings, "what the finalizer stands for is not cleaned up by its controller")
	change.Kubectl = c.kubectl(ref, "patch", object(ref), "--type=json", "-p",
		fmt.Sprintf(`[{"op":"remove","path":"/metadata/finalizers/%d"}]`, i))
	return change, nil
}
