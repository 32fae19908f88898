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
	s, err := c.settings()
	if err != nil {
		return err
	}
	program := c.program(s, true)
	defer program.Close()
	client, err := program.Connect(deref(c.flags.Context))
	if err != nil {
		return err
	}
	session := program.Session(client, "", c.allNamespaces)
	if session.Namespace == "" && !c.allNamespaces {
		session = session.In(session.Fallback)
	}
	selection, err := selectLogs(ctx, session, name, f)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(c.streams.Out)
	p := logPrinter{out: out, flags: f, query: query}
	var log *logs.Log
	ready := make(chan struct{})
	log = logs.Open(client, logs.Options{
		Selections: []logs.Selection{selection}, Follow: f.follow, Previous: f.previous,
		Span: logs.Span{Tail: f.tail, Since: f.since}, Bytes: 1 << 20, // what is printed need not be kept
		Each: func(l logs.Line) {
			<-ready
			p.print(&l)
		},
	})
	p.from = log.Source
	close(ready)
	select {
	case <-log.Ended():
	case <-ctx.Done():
	}
	log.Close()
	if err := errors.Join(p.err, out.Flush()); err != nil {
		return fmt.Errorf("write logs: %w", err)
	}
	st := log.Status()
	switch {
	case st.Err != nil:
		return fmt.Errorf("not all logs were read: %s", views.Cause(st.Err))
	case st.Pods.Err != nil:
		return fmt.Errorf("the pods could not be listed: %s", views.Cause(st.Pods.Err))
	case st.Sources == 0 && ctx.Err() == nil:
		return fmt.Errorf("no container of %s has a log", cmpName(name, f.selector))
	}
	return nil
}

func cmpName(name, selector string) string {
	if name != "" {
		return name
	}
	return "-l " + selector
}

// selectLogs returns the pods that are named.
func selectLogs(ctx context.Context, s *views.Session, name string, f *logsFlags) (logs.Selection, error) {
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
	if !n.Namespaced {
		ref.Namespace = ""
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
	out   *bufio.Writer
	flags *logsFlags
	query *logs.Query
	from  func(logs.SourceID) logs.Source
	err   error // the first of writing
}

// jsonLine is a line of -o json.
type jsonLine struct {
	Time      string `json:"time"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	Level     string `json:"level,omitempty"`
	Marker    bool   `json:"marker,omitempty"` // said about the log, not in it
	Text      string `json:"text"`
}

func (p *logPrinter) print(l *logs.Line) {
	marker := l.Flags&logs.Marker != 0
	if !marker && !p.query.Empty() && !p.query.Match(l, p.from) {
		return
	}
	source, at, text := p.from(l.Source), time.Unix(0, l.Time).UTC().Format(time.RFC3339Nano), l.Text()
	var err error
	if p.flags.output == "json" {
		line := jsonLine{Time: at, Namespace: source.Namespace, Pod: source.Pod, Container: source.Container, Level: l.Level.String(), Marker: marker, Text: text}
		err = json.NewEncoder(p.out).Encode(line)
	} else {
		if marker {
			text = "── " + text + " ──"
		}
		if p.flags.timestamps {
			text = at + " " + text
		}
		_, err = p.out.WriteString(source.Pod + "/" + source.Container + " " + text + "\n")
	}
	if p.flags.follow && err == nil {
		err = p.out.Flush() // somebody waits for it
	}
	if p.err == nil {
		p.err = err
	}
}
