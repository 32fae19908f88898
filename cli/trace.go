package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/nearest"
	"quarterdeck/views"
)

// trace prints who is reachable, and where it breaks.
func (c *command) trace() *cobra.Command {
	var q traceQuery
	cmd := &cobra.Command{
		Use:   "trace [KIND/NAME]",
		Short: "Print who is reachable from where, hop by hop, and where it breaks",
		Long: `Follows every way to an object, or through it, hop by hop: from the Gateway or
Ingress with its class and certificate to the Service, its EndpointSlices and
pods. The hop that breaks it is marked, with the cause, what was probably meant,
and the change that mends it, where one is known. KIND is svc, ingress, gateway,
httproute, grpcroute, tlsroute, tcproute, pod, deploy, sts or ds.

Without KIND/NAME it lists every way in, what is broken first.

With --from and --to it says whether the network policies let one end reach the
other, and which of them decides.

With --probe it also asks the service of every way once whether anybody answers,
by HTTP, HTTPS or a mere connection as its port says, through a port-forward. That
takes the right to create pods/portforward and is refused in read-only mode.

The exit code is 0 if every way leads somewhere, 2 if one is broken, idle or
doubtful, denied by a policy, or does not answer, and 1 if nobody can tell. In the
list of every way, one that leads beyond the cluster counts as leading somewhere.`,
		Example: `  qd trace svc/cart -n shop
  qd trace ingress/shop -n shop -o json
  qd trace svc/cart -n shop --probe
  qd trace pod/cart-7d9f-x2x
  qd trace -A
  qd trace --from shop/cart-7d9f-x2x --to shop/db-0:5432`,
		Args: words(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := q.check(args); err != nil {
				return err
			}
			session, done, err := c.printing()
			if err != nil {
				return err
			}
			defer done()
			if q.from != "" {
				err = (&connects{Session: session, command: c, output: q.output}).print(cmd.Context(), q.from, q.to)
			} else {
				err = (&tracing{Session: session, command: c}).print(cmd.Context(), args, q)
			}
			c.tell(session.Notices()...)
			if err != nil && cmd.Context().Err() != nil {
				return errSilent // whoever ended it knows
			}
			return err
		},
		ValidArgsFunction: c.completeTraced,
	}
	f := cmd.Flags()
	f.StringVar(&q.from, "from", "", "who asks: [NAMESPACE/]POD or an address")
	f.StringVar(&q.to, "to", "", "who is asked: [NAMESPACE/]POD:PORT or an address with a port")
	f.BoolVar(&q.probe, "probe", false, "ask each service that is led to once, through a port-forward, whether anybody answers")
	f.DurationVar(&q.timeout, "timeout", 30*time.Second, "how long to wait until everything has been read")
	format(cmd, &q.output, "table", "json", "yaml")
	return cmd
}

// traceQuery is what to print.
type traceQuery struct {
	from, to, output string
	timeout          time.Duration
	probe            bool
}

func (q *traceQuery) check(args []string) error {
	switch {
	case (q.from == "") != (q.to == ""):
		return errors.New("--from and --to belong together: name both ends, as in --from shop/web --to shop/db-0:5432")
	case q.from != "" && len(args) > 0:
		return fmt.Errorf("%s is one too many: --from and --to name both ends", sanitize.Line(args[0]))
	case q.probe && len(args) == 0:
		return errors.New("--probe asks what one object leads to: name it, as in svc/cart --probe")
	case q.timeout <= 0:
		return fmt.Errorf("--timeout %s leaves no time to read anything: give it one such as 30s", q.timeout)
	}
	return nil
}

// tracing is one look at a cluster's network.
type tracing struct {
	*views.Session
	command *command
}

// tracedKinds returns what can be traced, besides the Gateway API.
func tracedKinds() []rolledKind {
	gateway := func(resource, kind string) rolledKind {
		return rolledKind{object.GatewayAPI(resource, "v1"), kind, strings.ToLower(kind)}
	}
	return append([]rolledKind{
		{object.Services().GVR, "Service", "svc"},
		{object.Ingresses().GVR, "Ingress", "ing"},
		{object.Pods().GVR, "Pod", "po"},
		gateway("gateways", "Gateway"), gateway("httproutes", "HTTPRoute"), gateway("grpcroutes", "GRPCRoute"),
		gateway("tlsroutes", "TLSRoute"), gateway("tcproutes", "TCPRoute"),
		{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "Secret", "secret"},
	}, rolledKinds()...)
}

// target reads KIND/NAME.
func (t *tracing) target(arg string) (kube.Ref, error) {
	kind, name, ok := strings.Cut(arg, "/")
	if !ok || kind == "" || name == "" || strings.Contains(name, "/") {
		return kube.Ref{}, fmt.Errorf("%q is nothing to trace: type KIND/NAME, such as svc/web", sanitize.Line(arg))
	}
	k, ok := findAmong(tracedKinds(), kind)
	if !ok {
		var known []string
		for _, k := range tracedKinds() {
			known = append(known, k.short)
		}
		return kube.Ref{}, fmt.Errorf("ways to a %s are not traced: use %s%s", sanitize.Line(kind), either(known), nearest.Hint(kind, known))
	}
	if t.Namespace == "" {
		return kube.Ref{}, fmt.Errorf("%s is in one namespace: name it with -n instead of -A", sanitize.Line(arg))
	}
	return k.ref(t.Namespace, name), nil
}

