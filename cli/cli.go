// Package cli is the command line: it reads flags and configuration, and wires
// the cluster's side (kube) to the terminal's (ui, views).
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/klog/v2"

	"quarterdeck/config"
	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/ui/theme"
	"quarterdeck/views"
)

// Streams are the files of the process.
type Streams struct{ In, Out, Err *os.File }

// command is one run of the program.
type command struct {
	version string
	streams Streams
	env     []string
	flags   *genericclioptions.ConfigFlags

	configPath    string
	allNamespaces bool
	readonly      bool

	lent atomic.Int32 // how often the terminal is lent to an editor
}

// errSilent ends with exit code 1 after the reason has been told.
var errSilent = errors.New("already reported")

// exitError ends with a code other than 1.
type exitError struct {
	code int
	why  string // "" if it has been told
}

func (e *exitError) Error() string { return e.why }

// Main runs the program and returns its exit code: 0 if all went well, 1 if
// not, or what a command documents. What went wrong is said in one sentence on
// Err.
func Main(version string, args []string, streams Streams, env []string) int {
	quiet()
	detectDeadConnections()
	c := &command{version: version, streams: streams, env: env, flags: genericclioptions.NewConfigFlags(true)}
	root := c.root()
	root.SetArgs(args)
	ctx, stop := c.untilSignal()
	defer stop()
	err := root.ExecuteContext(ctx)
	code := 1
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent), err.Error() == "":
	default:
		fmt.Fprintln(streams.Err, "qd: "+sanitize.Line(err.Error()))
	}
	return code
}

// quiet keeps what the libraries log off the terminal: what matters of it comes
// back as an error or as the state of a view.
func quiet() {
	klog.LogToStderr(false)
	settings := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(settings)
	_ = settings.Set("stderrthreshold", "FATAL") // or errors are told to the standard error all the same; the flag is there
	klog.SetOutput(io.Discard)
	log.SetOutput(io.Discard)
	runtime.ErrorHandlers = nil
}

// detectDeadConnections makes HTTP/2 notice a server that has gone silent
// within 15 seconds instead of 45. client-go reads these variables when it
// makes a transport.
func detectDeadConnections() {
	for name, seconds := range map[string]string{
		"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "8",
		"HTTP2_PING_TIMEOUT_SECONDS":      "5",
	} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, seconds)
		}
	}
}

func (c *command) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "qd [VIEW|KIND]",
		Short: "Run Kubernetes clusters from the terminal",
		Long: `Quarterdeck shows what runs in a cluster, what is wrong with it and why.

Without arguments it opens on the workloads of the current context. VIEW or KIND
opens another view: qd pods, qd nodes, qd certificates.cert-manager.io.`,
		Example: `  qd                        the workloads of the current context
  qd pods -n payments       the pods of one namespace
  qd --context prod -A deploy
  qd get pods --filter 'restarts>3 age<1h' -o json`,
		Args: words(0, 1, ""), SilenceUsage: true, SilenceErrors: true,
		ValidArgsFunction: c.completeKind,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return c.printVersion()
			}
			view := ""
			if len(args) == 1 {
				view = args[0]
			}
			return c.run(cmd.Context(), view)
		},
	}
	// cobra's own flag prints by a template. With text/template the linker keeps
	// every exported method of every type, which is a third of the program.
	root.Flags().BoolVarP(&version, "version", "v", false, "print the version")
	root.SetOut(c.streams.Out)
	root.SetErr(c.streams.Err)
	flags := root.PersistentFlags()
	c.flags.AddFlags(flags)
	flags.BoolVarP(&c.allNamespaces, "all-namespaces", "A", false, "look at all namespaces")
	flags.BoolVar(&c.readonly, "readonly", false, "refuse every change of the cluster")
	flags.StringVar(&c.configPath, "config", "", "configuration file (default "+configPlace(c.env)+")")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	})
	c.completeFlags(root)
	root.AddCommand(c.triage(), c.get(), c.logs(), c.rollout(), c.headroom(), c.trace(), c.changes(), c.config(), c.versionCommand())
	checkCompletion(root)
	return root
}

// words checks that a command is given at least low and at most high words;
// need is what is missing if there are too few.
func words(low, high int, need string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < low {
			return fmt.Errorf("%s needs %s: type %s", cmd.CommandPath(), need, usage(cmd))
		}
		if len(args) <= high {
			return nil
		}
		extra := args[high:]
		many := "is one word"
		if len(extra) > 1 {
			many = fmt.Sprintf("are %d words", len(extra))
		}
		hint := ""
		if !cmd.HasParent() {
			hint = ", with -n NAMESPACE for a namespace"
		}
		return fmt.Errorf("%q %s too many: type %s%s", strings.Join(extra, " "), many, usage(cmd), hint)
	}
}

// usage returns how a command is typed.
func usage(cmd *cobra.Command) string {
	if cmd.HasParent() {
		return cmd.Parent().CommandPath() + " " + cmd.Use
	}
	return cmd.Use
}

// checkCompletion makes cobra's own command for completions, and has it answer a
// wrong number of words as the others do.
func checkCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	all, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	var shells []string
	for _, shell := range all.Commands() {
		shell.Args = words(0, 0, "")
		shells = append(shells, shell.Name())
	}
	slices.Sort(shells)
	all.Args = cobra.ArbitraryArgs
	all.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return fmt.Errorf("there is no completion for %q: type %s %s", args[0], cmd.CommandPath(), strings.Join(shells, "|"))
	}
}

