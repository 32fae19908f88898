package config

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"quarterdeck/nearest"
)

// Origin says where a value came from.
type Origin struct {
	File string // path of the configuration file, with Line
	Line int
	Name string // otherwise: "default", an environment variable or a flag
}

func (o Origin) String() string {
	if o.File != "" {
		return fmt.Sprintf("%s:%d", filepath.Base(o.File), o.Line)
	}
	return o.Name
}

// Problem is something the user wrote that cannot be used. Whatever it is
// about keeps its default.
type Problem struct {
	Origin Origin
	Reason string // names the setting
}

func (p Problem) String() string { return p.Origin.String() + ": " + p.Reason }

// trail holds the origins of a setting's value: under "" that of the value, and
// for structured ones under the path below it, such as "[0].match", of each part.
type trail map[string]Origin

// reading is the state of reading one source: the file, one environment
// variable or one flag.
type reading struct {
	origin   func(*yaml.Node) Origin
	trail    map[string]trail // by setting
	problems *[]Problem
	prefix   string // of the names of settings, for messages
}

func (in *reading) report(n *yaml.Node, format string, args ...any) {
	*in.problems = append(*in.problems, Problem{Origin: in.origin(n), Reason: fmt.Sprintf(format, args...)})
}

func (in *reading) reject(n *yaml.Node, name, format string, args ...any) {
	in.report(n, "%s%s: %s", in.prefix, name, fmt.Sprintf(format, args...))
}

// unknown reports a name that is none of the candidates. It suggests the one
// that lacks only its section, or else the nearest.
func (in *reading) unknown(n *yaml.Node, name string, candidates []string) {
	for i := range candidates {
		candidates[i] = in.prefix + candidates[i]
	}
	suggestion := nearest.Hint(in.prefix+name, candidates)
	for _, c := range candidates {
		if strings.HasSuffix(c, "."+name) {
			suggestion = ": did you mean " + c + "?"
		}
	}
	in.report(n, "unknown key %s%s%s", in.prefix, name, suggestion)
}

// pairs yields the keys and values of a mapping, aliases resolved. It reports
// keys that are there twice, of which the first holds.
func (in *reading) pairs(mapping *yaml.Node, prefix string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		lines := make(map[string]int)
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			key, value := resolve(mapping.Content[i]), resolve(mapping.Content[i+1])
			if key.Kind != yaml.ScalarNode {
				in.report(mapping.Content[i], "expected a key, found %s", describe(key))
				continue
			}
			if line, twice := lines[key.Value]; twice {
				in.reject(mapping.Content[i], prefix+key.Value, "is already set on line %d", line)
				continue
			}
			lines[key.Value] = mapping.Content[i].Line
			if !yield(key, value) {
				return
			}
		}
	}
}

// settings reads a mapping of settings whose names start with prefix. Sections
// may be nested or written with dots.
func (in *reading) settings(mapping *yaml.Node, prefix string, known []field[Config], into map[string]any) {
	for key, value := range in.pairs(mapping, prefix) {
		name := prefix + key.Value
		i := slices.IndexFunc(known, func(f field[Config]) bool { return f.name == name })
		section := slices.ContainsFunc(known, func(f field[Config]) bool { return strings.HasPrefix(f.name, name+".") })
		switch {
		case i >= 0 && into[name] != nil:
			in.reject(key, name, "is already set on line %d", in.trail[name][""].Line)
		case i >= 0:
			if v, ok := known[i].read(value, in); ok {
				into[name] = v
			}
		case section && value.Kind == yaml.MappingNode:
			in.settings(value, name+".", known, into)
		case section && value.Tag == "!!null": // an empty section, or one commented out
		case section:
			in.reject(value, name, "expected settings below it, found %s", describe(value))
		default:
			in.unknown(key, name, names(known))
		}
	}
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func names[S any](fields []field[S]) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return list
}
