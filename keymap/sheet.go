package keymap

import (
	"fmt"
	"strings"
)

// Sheet returns the key sheet of the user guide, in Markdown.
func (m Map) Sheet() string {
	var s strings.Builder
	s.WriteString(`# Keys

Generated from the bindings in ` + "`keymap/`" + ` by ` + "`go run ./keymap/sheet`" + `; do not edit.

Every action can have other keys, or none. In the configuration file:

` + "```yaml" + `
keys:
  object.describe: [K, f1]  # these keys instead of the default
  list.wide: []             # no key; the menu and the palette still have it
` + "```" + `

A key is the character it types, or a name (` + "`enter` `tab` `esc` `space` `backspace` `up` `down` `left` `right` `home` `end` `pgup` `pgdown` `insert` `delete` `f1`…`f20`" + `), with
` + "`ctrl+` `alt+` `shift+`" + ` before it where needed: ` + "`D`, not `shift+d`; `ctrl+d`; `shift+tab`" + `.
Two actions cannot have the same key in the same place. Views are lists and texts; texts are YAML, describe and help.
`)
	for _, section := range m.Groups() {
		fmt.Fprintf(&s, "\n## %s\n\n| Key | Does | Where | Action |\n|---|---|---|---|\n", section.Group)
		for _, b := range section.Bindings {
			keys := make([]string, len(b.Keys))
			for i, key := range b.Keys {
				keys[i] = "`" + strings.ReplaceAll(key, "|", `\|`) + "`"
			}
			where := b.Scope.String()
			if b.Subject != "" {
				where += ", on a " + b.Subject
			}
			fmt.Fprintf(&s, "| %s | %s | %s | `%s` |\n", strings.Join(keys, " "), b.Help, where, b.ID)
		}
	}
	return s.String()
}
