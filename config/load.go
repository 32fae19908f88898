package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"quarterdeck/nearest"
)

// Options say what to load. The zero value loads the defaults.
type Options struct {
	// Path is the file named by --config. Without it, it is that named by
	// QD_CONFIG, or the one in the usual place, which need not exist.
	Path string
	// Env is the environment, as os.Environ returns it.
	Env []string
	// Flags are the settings given as flags, for example readonly: "true".
	Flags map[string]string
	// ValidateKeys returns which keys of actions cannot be used, and why.
	ValidateKeys func(map[string][]string) []KeyProblem
}

// KeyProblem says why the keys given to an action cannot be used.
type KeyProblem struct{ Action, Reason string }

// Origins say where the values of a Config came from.
type Origins struct {
	Path  string // where the file is or would be; empty if no place is known
	Found bool   // whether it is there
	of    map[string]trail
}

// Of returns the origin of a setting, such as "ui.theme".
func (o Origins) Of(name string) Origin { return o.of[name][""] }

// Load reads the configuration. What cannot be used is returned as problems,
// and the rest holds; an error means that there is a file but it cannot be read
// at all.
func Load(o Options) (Config, Origins, []Problem, error) {
	env := environment(o.Env)
	path, namedBy := o.Path, "--config"
	if path == "" {
		path, namedBy = env[configVariable], configVariable
	}
	if path == "" {
		path, namedBy = DefaultPath(o.Env), ""
	}
	if path == "" {
		return load(o, env, "", nil)
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && namedBy == "":
		c, origins, problems, err := load(o, env, "", nil)
		origins.Path = path
		return c, origins, problems, err
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, Origins{}, nil, fmt.Errorf("config file %s does not exist: create it or leave out %s", path, namedBy)
	case err != nil:
		return Config{}, Origins{}, nil, fmt.Errorf("read config file: %w", err)
	}
	return load(o, env, path, data)
}

// Default returns the configuration of a user who has set nothing.
func Default() Config {
	c, _, _, err := load(Options{}, nil, "", nil)
	if err != nil {
		panic(err) // only a file can fail
	}
	return c
}

// load merges the defaults, the file (unless path is empty), the environment
// and the flags; later ones win.
func load(o Options, env map[string]string, path string, data []byte) (Config, Origins, []Problem, error) {
	l := loading{known: settings(), merged: viper.New(), origins: make(map[string]trail)}
	l.defaults()
	if path != "" {
		root, err := parse(path, data)
		if err != nil {
			return Config{}, Origins{}, nil, err
		}
		if err := l.file(path, root); err != nil {
			return Config{}, Origins{}, nil, err
		}
	}
	l.environment(env)
	l.flags(o.Flags)
	l.theme()

	var c Config
	for _, f := range l.known {
		f.set(&c, l.merged.Get(f.name))
	}
	if o.ValidateKeys != nil {
		for _, p := range o.ValidateKeys(c.Keys) {
			l.problems = append(l.problems, Problem{
				Origin: l.origins["keys"]["."+p.Action],
				Reason: "keys." + p.Action + ": " + p.Reason,
			})
			delete(c.Keys, p.Action)
		}
	}
	return c, Origins{Path: path, Found: path != "", of: l.origins}, l.problems, nil
}

// loading merges the sources, in the order of its methods. Only valid values
// get into merged.
type loading struct {
	known    []field[Config]
	merged   *viper.Viper
	origins  map[string]trail // by setting
	problems []Problem
}

// from starts reading a source.
func (l *loading) from(origin func(*yaml.Node) Origin) *reading {
	return &reading{origin: origin, trail: l.origins, problems: &l.problems}
}

// fallback is the origin of values nobody has set.
func fallback() Origin { return Origin{Name: "default"} }

func (l *loading) defaults() {
	for _, f := range l.known {
		l.origins[f.name] = trail{"": fallback()}
		if f.initial != nil {
			l.merged.SetDefault(f.name, f.initial)
		}
	}
}

