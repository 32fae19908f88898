package config

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes the configuration as YAML, with the origin of each value as a
// comment on its line. Read back, it is the same configuration.
func (c Config) Print(w io.Writer, from Origins) error {
	head := "# No configuration file.\n"
	switch {
	case from.Found:
		head = fmt.Sprintf("# Configuration file: %q\n", from.Path)
	case from.Path != "":
		head = fmt.Sprintf("# No configuration file; it would be %q\n", from.Path)
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range settings() {
		section, last := root, f.name
		for {
			parent, rest, nested := strings.Cut(last, ".")
			if !nested {
				break
			}
			section, last = child(section, parent), rest
		}
		section.Content = append(section.Content, keyNode(last), f.node(&c, from.of[f.name]))
	}
	if _, err := io.WriteString(w, head); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}

// child returns the mapping of that name in a mapping, which it adds if needed.
// Settings of one section are declared together, so it is the last one.
func child(mapping *yaml.Node, key string) *yaml.Node {
	if n := len(mapping.Content); n > 0 && mapping.Content[n-2].Value == key {
		return mapping.Content[n-1]
	}
	section := &yaml.Node{Kind: yaml.MappingNode}
	mapping.Content = append(mapping.Content, keyNode(key), section)
	return section
}

// keyNode is a key of a mapping.
func keyNode(key string) *yaml.Node {
	var n yaml.Node
	n.SetString(key)
	return &n
}

func commented(n *yaml.Node, o Origin) *yaml.Node {
	n.LineComment = o.String()
	if n.LineComment != "" {
		n.LineComment = "# " + n.LineComment
	}
	return n
}
