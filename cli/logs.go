package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/store"
	"quarterdeck/views"
)

// logsFlags are what `qd logs` can be told.
type logsFlags struct {
	selector, container, filter, output string
	follow, previous, timestamps        bool
	since                               time.Duration
	tail                                int64
}

// logs prints the logs of many pods on one time line, without the terminal UI.
func (c *command) logs() *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs [POD | KIND/NAME]",
		Short: "Print the logs of pods, workloads, services, nodes or namespaces on one time line",
		Long: `Prints the logs of all containers of what is named, merged by the server's
timestamps. With -f it follows: containers that start, crash, restart or go join
and leave by themselves, and a connection that is lost is taken up again where
it ended, without a gap or a line twice.

The filter takes what / takes in the log view: text, /regex/, !not, and fields:
level>=warn status>=500 path~^/api.`,
		Example: `  qd logs deploy/checkout -n payments -f
  qd logs -l app=web --since 10m --filter 'level>=warn'
  qd logs web-0 -c app --previous -o json`,
		Args: words(0, 1, "a POD or KIND/NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return c.printLogs(cmd.Context(), name, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.selector, "selector", "l", "", "label selector, as kubectl takes it")
	flags.StringVarP(&f.container, "container", "c", "", "only this container; otherwise all")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what comes")
	flags.BoolVarP(&f.previous, "previous", "p", false, "what containers wrote before their last restart")
	flags.BoolVar(&f.timestamps, "timestamps", false, "put the server's time before each line")
	flags.DurationVar(&f.since, "since", 0, "only lines that are not older, as in 10m")
	flags.Int64Var(&f.tail, "tail", -1, "so many lines of each container at first; -1 for all")
	flags.StringVar(&f.filter, "filter", "", "only lines that match, as / takes it in the log view")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check says what is wrong with the flags.
func (f *logsFlags) check(name string) (*logs.Query, error) {
	if !slices.Contains([]string{"text", "json"}, f.output) {
		return nil, fmt.Errorf("-o %q is not a format: use text or json", f.output)
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return nil, fmt.Errorf("-l %q is not a label selector, as in app=web,tier!=cache: %w", f.selector, err)
	}
	switch {
	case name == "" && f.selector == "":
		return nil, errors.New("whose logs? Name a pod or KIND/NAME, or select pods with -l")
	case name != "" && f.selector != "":
		return nil, fmt.Errorf("either %s or -l, not both", name)
	case f.since < 0:
		return nil, fmt.Errorf("--since %s is in the future: use an age such as 10m", f.since)
	case f.follow && f.previous:
		return nil, errors.New("--previous has ended, so there is nothing to follow: leave -f out")
	}
	query, err := logs.ParseQuery(f.filter)
	if err != nil {
		return nil, fmt.Errorf("--filter: %w", err)
	}
	return query, nil
}

func (c *command) printLogs(ctx context.Context, name string, f *logsFlags) error {
	query, err := f.check(name)
	if err != nil {
		return err
	}
	session, done, err := c.printing()
	if err != nil {
		return err
	}
	defer done()
	selection, err := c.selectLogs(ctx, session, name, f)
	if err != nil {
		return err
	}
	p := logPrinter{out: bufio.NewWriter(c.streams.Out), tell: func(what string) { c.tell(what) }, flags: f, query: query, namespaces: selection.Namespace == ""}
	ready := make(chan struct{})
	log := logs.Open(session.Client, logs.Options{
		Selections: []logs.Selection{selection}, Follow: f.follow, Previous: f.previous,
		Span: logs.Span{Tail: f.tail, Since: f.since}, Bytes: 1 << 20, // what is printed need not be kept
		Each: func(l logs.Line) {
			<-ready
			p.print(&l)
		},
	})
	p.from = log.Source
	close(ready)
	whose := whoseLogs{name: name, flags: f, selection: selection}
	if f.follow {
		err = c.followLogs(ctx, log, whose)
	} else {
		select {
		case <-log.Ended():
		case <-ctx.Done():
		}
	}
	log.Close()
	if wrong := errors.Join(p.err, p.out.Flush()); wrong != nil {
		return fmt.Errorf("write logs: %w", wrong)
	}
	switch {
	case err != nil:
		return err
	case f.follow: // it was told to end, which it never does by itself
		return nil
	case ctx.Err() != nil:
		return errSilent // who interrupted it knows that this is not all
	}
	return c.missing(log.Status(), whose)
}

// lookAgain is how often a log that is followed is asked how it does.
const lookAgain = 100 * time.Millisecond

// followLogs waits until ctx ends. What keeps lines from being printed is told
// once; its error is why there can be none.
func (c *command) followLogs(ctx context.Context, log *logs.Log, whose whoseLogs) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	toldNone, toldRefused := false, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch st := log.Status(); {
		case st.Pods.Phase == store.Syncing:
		case st.Sources == 0 && st.Pods.Err != nil:
			return fmt.Errorf("the pods could not be listed: %s", views.Cause(st.Pods.Err))
		case st.Sources == 0 && whose.selection.Pod != "" && st.Pods.Loaded == 0:
			return errors.New(whose.none(st)) // nobody waits for a name that may be wrong
		case st.Sources == 0 && !toldNone:
			toldNone = true
			c.tell(whose.none(st) + ": waiting for some")
		case st.Refused > 0 && st.Refused == st.Sources:
			return errors.New(views.Cause(st.Err))
		case st.Refused > 0 && !toldRefused:
			toldRefused = true
			c.tell(fmt.Sprintf("the logs of %d of %d containers may not be read: %s", st.Refused, st.Sources, views.Cause(st.Err)))
		}
	}
}

