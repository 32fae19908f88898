package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// contexts declares the list of settings by context.
func contexts() field[Config] {
	return field[Config]{
		name: "contexts", kind: "a list", structured: true,
		doc:     "Settings for some contexts; the first entry that matches a context holds. See [Contexts](#contexts).",
		initial: []Context(nil),
		read:    readContexts,
		set:     func(c *Config, v any) { c.Contexts = v.([]Context) },
		node:    contextsNode,
	}
}

func readContexts(n *yaml.Node, in *reading) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		in.reject(n, "contexts", "expected a list, found %s", describe(n))
		return nil, false
	}
	list := make([]Context, 0, len(n.Content))
	steps := trail{"": in.origin(n)}
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.MappingNode {
			in.reject(item, "contexts", "expected an entry such as {match: prod-*, protected: true}, found %s", describe(item))
			continue
		}
		// The fields of an entry are read as settings of their own.
		entry := &reading{origin: in.origin, trail: make(map[string]trail), problems: in.problems, prefix: "contexts."}
		context, known := Context{}, contextSettings()
		for key, value := range entry.pairs(item, "") {
			i := slices.IndexFunc(known, func(f field[Context]) bool { return f.name == key.Value })
			if i < 0 {
				entry.unknown(key, key.Value, names(known))
			} else if v, ok := known[i].read(value, entry); ok {
				known[i].set(&context, v)
			}
		}
		if context.Match == "" {
			in.reject(item, "contexts.match", "an entry needs the names of contexts it is for, as in match: prod-*")
			continue
		}
		for name, from := range entry.trail {
			steps[fmt.Sprintf("[%d].%s", len(list), name)] = from[""]
		}
		list = append(list, context)
	}
	in.trail["contexts"] = steps
	return list, true
}

func contextsNode(c *Config, from trail) *yaml.Node {
	if len(c.Contexts) == 0 {
		return commented(&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}, from[""])
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Contexts {
		item := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range contextSettings() {
			if origin, given := from[fmt.Sprintf("[%d].%s", i, f.name)]; given {
				item.Content = append(item.Content, keyNode(f.name), f.node(&c.Contexts[i], trail{"": origin}))
			}
		}
		list.Content = append(list.Content, item)
	}
	return list
}

// bindings declares the keys of actions. Which actions and keys there are is
// not known here: see Options.ValidateKeys.
func bindings() field[Config] {
	return field[Config]{
		name: "keys", kind: "a mapping", structured: true,
		doc:     "Other keys for actions: an action, and its key or list of keys. See [Keys](keys.md).",
		initial: map[string][]string(nil),
		read:    readBindings,
		set:     func(c *Config, v any) { c.Keys = v.(map[string][]string) },
		node:    bindingsNode,
	}
}

func readBindings(n *yaml.Node, in *reading) (any, bool) {
	if n.Kind != yaml.MappingNode {
		in.reject(n, "keys", "expected actions and their keys, as in {object.describe: D}, found %s", describe(n))
		return nil, false
	}
	all := make(map[string][]string)
	steps := trail{"": in.origin(n)}
	add := func(action string, value *yaml.Node) {
		if keys, ok := readKeys(value); ok {
			all[action] = keys
			steps["."+action] = in.origin(value)
		} else {
			in.reject(value, "keys."+action, "expected a key or a list of keys, found %s", describe(value))
		}
	}
	for key, value := range in.pairs(n, "keys.") {
		// Action names have one dot, and may be nested there.
		if value.Kind != yaml.MappingNode || strings.Contains(key.Value, ".") {
			add(key.Value, value)
			continue
		}
		for below, value := range in.pairs(value, "keys."+key.Value+".") {
			add(key.Value+"."+below.Value, value)
		}
	}
	in.trail["keys"] = steps
	return all, true
}

func readKeys(n *yaml.Node) ([]string, bool) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	keys := make([]string, 0, len(items))
	for _, item := range items {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, false
		}
		keys = append(keys, item.Value)
	}
	return keys, true
}

func bindingsNode(c *Config, from trail) *yaml.Node {
	if len(c.Keys) == 0 {
		return commented(&yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}, from[""])
	}
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, action := range slices.Sorted(maps.Keys(c.Keys)) {
		keys := &yaml.Node{}
		if err := keys.Encode(c.Keys[action]); err != nil {
			panic(fmt.Sprintf("encode %v: %v", c.Keys[action], err))
		}
		keys.Style = yaml.FlowStyle
		node.Content = append(node.Content, keyNode(action), commented(keys, from["."+action]))
	}
	return node
}
