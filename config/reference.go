package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Example is a configuration file that shows the more useful settings.
const Example = `default-view: pods
ui:
  theme: dark
  colors:
    warn: "#ffaf00 bold"  # quotes, or the rest is a comment
  detail: "off"
metrics:
  interval: 30s
contexts:                 # the first match holds
  - match: prod-*
    protected: true
  - match: "*staging*"
    color: context5
    readonly: true
    namespace: shop
rules:                    # the strictest that matches holds
  - contexts: prod-*
    kinds: [Namespace, PersistentVolume*]
    verbs: delete
    effect: type-name
    reason: there is no way back
  - contexts: prod-*
    namespaces: [kube-*, payments]
    verbs: [exec, attach, debug]
    effect: deny
    reason: ask the security team for a recorded session
  - max: 20
    reason: nobody reads more names than that
journal:
  file: true
keys:
  object.describe: [K, f1]
  list.wide: []           # no key
`

// Reference returns the page of the user guide about the configuration, in
// Markdown.
func Reference() string {
	var s strings.Builder
	s.WriteString("# Configuration\n\n" +
		"Generated from the declarations in `config/` by `go run ./config/reference`; do not edit.\n\n" +
		"The file is `$XDG_CONFIG_HOME/quarterdeck/config.yaml`, usually `~/.config/quarterdeck/config.yaml` (on macOS too), or\n" +
		"`%AppData%\\quarterdeck\\config.yaml` on Windows; another one can be named with `--config` or `QD_CONFIG`. It need not exist.\n" +
		"`qd config` prints the effective settings and where each came from; its output is a configuration file.\n\n" +
		"A setting can also be an environment variable: `QD_`, then its name in upper case with `_` for dots and dashes,\n" +
		"as in `QD_UI_FPS=30`. `QD_CONTEXTS`, `QD_RULES` and `QD_KEYS` take YAML and replace those of the file. An empty variable counts as not set.\n" +
		"A flag goes before a variable, a variable before the file, the file before the default.\n\n" +
		"A setting that is unknown or wrong is reported with its line; its default holds and everything else works. A mistake in a rule\n" +
		"makes it stricter, not weaker: what is wrong counts as not written, so that the rule is for more, and one without a right effect denies.\n\n" +
		"```yaml\n" + Example + "```\n\n## Settings\n\n" +
		"| Setting | Takes | Default | |\n|---|---|---|---|\n")
	defaults := Default()
	for _, f := range settings() {
		initial := code(yamlText(f.node(&defaults, nil)))
		if f.initial == nil {
			initial = "the theme's"
		}
		fmt.Fprintf(&s, "| `%s` | %s | %s | %s |\n", f.name, f.kind, initial, f.doc)
	}

	s.WriteString("\n## Contexts\n\n" +
		"Each entry of `contexts` is for the kubeconfig contexts whose name matches. Only the first entry that matches a context holds.\n\n")
	table(&s, contextSettings())

	s.WriteString("\n## Rules\n\n" +
		"A rule is for what all its lists match. Reads and dry runs always pass. Of all rules that match, the strictest holds: `deny` before\n" +
		"`type-name` before `confirm`, and the lowest `max`; no rule takes back what another wants. Rules hold for everything the program sends,\n" +
		"whichever key or view it comes from; they protect from mistakes, and are no substitute for RBAC.\n\n")
	table(&s, ruleSettings())
	s.WriteString("\nThe verbs are those of RBAC, and words for requests that reach into something or have an effect of their own: `exec`, `attach`,\n" +
		"`portforward`, `proxy`, `evict`, `scale` and `debug` (a container put into a running pod). `create` does not match the first five,\n" +
		"though RBAC calls them so; `update` and `patch` match `scale` and `debug` too, and `delete` matches `deletecollection`.\n" +
		"A kind with an irregular plural has to be named by its resource.\n")

	s.WriteString("\n## Themes\n\n" +
		"A style is words: a colour, `on` and a colour for the background, and `bold`, `faint`, `italic`, `underline`, `reverse`;\n" +
		"for example `yellow`, `\"#ffaf00 bold\"`, `black on yellow`, or `\"\"` for plain text.\n" +
		"A colour is `black`, `red`, `green`, `yellow`, `blue`, `magenta`, `cyan`, `white`, one of these with `bright-` before it, `default` for the\n" +
		"terminal's own, a number from 0 to 255, or `#rrggbb`, where YAML needs quotes around the whole style.\n" +
		"With `NO_COLOR` set, only the attributes are used.\n\n")
	themes := Themes()
	for _, t := range themes {
		fmt.Fprintf(&s, "- `%s`: %s\n", t.Name, t.Doc)
	}
	fmt.Fprintf(&s, "\n| Tone | `%s` |\n|---%s|\n", strings.Join(themeNames(), "` | `"), strings.Repeat("|---", len(themes)))
	for _, tone := range Tones() {
		fmt.Fprintf(&s, "| `%s` |", tone.Name)
		for _, t := range themes {
			fmt.Fprintf(&s, " %s |", code(t.Colors[tone.Name]))
		}
		s.WriteString("\n")
	}

	s.WriteString("\n## Files\n\n" +
		"| What | Where | On Windows |\n|---|---|---|\n" +
		"| configuration | `$XDG_CONFIG_HOME/quarterdeck`, else `~/.config/quarterdeck` | `%AppData%\\quarterdeck` |\n" +
		"| journal | `$XDG_STATE_HOME/quarterdeck`, else `~/.local/state/quarterdeck` | `%LocalAppData%\\quarterdeck\\state` |\n\n" +
		"Only you can read what is created there. The journal is `journal.jsonl`; at 5 MiB it becomes `journal.jsonl.1`, instead of an earlier one.\n" +
		"It has what was done, to which object, when, how it ended, and every request that changed something. The contents of Secrets and\n" +
		"ConfigMaps, values of environment variables and what looks like a credential are not in it.\n")
	return s.String()
}

// table writes the settings of an entry of a list.
func table[S any](s *strings.Builder, fields []field[S]) {
	s.WriteString("| Setting | Takes | Default | |\n|---|---|---|---|\n")
	var empty S
	for _, f := range fields {
		initial := yamlText(f.node(&empty, nil))
		if initial == "[]" {
			initial = ""
		}
		fmt.Fprintf(s, "| `%s` | %s | %s | %s |\n", f.name, f.kind, code(initial), f.doc)
	}
}

func yamlText(n *yaml.Node) string {
	n.LineComment = ""
	text, err := yaml.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("encode %v: %v", n.Value, err))
	}
	return strings.TrimSpace(string(text))
}

// code sets text in a table cell as code, and an empty one as nothing.
func code(text string) string {
	if slices.Contains([]string{"", `""`}, text) {
		return ""
	}
	return "`" + text + "`"
}