func configPlace(env []string) string {
	if path := config.DefaultPath(env); path != "" {
		return path
	}
	return "none: HOME is not set"
}

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: words(0, 0, ""),
		RunE: func(*cobra.Command, []string) error { return c.printVersion() },
	}
}

func (c *command) printVersion() error {
	_, err := fmt.Fprintln(c.streams.Out, "qd "+c.version)
	return err
}

// settings are the configuration and what was made of it.
type settings struct {
	config.Config
	origins  config.Origins
	problems []string // what of it could not be used
	keys     keymap.Map
	theme    *theme.Theme
	journal  *journal.Journal
}

func (c *command) settings() (*settings, error) {
	flags := map[string]string{}
	if c.readonly {
		flags["readonly"] = "true"
	}
	keys := keymap.Default()
	cfg, origins, problems, err := config.Load(config.Options{
		Path: c.configPath, Env: c.env, Flags: flags,
		ValidateKeys: func(overrides map[string][]string) []config.KeyProblem {
			_, wrong := keys.With(overrides)
			out := make([]config.KeyProblem, len(wrong))
			for i, p := range wrong {
				out[i] = config.KeyProblem{Action: p.Action, Reason: p.Reason}
			}
			return out
		},
	})
	if err != nil {
		return nil, err
	}
	s := &settings{Config: cfg, origins: origins}
	for _, p := range problems {
		s.problems = append(s.problems, p.String())
	}
	s.keys, _ = keys.With(cfg.Keys)
	if s.theme, err = theme.New(cfg.UI.Colors, theme.Options{ASCII: cfg.UI.ASCII}); err != nil {
		return nil, fmt.Errorf("theme %q: %w", cfg.UI.Theme, err)
	}
	s.journal = journal.New(journal.Options{Path: s.journalPath(c.env), Now: now})
	return s, nil
}

// journalPath is where the journal is written to, "" if nowhere.
func (s *settings) journalPath(env []string) string {
	if !s.Journal.File {
		return ""
	}
	dir, err := config.StateDir(env)
	if err != nil {
		s.problems = append(s.problems, "the journal is not written to a file: "+err.Error())
		return ""
	}
	return filepath.Join(dir, "journal.jsonl")
}

// program returns what all screens share.
func (c *command) program(s *settings, interactive bool) *views.Program {
	return &views.Program{
		Theme: s.theme, Keys: s.keys, Now: now, Journal: s.journal, Forwards: forward.New(), Lent: &c.lent,
		Connector: &kube.Connector{
			Flags: c.flags, Interactive: interactive, UserAgent: "quarterdeck/" + c.version,
			Store: store.Options{PageSize: int64(s.Connection.PageSize), Linger: s.Connection.Linger},
			Guard: s.guard,
		},
		Settings: views.Settings{
			Home: s.DefaultView, Wide: s.UI.Wide, Detail: detailOf(s.UI.Detail), Metrics: s.Metrics.Enabled, MetricsInterval: s.Metrics.Interval, Triage: interactive && s.Triage.Always,
			Refresh: refresh(c.env), Context: s.contextStyle, Editor: editor(c.env), Pager: pager(c.env),
			Logs: views.LogSettings{Bytes: int(s.Logs.Buffer), Span: logs.Span{Tail: int64(s.Logs.Tail), Since: s.Logs.Since}},
			Headroom: views.HeadroomSettings{
				PoolLabels: s.Headroom.PoolLabels, MinHistory: s.Headroom.History, Prometheus: s.Headroom.Prometheus, Window: s.Headroom.Window,
			},
		},
	}
}

// guard returns the guard of a context, with the rules and the read-only mode
// that the configuration wants there.
func (s *settings) guard(context string) *guard.Guard {
	g := &guard.Guard{}
	rules := make([]guard.Rule, len(s.Rules))
	for i, r := range s.Rules {
		rules[i] = guard.Rule{
			Contexts: r.Contexts, Namespaces: r.Namespaces, Kinds: r.Kinds, Verbs: r.Verbs,
			Deny: r.Effect == config.EffectDeny, Max: r.Max, Reason: r.Reason,
		}
		switch r.Effect {
		case config.EffectConfirm:
			rules[i].Level = guard.Confirmed
		case config.EffectTypeName:
			rules[i].Level = guard.Typed
		}
	}
	if s.For(context).Protected {
		rules = append(rules, guard.Rule{Verbs: []string{"delete", "deletecollection"}, Level: guard.Typed, Reason: "context " + context + " is protected"})
	}
	g.SetRules(context, rules)
	g.Observe(func(w guard.Write) { s.journal.Sent(context, w) })
	if s.For(context).ReadOnly {
		g.Refuse("--readonly or the configuration says so")
	}
	return g
}

func (s *settings) contextStyle(name string) views.ContextStyle {
	c := s.For(name)
	style := views.ContextStyle{Tone: theme.ContextTone(name), Protected: c.Protected, Namespace: c.Namespace}
	if i := slices.Index(theme.Names(), c.Color); i >= 0 {
		style.Tone = theme.Tone(i)
	}
	return style
}

func detailOf(d config.Detail) views.Detail {
	switch d {
	case config.DetailOn:
		return views.DetailOn
	case config.DetailOff:
		return views.DetailOff
	}
	return views.DetailAuto
}

// overSSH reports whether the terminal is at the far end of an SSH connection.
func overSSH(env []string) bool {
	for _, e := range env {
		if strings.HasPrefix(e, "SSH_TTY=") || strings.HasPrefix(e, "SSH_CONNECTION=") {
			return true
		}
	}
	return false
}
