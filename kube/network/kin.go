package network

import (
	"iter"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// kin are the pods of a namespace that have the same labels.
type kin struct {
	labels *store.Labels
	pods   map[string]*object.Pod // by name
	living int                    // of them, those that have not ended and are not on their way out
}

func (k *kin) put(p *object.Pod) {
	k.pods[p.Name] = p
	k.living += living(p)
}

func (k *kin) drop(p *object.Pod) {
	delete(k.pods, p.Name)
	k.living -= living(p)
}

func living(p *object.Pod) int {
	if p.Terminal() || p.Deleted != 0 {
		return 0
	}
	return 1
}

// family are the pods of a namespace.
type family struct {
	kin map[*store.Labels]*kin
	by  map[string]map[string]map[*kin]struct{} // by key and value, of the keys that were asked for
}

func newFamily() *family {
	return &family{kin: map[*store.Labels]*kin{}, by: map[string]map[string]map[*kin]struct{}{}}
}

// of returns the pods that have some labels, and makes room for them.
func (f *family) of(labels *store.Labels) *kin {
	k := f.kin[labels]
	if k == nil {
		k = &kin{labels: labels, pods: map[string]*object.Pod{}}
		f.kin[labels] = k
		for key, value := range labels.All() {
			if f.by[key] != nil {
				addKin(f.by[key], value, k)
			}
		}
	}
	return k
}

func addKin(by map[string]map[*kin]struct{}, value string, k *kin) {
	if by[value] == nil {
		by[value] = map[*kin]struct{}{}
	}
	by[value][k] = struct{}{}
}

// forget drops pods of which there are none any more.
func (f *family) forget(k *kin) {
	delete(f.kin, k.labels)
	for key, value := range k.labels.All() {
		if by := f.by[key]; by != nil {
			if delete(by[value], k); len(by[value]) == 0 {
				delete(by, value)
			}
		}
	}
}

// sharing returns the pods that have a label, by its value.
func (f *family) sharing(key string) map[string]map[*kin]struct{} {
	by := f.by[key]
	if by == nil {
		by = map[string]map[*kin]struct{}{}
		f.by[key] = by
		for labels, k := range f.kin {
			if value, ok := labels.Lookup(key); ok {
				addKin(by, value, k)
			}
		}
	}
	return by
}

// selected yields the pods that a selector, which selects something, selects.
func (f *family) selected(selector string) iter.Seq[*kin] {
	return func(yield func(*kin) bool) {
		if f == nil || selector == "" {
			return
		}
		fewest, _ := f.fewest(selector)
		for k := range fewest {
			if selected(selector, k.labels) && !yield(k) {
				return
			}
		}
	}
}

// almost yields the pods that have all labels of a selector of more than one,
// or all but one.
func (f *family) almost(selector string) iter.Seq[*kin] {
	return func(yield func(*kin) bool) {
		if f == nil {
			return
		}
		fewest, next := f.fewest(selector)
		for k := range fewest {
			if !yield(k) {
				return
			}
		}
		for k := range next {
			if _, seen := fewest[k]; !seen && !yield(k) {
				return
			}
		}
	}
}

// fewest returns the pods with that label of a selector that the fewest have,
// and those with the next. What a selector asks for but one is in one of them.
func (f *family) fewest(selector string) (fewest, next map[*kin]struct{}) {
	labels := 0
	for key, value := range pairsOf(selector) {
		switch list := f.sharing(key)[value]; {
		case labels == 0:
			fewest = list
		case len(list) < len(fewest):
			fewest, next = list, fewest
		case labels == 1 || len(list) < len(next):
			next = list
		}
		labels++
	}
	return fewest, next
}

// stir has the services judged again that select nothing and may have meant
// these pods, of which there are more or fewer now.
func (g *Graph) stir(namespace string, k *kin) {
	for name, selector := range g.strays[namespace] {
		on := topic{kindred, namespace, name}
		if len(g.waiting[on]) == 0 {
			delete(g.strays[namespace], name)
		} else if _, ok := oddLabel(selector, k.labels); ok {
			g.touch(kindred, namespace, name)
		}
	}
	if len(g.strays[namespace]) == 0 {
		delete(g.strays, namespace)
	}
}
