package triage

import (
	"regexp"
	"strconv"
	"strings"
)

// fitPart is why some nodes do not take a pod.
type fitPart struct {
	nodes int
	words string
}

var (
	fitHead   = regexp.MustCompile(`^(\d+)/(\d+) nodes are available: `)
	fitCount  = regexp.MustCompile(`(?:^|, )(\d+) `)
	fitSuffix = regexp.MustCompile(`\.? *(?:preemption: .*)?$`)
)

// readFit takes apart what the scheduler says of a pod that fits nowhere, as
// k8s.io/kubernetes/pkg/scheduler/framework.FitError writes it:
//
//	0/40 nodes are available: 31 Insufficient cpu, 9 node(s) had untolerated taint {pool: gpu}. preemption: …
//
// parts is empty for what is written otherwise.
func readFit(message string) (of int, parts []fitPart) {
	head := fitHead.FindStringSubmatchIndex(message)
	if head == nil {
		return 0, nil
	}
	of, err := strconv.Atoi(message[head[4]:head[5]])
	if err != nil {
		return 0, nil
	}
	rest := fitSuffix.ReplaceAllString(message[head[1]:], "")
	// Counts stand at the start and behind commas; the words in between may have
	// commas of their own.
	starts := fitCount.FindAllStringSubmatchIndex(rest, -1)
	for i, s := range starts {
		end := len(rest)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		n, err := strconv.Atoi(rest[s[2]:s[3]])
		if err != nil {
			return 0, nil
		}
		words := strings.TrimSuffix(strings.TrimPrefix(rest[s[1]:end], "node(s) "), ".")
		parts = append(parts, fitPart{n, words})
	}
	return of, parts
}