func (l *loading) file(path string, root *yaml.Node) error {
	in := l.from(func(n *yaml.Node) Origin { return Origin{File: path, Line: max(n.Line, 1)} })
	values := make(map[string]any)
	switch {
	case root.Tag == "!!null": // everything is commented out
	case root.Kind == yaml.MappingNode:
		in.settings(root, "", l.known, values)
	default:
		in.report(root, "expected settings, such as default-view: pods, found %s", describe(root))
	}
	if err := l.merged.MergeConfigMap(values); err != nil {
		return fmt.Errorf("merge %s: %w", path, err)
	}
	return nil
}

func (l *loading) environment(env map[string]string) {
	candidates := []string{configVariable}
	for _, f := range l.known {
		name := variable(f.name)
		candidates = append(candidates, name)
		if text := env[name]; text != "" {
			l.override(f, text, Origin{Name: name})
		}
	}
	// A variable that is nearly that of a setting is meant to be it. Others
	// that start with QD_ may have a meaning elsewhere.
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, "QD_") || slices.Contains(candidates, name) {
			continue
		}
		if suggestion := nearest.HintWithin(2, name, candidates); suggestion != "" {
			l.problems = append(l.problems, Problem{Origin{Name: name}, "unknown environment variable" + suggestion})
		}
	}
}

func (l *loading) flags(flags map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		origin := Origin{Name: "--" + key}
		if i := slices.IndexFunc(l.known, func(f field[Config]) bool { return f.name == key }); i >= 0 {
			l.override(l.known[i], flags[key], origin)
		} else {
			l.from(func(*yaml.Node) Origin { return origin }).unknown(nil, key, names(l.known))
		}
	}
}

// override sets one setting from plain text, or from YAML if it is no scalar.
func (l *loading) override(f field[Config], text string, origin Origin) {
	in := l.from(func(*yaml.Node) Origin { return origin })
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if f.structured {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
			in.reject(node, f.name, "expected %s as YAML, found %q", f.kind, text)
			return
		}
		node = resolve(document.Content[0])
	}
	if v, ok := f.read(node, in); ok {
		l.merged.Set(f.name, v)
	}
}

// theme gives the tones that nobody has set the style they have in the theme.
func (l *loading) theme() {
	theme := l.merged.GetString("ui.theme")
	for tone, style := range colorsOf(theme) {
		name := "ui.colors." + tone
		l.merged.SetDefault(name, style)
		if l.origins[name][""] == fallback() {
			l.origins[name] = trail{"": {Name: "theme " + theme}}
		}
	}
}

// parse returns the root of the document in a file.
func parse(path string, data []byte) (*yaml.Node, error) {
	var document, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	if err == nil {
		err = decoder.Decode(&more)
	}
	switch {
	case errors.Is(err, io.EOF):
		return resolve(document.Content[0]), nil
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a second YAML document starts here: keep one", path, more.Line)
	}
	found := regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)`).FindStringSubmatch(err.Error())
	if found == nil {
		return nil, fmt.Errorf("%s: this is not valid YAML: %w", path, err)
	}
	line, err := strconv.Atoi(found[1])
	switch long := bytes.Count(data, []byte("\n")) > exactly; {
	case !long:
		line = brokenLine(data)
	case err != nil:
		line = 1 // the parser does not name the first line
	}
	return nil, fmt.Errorf("%s:%d: this is not valid YAML: %s", path, line, found[2])
}

// exactly is the number of lines up to which brokenLine is quick: it takes
// a tenth of a second then, and four times as long for twice as many.
const exactly = 1000

// brokenLine returns the line from which on a file is not YAML: the one after
// the longest start of the file that is. The line the parser names is often
// another, such as that of the enclosing mapping.
func brokenLine(data []byte) int {
	for line := bytes.Count(data, []byte("\n")); line > 0; line-- {
		data = data[:bytes.LastIndexByte(data, '\n')]
		var document yaml.Node
		if yaml.Unmarshal(data, &document) == nil {
			return line + 1
		}
	}
	return 1
}

// configVariable names the configuration file.
const configVariable = "QD_CONFIG"

// variable is the environment variable of a setting.
func variable(name string) string {
	return "QD_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

func environment(env []string) map[string]string {
	vars := make(map[string]string, len(env))
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	return vars
}
