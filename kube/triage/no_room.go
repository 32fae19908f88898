package triage

import (
	"fmt"
	"strings"

	"quarterdeck/kube/object"
)

// noRoomFor finds pods for which no node has enough left of a resource.
func noRoomFor() Rule {
	return unplacedRule(Rule{On: Pods, ID: "no-room", Checks: "nodes have room for the pods"}, noRoom,
		func(c *Cluster, p *object.Pod, near refused, all int) *Finding {
			resource, need, _, big := c.shortOf(p, near)
			if big {
				return nil
			}
			f := &Finding{Why: "not enough " + resource + onNodes(near, all) + others(p.Message, near)}
			if most, ok := c.nodeRoom().free[resource]; ok && need > most.amount {
				f.Why = fmt.Sprintf("needs %s %s, most free on a node is %s%s", amount(resource, need), resource, amount(resource, most.amount), others(p.Message, near))
				f.Evidence = []Evidence{{
					Text: fmt.Sprintf("%s has most left: %s %s", most.node, amount(resource, most.amount), resource), Source: FromField,
					Where: c.Named(Nodes, "", most.node).String() + " status.allocatable, less its pods' requests", On: c.Named(Nodes, "", most.node),
				}}
			}
			home := c.Home(c.Pod(p), p.Owner)
			f.Actions = []Action{
				c.headroom(p),
				{Do: WhatIf, On: home, Words: "shows where pods of " + home.String() + " would fit"},
				{Do: Edit, On: home, Words: "opens " + home.String() + " to ask for less"},
			}
			return f
		})
}

// tooBig finds pods that ask for more of a resource than any node has.
func tooBig() Rule {
	return unplacedRule(Rule{On: Pods, ID: "too-big", Checks: "no pod asks for more than a node has"}, noRoom,
		func(c *Cluster, p *object.Pod, near refused, _ int) *Finding {
			resource, need, largest, big := c.shortOf(p, near)
			if !big {
				return nil
			}
			home := c.Home(c.Pod(p), p.Owner)
			f := &Finding{
				What: "too big for any node",
				Why:  fmt.Sprintf("needs %s %s, largest node has %s", amount(resource, need), resource, amount(resource, largest.amount)),
				Evidence: []Evidence{{
					Text: fmt.Sprintf("%s %s", amount(resource, need), resource), Source: FromField, Where: c.Pod(p).String() + " spec.containers[].resources.requests", On: c.Pod(p),
				}},
				Actions: append(c.back(home), Action{Do: Edit, On: home, Words: "opens " + home.String() + " to ask for less " + resource}),
			}
			if largest.node != "" {
				n := c.Named(Nodes, "", largest.node)
				f.Evidence = append(f.Evidence, Evidence{
					Text: fmt.Sprintf("%s %s, the most of all nodes", amount(resource, largest.amount), resource), Source: FromField, Where: n.String() + " status.allocatable", On: n,
				})
			}
			return f
		})
}

// shortOf returns of which resource there is not enough, how much of it a pod
// asks for, what the largest node has, and whether that is less, for any of the
// resources in the scheduler's message.
func (c *Cluster) shortOf(p *object.Pod, near refused) (resource string, need int64, largest offer, big bool) {
	for r := range schedulerSays(p.Message) {
		if r.by != noRoom {
			continue
		}
		name := strings.TrimPrefix(r.words, "Insufficient ")
		o, known := c.nodeRoom().largest[name]
		needs := asks(p, name)
		if known || len(c.nodeRoom().largest) > 0 {
			if needs > o.amount {
				return name, needs, o, true
			}
		}
		if r.words == near.words {
			resource, need, largest = name, needs, o
		}
	}
	return resource, need, largest, false
}
