package fit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	quota "k8s.io/apiserver/pkg/quota/v1"
	"k8s.io/kubernetes/pkg/quota/v1/evaluator/core"
	"k8s.io/utils/clock"
)

// Quotas are what limits how many pods a namespace may have.
type Quotas struct {
	Quotas []corev1.ResourceQuota
	Limits []corev1.LimitRange // they give pods without requests some
}

// allowed returns how many of count pods the API server would let in, and the
// quota that stops the next one. The arithmetic is the API server's.
func (q *Quotas) allowed(p *corev1.Pod, count int) (int, *Block) {
	if q == nil {
		return count, nil
	}
	evaluator := core.NewPodEvaluator(nil, clock.RealClock{})
	usage, err := evaluator.Usage(p)
	if err != nil {
		return count, nil
	}
	most, first := count, (*Block)(nil)
	for i := range q.Quotas {
		rq := &q.Quotas[i]
		if rq.Namespace != p.Namespace {
			continue
		}
		if matches, err := evaluator.Matches(rq, p); err != nil || !matches {
			continue
		}
		n, why := admits(rq, evaluator, p, usage, most)
		if n < most {
			most, first = n, &Block{Kind: "ResourceQuota", Namespace: rq.Namespace, Name: rq.Name, After: n, Why: why}
		}
	}
	return most, first
}

// admits returns how many of count pods one quota lets in, and why no more.
func admits(rq *corev1.ResourceQuota, evaluator quota.Evaluator, p *corev1.Pod, usage corev1.ResourceList, count int) (int, string) {
	limited := evaluator.MatchingResources(quota.ResourceNames(rq.Status.Hard))
	if err := evaluator.Constraints(limited, p); err != nil {
		return 0, err.Error()
	}
	asks := quota.Mask(usage, limited)
	used := quota.Mask(rq.Status.Used, limited)
	for n := range count {
		then := quota.Add(used, asks)
		if fits, over := quota.LessThanOrEqual(then, rq.Status.Hard); !fits {
			over = quota.Intersection(over, quota.ResourceNames(asks))
			if len(over) > 0 {
				return n, fmt.Sprintf("exceeded quota: %s, requested: %s, used: %s, limited: %s", rq.Name,
					words(quota.Mask(asks, over)), words(quota.Mask(used, over)), words(quota.Mask(rq.Status.Hard, over)))
			}
		}
		used = then
	}
	return count, ""
}

// words writes amounts as the API server does in its refusal.
func words(list corev1.ResourceList) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		q := list[name]
		parts = append(parts, string(name)+"="+q.String())
	}
	return strings.Join(parts, ",")
}