// missing returns an error if not all was printed of a log that was read to its
// end, and tells what is not there yet.
func (c *command) missing(st logs.Status, whose whoseLogs) error {
	switch {
	case st.Err != nil:
		return fmt.Errorf("not all logs were read: %s", views.Cause(st.Err))
	case st.Pods.Err != nil:
		return fmt.Errorf("the pods could not be listed: %s", views.Cause(st.Pods.Err))
	case st.Sources == 0:
		return errors.New(whose.none(st))
	case st.Waiting == st.Sources:
		return fmt.Errorf("no container of %s has started yet: -f waits for them", whose)
	case st.Waiting > 0:
		c.tell(fmt.Sprintf("%d of %d containers have not started yet", st.Waiting, st.Sources))
	}
	return nil
}

// whoseLogs is what was asked for, in words.
type whoseLogs struct {
	name      string
	flags     *logsFlags
	selection logs.Selection
}

func (w whoseLogs) String() string {
	what := w.name
	if what == "" {
		what = "-l " + w.flags.selector
	}
	if w.selection.Namespace != "" {
		what += " in namespace " + w.selection.Namespace
	}
	return what
}

// none says why there is no log.
func (w whoseLogs) none(st logs.Status) string {
	switch {
	case st.Pods.Loaded == 0 && w.selection.Pod != "":
		return fmt.Sprintf("there is no pod/%s in namespace %s", w.selection.Pod, w.selection.Namespace)
	case st.Pods.Loaded == 0:
		return fmt.Sprintf("there are no pods of %s", w)
	case w.flags.previous:
		return fmt.Sprintf("no container of %s was restarted, so there are no previous logs", w)
	case w.flags.container != "":
		return fmt.Sprintf("%s has no container called %s", w, w.flags.container)
	}
	return fmt.Sprintf("no container of %s has a log", w)
}

// selectLogs returns the pods that are named.
func (c *command) selectLogs(ctx context.Context, s *views.Session, name string, f *logsFlags) (logs.Selection, error) {
	if name == "" {
		return logs.Selection{Namespace: s.Namespace, Labels: f.selector, Container: f.container}, nil
	}
	kind, object, ok := strings.Cut(name, "/")
	if !ok {
		kind, object = "pods", name
	}
	opener, err := s.Find(kind)
	if err != nil {
		return logs.Selection{}, err
	}
	n := opener.Names()
	ref := kube.Ref{GVR: n.GVR, Kind: n.Kind, Namespace: s.Namespace, Name: object}
	switch {
	case !n.Namespaced:
		ref.Namespace = ""
	case c.allNamespaces:
		return logs.Selection{}, fmt.Errorf("-A with the name %s: say with -n in which namespace it is", name)
	}
	selection, err := logs.Select(ctx, s.Client, ref)
	if err != nil {
		return logs.Selection{}, errors.New(views.Cause(err))
	}
	selection.Container = f.container
	return selection, nil
}

// logPrinter prints lines. Its print is called by one goroutine.
type logPrinter struct {
	out        *bufio.Writer
	tell       func(string)
	flags      *logsFlags
	query      *logs.Query
	from       func(logs.SourceID) logs.Source
	namespaces bool  // there may be several
	err        error // the first of writing
}

// jsonLine is a line of -o json.
type jsonLine struct {
	Time      string `json:"time"`
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Line      string `json:"line"`
}

// nanoseconds is RFC 3339 as the server writes it, so that texts sort as times.
const nanoseconds = "2006-01-02T15:04:05.000000000Z07:00"

// print prints a line. What is said about the log and is not in it stands
// between the lines, but beside them where each is an object.
func (p *logPrinter) print(l *logs.Line) {
	marker := l.Flags&logs.Marker != 0
	if p.err != nil || !marker && !p.query.Empty() && !p.query.Match(l, p.from) {
		return
	}
	source, at, text := p.from(l.Source), time.Unix(0, l.Time).UTC().Format(nanoseconds), l.Text()
	origin := source.Pod + "/" + source.Container
	if p.namespaces {
		origin = source.Namespace + "/" + origin
	}
	switch {
	case p.flags.output == "json" && marker:
		p.tell(origin + ": " + text)
		return
	case p.flags.output == "json":
		line := jsonLine{Time: at, Namespace: source.Namespace, Pod: source.Pod, Container: source.Container, Line: text}
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false) // there is no HTML, and <nil> should stay what it is
		p.err = e.Encode(line)
	default:
		if marker {
			text = "── " + text + " ──"
		}
		if p.flags.timestamps {
			text = at + " " + text
		}
		_, p.err = p.out.WriteString(origin + " " + text + "\n")
	}
	if p.flags.follow && p.err == nil {
		p.err = p.out.Flush() // somebody waits for it
	}
}
