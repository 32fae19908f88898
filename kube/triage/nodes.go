package triage

import (
	"strconv"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// nodeRules returns the rules about nodes.
func nodeRules() []Rule {
	return []Rule{nodeNotReady(), nodePressure(), nodeNetwork(), nodeSilent(), nodeFull(), nodeCordoned(), nodeSkew()}
}

// zone counts the nodes of a zone.
type zone struct{ nodes, lost int }

// count takes a node into account, or out of it if by is negative.
func (c *Cluster) count(n *object.Node, by int) {
	if minor, ok := minorOf(n.Version); ok {
		if c.minors[minor] += by; c.minors[minor] == 0 {
			delete(c.minors, minor)
		}
	}
	if n.Zone == "" {
		return
	}
	z := c.zones[n.Zone]
	z.nodes += by
	if !n.Ready {
		z.lost += by
	}
	if c.zones[n.Zone] = z; z.nodes == 0 {
		delete(c.zones, n.Zone)
	}
}

// down reports whether so many nodes of a zone are not ready that it is the zone
// that has failed: four of five.
func (z zone) down() bool { return z.lost >= 2 && 5*z.lost >= 4*z.nodes }

// zoneRef names a zone, which is no object of the cluster.
func zoneRef(name string) kube.Ref {
	return kube.Ref{GVR: kube.Local("zones"), Kind: "Zone", Name: name}
}

// minorOf returns the minor version in "v1.36.3".
func minorOf(version string) (int, bool) {
	rest, ok := strings.CutPrefix(version, "v1.")
	if !ok {
		return 0, false
	}
	digits, _, _ := strings.Cut(rest, ".")
	minor, err := strconv.Atoi(digits)
	return minor, err == nil
}

// nodeCondition returns a condition of a node as evidence.
func nodeCondition(on kube.Ref, k *object.Condition) Evidence {
	return conditionOf(on, k, "status.conditions["+k.Type+"]")
}

// conditionOf returns a condition as evidence, with where it is in its object.
func conditionOf(on kube.Ref, k *object.Condition, where string) Evidence {
	text := k.Type + "=" + k.Status
	if k.Reason != "" {
		text += " " + k.Reason
	}
	if k.Message != "" {
		text += ": " + k.Message
	}
	return Evidence{Text: text, Source: FromCondition, Where: on.String() + " " + where, On: on, At: k.Changed}
}

// said returns what a condition gives as its reason, in one line.
func said(k *object.Condition) string {
	switch {
	case k.Message == "":
		return k.Reason
	case k.Reason == "":
		return k.Message
	}
	return k.Reason + ": " + k.Message
}

// leaving proposes what to do about a node that pods have to leave.
func leaving(on kube.Ref) []Action {
	return []Action{
		{Do: WhatIf, On: on, Words: "shows where the pods of " + on.Name + " would go without it"},
		{Do: ShowEvents, On: on, Words: "shows what was reported of " + on.Name},
		{Do: Drain, On: on, Words: "moves its pods to other nodes, as far as their budgets allow"},
	}
}