func (t *tracing) print(ctx context.Context, args []string, q traceQuery) error {
	var of kube.Ref
	if len(args) > 0 {
		var err error
		if of, err = t.target(args[0]); err != nil {
			return err
		}
	}
	feed, loading, err := t.read(ctx, q.timeout)
	if err != nil {
		return err
	}
	defer feed.Close()
	now := t.Now()
	ways := &network.Ways{}
	switch {
	case of.Name == "":
		ways = feed.All(now)
	case !feed.Has(of):
		return t.absent(feed, of)
	default:
		ways = feed.Traces(of, now)
	}
	if len(ways.Traces) == 0 && len(ways.NotRead) > 0 {
		return t.nothing(ways)
	}
	var probes []*probed
	if q.probe {
		probes = t.probe(ctx, ways)
	}
	switch {
	case q.output != "table" && q.probe:
		err = encode(t.command.streams.Out, q.output, newProbedDocument(ways, probes, now))
	case q.output != "table":
		err = encode(t.command.streams.Out, q.output, network.NewDocument(ways, now))
	case of.Name == "":
		err = t.printWays(ways, now)
	default:
		err = t.printTraces(ways, probes, now)
	}
	return probesVerdict(probes, t.verdict(ways, loading, q.timeout, err))
}

// verdict returns how the program ends.
func (t *tracing) verdict(w *network.Ways, loading bool, timeout time.Duration, err error) error {
	switch state := w.State(); {
	case err != nil:
		return err
	case len(w.Traces) == 0 && w.Of.Name == "" && !loading:
		return nil // there is nothing that could be broken
	case state.Denies():
		return &exitError{code: exitFailed}
	case loading:
		return fmt.Errorf("not everything was read within %s, so nobody can say that nothing is broken: try again with a longer --timeout", timeout)
	case len(w.NotRead) > 0 || slices.ContainsFunc(w.Traces, func(t *network.Trace) bool { return untold(w, t) }):
		return errSilent
	}
	return nil
}

// untold reports whether nobody can tell how a way stands. One that leads beyond
// the cluster is in order in a list of all.
func untold(w *network.Ways, t *network.Trace) bool {
	return t.State == network.Unknown && (w.Of.Name != "" || len(t.NotRead) > 0)
}

// read waits until everything has been read that can be, or the time is over. The
// caller closes the feed.
func (t *tracing) read(ctx context.Context, timeout time.Duration) (feed *network.Feed, loading bool, err error) {
	served, err := t.Client.Kinds(false)
	feed = network.Open(t.Client.Stores, store.Scope{Namespace: t.Namespace}, network.Options{Served: served, Err: err})
	over := time.NewTimer(timeout)
	defer over.Stop()
	for {
		feed.Take()
		if !feed.Loading() {
			return feed, false, nil
		}
		select {
		case <-feed.Changed():
		case <-over.C:
			return feed, true, nil
		case <-ctx.Done():
			feed.Close()
			return nil, false, ctx.Err()
		}
	}
}

// absent says why an object cannot be traced: there is none, or nobody can tell.
func (t *tracing) absent(feed *network.Feed, of kube.Ref) error {
	r := network.Resource(of.GVR.Resource)
	if !feed.Knows(r) {
		if err := feed.Statuses()[r].Err; err != nil {
			return errors.New("nobody can tell: " + t.Explain(err, "list "+string(r), t.Namespace))
		}
		return fmt.Errorf("nobody can tell: %s in %s have not been read", r, sanitize.Line(t.Namespace))
	}
	return fmt.Errorf("there is no %s%s", sanitize.Line(of.Where()), nearest.Hint(of.Name, feed.Names(r, of.Namespace)))
}

// nothing says that nobody can tell anything.
func (t *tracing) nothing(w *network.Ways) error {
	for _, u := range w.NotRead {
		if u.Status.Err != nil {
			return errors.New("nobody can tell: " + t.Explain(u.Status.Err, "list "+string(u.Resource), u.Namespace))
		}
	}
	return errors.New("nobody can tell: the server has answered nothing so far")
}

// completeTraced completes KIND/NAME.
func (c *command) completeTraced(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	kinds := tracedKinds()[:3]
	prefix := func(k rolledKind) string { return k.short + "/" }
	if kind, _, ok := strings.Cut(typed, "/"); ok {
		prefix = func(rolledKind) string { return kind + "/" }
		k, found := findAmong(tracedKinds(), kind)
		if !found {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		kinds = []rolledKind{k}
	}
	return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string { return workloadWords(ctx, s, kinds, prefix) })
}
