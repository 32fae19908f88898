package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// list declares a setting that is a list of entries. example is an entry in
// words; check completes an entry that was read from item, or reports why it
// cannot be used.
func list[S any](name, doc, example string, known func() []field[S], at func(*Config) *[]S,
	check func(entry *S, item *yaml.Node, in *reading) bool,
) field[Config] {
	return field[Config]{
		name: name, kind: "a list", structured: true, doc: doc,
		initial: []S(nil),
		read: func(n *yaml.Node, in *reading) (any, bool) {
			if n.Kind != yaml.SequenceNode {
				in.reject(n, name, "expected a list, found %s", describe(n))
				return nil, false
			}
			entries := make([]S, 0, len(n.Content))
			steps := trail{"": in.origin(n)}
			for _, item := range n.Content {
				item = resolve(item)
				if item.Kind != yaml.MappingNode {
					in.reject(item, name, "expected an entry such as %s, found %s", example, describe(item))
					continue
				}
				// The fields of an entry are read as settings of their own.
				own := &reading{origin: in.origin, trail: make(map[string]trail), problems: in.problems, prefix: name + "."}
				var entry S
				readEntry(own, item, known(), &entry)
				if !check(&entry, item, own) {
					continue
				}
				for field, from := range own.trail {
					steps[fmt.Sprintf("[%d].%s", len(entries), field)] = from[""]
				}
				entries = append(entries, entry)
			}
			in.trail[name] = steps
			return entries, true
		},
		set: func(c *Config, v any) { *at(c) = v.([]S) },
		node: func(c *Config, from trail) *yaml.Node {
			entries := *at(c)
			if len(entries) == 0 {
				return commented(&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}, from[""])
			}
			node := &yaml.Node{Kind: yaml.SequenceNode}
			for i := range entries {
				item := &yaml.Node{Kind: yaml.MappingNode}
				for _, f := range known() {
					if origin, given := from[fmt.Sprintf("[%d].%s", i, f.name)]; given {
						item.Content = append(item.Content, keyNode(f.name), f.node(&entries[i], trail{"": origin}))
					}
				}
				node.Content = append(node.Content, item)
			}
			return node
		},
	}
}

// wrong reports whether a setting of an entry is there but could not be read,
// which then is reported.
func wrong(item *yaml.Node, in *reading, name string) bool {
	for i := 0; i+1 < len(item.Content); i += 2 {
		if _, read := in.trail[name]; resolve(item.Content[i]).Value == name && !read {
			return true
		}
	}
	return false
}

// readEntry reads the mapping that is one entry of a list.
func readEntry[S any](in *reading, item *yaml.Node, known []field[S], entry *S) {
	for key, value := range in.pairs(item, "") {
		i := slices.IndexFunc(known, func(f field[S]) bool { return f.name == key.Value })
		if i < 0 {
			in.unknown(key, key.Value, names(known))
		} else if v, ok := known[i].read(value, in); ok {
			known[i].set(entry, v)
		}
	}
}

// wordList declares a setting of S that is a list of scalars, or one alone.
func wordList[S any](name string, k kind[string], at func(*S) *[]string, doc string) field[S] {
	return field[S]{
		name: name, kind: k.text + " or a list of them", doc: doc, structured: true, initial: []string(nil),
		read: func(n *yaml.Node, in *reading) (any, bool) {
			items := []*yaml.Node{n}
			if n.Kind == yaml.SequenceNode {
				items = n.Content
			}
			list, whole := make([]string, 0, len(items)), true
			for _, item := range items {
				v, ok := scalar(resolve(item), in, name, k)
				if whole = whole && ok; ok {
					list = append(list, v.(string))
				}
			}
			if !whole {
				delete(in.trail, name)
				return nil, false
			}
			in.trail[name] = trail{"": in.origin(n)}
			return list, true
		},
		set: func(s *S, v any) { *at(s) = v.([]string) },
		node: func(s *S, from trail) *yaml.Node {
			node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, word := range *at(s) {
				node.Content = append(node.Content, k.print(word))
			}
			return commented(node, from[""])
		},
	}
}

// contexts declares the list of settings by context.
func contexts() field[Config] {
	return list("contexts",
		"Settings for some contexts; the first entry that matches a context holds. See [Contexts](#contexts).",
		"{match: prod-*, protected: true}", contextSettings, func(c *Config) *[]Context { return &c.Contexts },
		func(entry *Context, item *yaml.Node, in *reading) bool {
			if entry.Match == "" && !wrong(item, in, "match") {
				in.reject(item, "match", "an entry needs the names of contexts it is for, as in match: prod-*")
			}
			return entry.Match != ""
		})
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
