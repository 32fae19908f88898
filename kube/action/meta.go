package action

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

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
	words, err := split(text)
	if err != nil {
		return Pairs{}, err
	}
	if len(words) == 0 {
		return Pairs{}, errors.New("nothing typed: key=value sets, key- removes")
	}
	p := Pairs{Set: map[string]string{}}
	seen := map[string]bool{}
	for _, w := range words {
		key, value, set := strings.Cut(w, "=")
		if !set {
			key = strings.TrimSuffix(w, "-")
		}
		switch {
		case key == "", !set && key == w:
			return Pairs{}, fmt.Errorf("%q is neither key=value nor key-: the first sets, the second removes", w)
		case seen[key]:
			return Pairs{}, fmt.Errorf("%s stands here twice: say once what becomes of it", key)
		case set:
			p.Set[key] = value
		default:
			p.Remove = append(p.Remove, key)
		}
		seen[key] = true
	}
	return p, nil
}

// split splits text at spaces outside of quotes.
func split(text string) ([]string, error) {
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
		case unicode.IsSpace(r):
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
		return nil, fmt.Errorf("the quote %c is not closed: type a second one where the value ends", quoted)
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
		if e := set(obj, after, "metadata", place, key); !same(e.Before, after) {
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
		return Change{}, fmt.Errorf("%s: %w: its %s are so already", ref.Where(), ErrNothingToDo, place)
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
		return Change{}, fmt.Errorf("%s has no finalizer %q: it may be gone already", ref.Where(), name)
	}
	// The whole list is replaced: others may have changed it meanwhile.
	var left []any
	for _, f := range slices.Delete(now, i, i+1) {
		left = append(left, f)
	}
	var after any
	if len(left) > 0 {
		after = left
	}
	change, err := c.edits("remove finalizer", ref, obj, "", set(obj, after, "metadata", "finalizers"))
	if err != nil {
		return Change{}, err
	}
	change.Undoable = false // the object may be gone
	change.Summary = "remove finalizer " + name
	if obj.GetDeletionTimestamp() != nil && after == nil {
		change.Warnings = append(change.Warnings, "it waits only for this to be deleted: it goes at once")
	}
	change.Warnings = append(change.Warnings, "what the finalizer stands for is not cleaned up by its controller")
	return change, nil
}
