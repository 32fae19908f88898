package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/sizing"
	"quarterdeck/kube/sanitize"
)

func (c *command) headroomSizes() *cobra.Command {
	var output string
	var commands bool
	cmd := &cobra.Command{
		Use:   "sizes",
		Short: "Compare what containers ask for with what they use",
		Long: `Compares what the containers of a namespace, or of all with -A, ask for with what they
use, and proposes other requests where the use is known for long enough: by
VerticalPodAutoscalers, or by the server with the API of Prometheus that the
configuration names (headroom.prometheus). What qd itself sees of use it sees while it
runs: that is in the view, not here.

What could be saved comes first, then what may go wrong. The exit code is 0 if all was
read, and 1 if not.`,
		Example: `  qd headroom sizes -n payments
  qd headroom sizes -A --commands`,
		Args: words(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withRoom(cmd.Context(), func(ctx context.Context, r *room) error { return r.sizes(ctx, output, commands) })
		},
	}
	cmd.Flags().BoolVar(&commands, "commands", false, "print the lines of kubectl that make the proposals, and nothing else")
	format(cmd, &output, "table", "json", "yaml")
	return cmd
}

// sizesJSON is what `qd headroom sizes -o json` prints.
type sizesJSON struct {
	Containers []sizing.Sizing `json:"containers"` // the most waste first
	Sources    []string        `json:"sources"`    // that were asked
	NotRead    []string        `json:"notRead"`
}

func (r *room) sizes(ctx context.Context, output string, commands bool) error {
	ledger, err := r.read(ctx, false)
	if err != nil {
		return err
	}
	known, out := r.useOf(ctx, ledger)
	whole := ledger.Summary()
	opts := sizing.Options{MinHistory: r.Settings.Headroom.MinHistory}
	if whole.Allocatable != nil {
		opts.Whole = whole.Allocatable.Resources
	}
	if opts.Autoscaled, err = r.autoscaled(ctx); err != nil {
		out.NotRead = append(out.NotRead, sanitize.Line(r.Explain(err, "list horizontalpodautoscalers", r.Namespace)))
	}
	all := sizing.Size(ledger.AllPods(), func(k sizing.Key) []sizing.Use { return known[k] }, opts)
	out.Containers = slices.DeleteFunc(all, func(s sizing.Sizing) bool { return !r.shows(headroom.ByWorkload, s.Namespace, s.Name) })
	if !ledger.KnowsPods(r.Namespace) {
		out.NotRead = append(out.NotRead, ledger.NotRead()...)
	}
	switch {
	case commands:
		err = r.printCommands(out.Containers)
	case output == "table":
		err = r.printSizes(&out)
	default:
		err = encode(r.out, output, out)
	}
	if err == nil && len(out.NotRead) > 0 {
		return errors.New("this is not all, not read: " + strings.Join(out.NotRead, "; "))
	}
	return err
}

// autoscaled returns the workloads that are scaled by their use.
func (r *room) autoscaled(ctx context.Context) (map[headroom.Workload]bool, error) {
	client, err := r.Client.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.Client.Call(ctx)
	defer cancel()
	return sizing.ReadAutoscaled(ctx, client, r.Namespace)
}

// askedAtOnce is how many workloads Prometheus is asked about at the same time.
const askedAtOnce = 8

// useOf returns the use that is known of containers, and who was asked.
func (r *room) useOf(ctx context.Context, l *headroom.Ledger) (map[sizing.Key][]sizing.Use, sizesJSON) {
	known := map[sizing.Key][]sizing.Use{}
	out := sizesJSON{Containers: []sizing.Sizing{}, Sources: []string{}, NotRead: []string{}}
	now := r.Now()
	client, err := r.Client.REST(schema.GroupVersion{Version: "v1"})
	if err == nil && r.servesAutoscalers() {
		var found sizing.Recommendations
		callCtx, cancel := r.Client.Call(ctx)
		found, err = sizing.ReadRecommendations(callCtx, client, r.Namespace, now)
		cancel()
		if found != nil {
			out.Sources = append(out.Sources, string(sizing.VPA))
		}
		for k, use := range found {
			known[k] = append(known[k], use)
		}
	}
	if err != nil {
		out.NotRead = append(out.NotRead, sanitize.Line(r.Explain(err, "list verticalpodautoscalers", r.Namespace)))
	}
	s := r.Settings.Headroom
	if s.Prometheus == "" {
		return known, out
	}
	endpoint, err := sizing.NewEndpoint(s.Prometheus, &http.Client{Timeout: 30 * time.Second})
	if err != nil {
		out.NotRead = append(out.NotRead, sanitize.Line(err.Error()))
		return known, out
	}
	out.Sources = append(out.Sources, string(sizing.Prometheus))
	var mu sync.Mutex // guards known and failed
	var failed error
	var group sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for w := range r.workloads(l) {
		group.Go(func() {
			defer utilruntime.HandleCrash()
			slots <- struct{}{}
			defer func() { <-slots }()
			mu.Lock()
			stop := failed != nil
			mu.Unlock()
			if stop {
				return // one reason is enough
			}
			uses, err := endpoint.Use(ctx, w, s.Window, now)
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			for container, use := range uses {
				k := sizing.Key{Workload: w, Container: container}
				known[k] = append(known[k], use)
			}
		})
	}
	group.Wait()
	if failed != nil {
		out.NotRead = append(out.NotRead, sanitize.Line(failed.Error()))
	}
	return known, out
}

// servesAutoscalers reports whether the cluster has VerticalPodAutoscalers. What
// discovery does not tell of is not there for anybody.
func (r *room) servesAutoscalers() bool {
	for _, fresh := range []bool{false, true} { // they may be newer than the cache
		kinds, _ := r.Client.Kinds(fresh)
		if slices.ContainsFunc(kinds, func(k metav1.APIResource) bool { return k.Name == "verticalpodautoscalers" }) {
			return true
		}
	}
	return false
}

// workloads returns those that have pods on nodes and are shown.
func (r *room) workloads(l *headroom.Ledger) map[headroom.Workload]bool {
	found := map[headroom.Workload]bool{}
	for p := range l.AllPods() {
		if p.Node != "" && !p.Terminal() && r.shows(headroom.ByWorkload, p.Namespace, "") {
			found[headroom.WorkloadOf(p)] = true
		}
	}
	return found
}

func (r *room) printCommands(all []sizing.Sizing) error {
	for i := range all {
		if line := all[i].Command(r.Client.Context); line != "" {
			if _, err := fmt.Fprintln(r.out, sanitize.Line(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *room) printSizes(out *sizesJSON) error {
	saved := slices.DeleteFunc(slices.Clone(out.Containers), func(s sizing.Sizing) bool { return s.Waste.CPU == 0 && s.Waste.Memory == 0 })
	proposed := slices.ContainsFunc(out.Containers, func(s sizing.Sizing) bool { return s.Proposed != nil })
	for _, section := range []struct {
		title string
		rows  []sizing.Sizing
		last  string
		words func(*sizing.Sizing) string
	}{
		{"asks for more than it uses", saved, "WASTE", func(s *sizing.Sizing) string { return resourceWords(s.Waste) }},
		{"may go wrong", sizing.ByRisk(out.Containers), "RISK", riskWords},
	} {
		if len(section.rows) == 0 {
			continue
		}
		t := table{columns: []column{
			{title: "CONTAINER", shrinks: true},
			{title: "PODS", right: true},
			{title: "CPU REQ", right: true},
			{title: "PROPOSED", right: true},
			{title: "MEM REQ", right: true},
			{title: "PROPOSED", right: true},
			{title: section.last},
		}}
		for i := range section.rows {
			s := &section.rows[i]
			name := s.String() + " " + s.Container
			if r.Namespace == "" {
				name = s.Namespace + " " + name
			}
			cpu, mem := "", ""
			if s.Proposed != nil {
				cpu, mem = cores(s.Proposed.CPU), field.Size(s.Proposed.Memory)
			}
			t.add(sanitize.Line(name), strconv.Itoa(s.Pods), cores(s.Requests.CPU), cpu, field.Size(s.Requests.Memory), mem, sanitize.Line(section.words(s)))
		}
		if _, err := fmt.Fprintln(r.out, section.title); err != nil {
			return err
		}
		if err := t.print(r.out, r.command.width()); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(r.out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(r.out, fold(r.sourceWords(out, proposed), 0, r.command.width()))
	return err
}

// sourceWords says who knows of the use.
func (r *room) sourceWords(out *sizesJSON, proposed bool) string {
	least := r.Settings.Headroom.MinHistory
	switch {
	case len(out.Sources) == 0:
		return "Nobody knows of the use of before: there are no VerticalPodAutoscalers, and headroom.prometheus names no server. What qd sees itself while it runs is in its view, with T in Headroom."
	case !proposed:
		return fmt.Sprintf("Asked: %s. No use is known for %s, so nothing is proposed.", strings.Join(out.Sources, ", "), least)
	}
	return fmt.Sprintf("By %s, where the use is known for %s. --commands prints what makes the proposals.", strings.Join(out.Sources, ", "), least)
}

// riskWords says what may go wrong, the worst of it.
func riskWords(s *sizing.Sizing) string {
	words := s.Risks[0].Text
	if n := len(s.Risks); n > 1 {
		words += fmt.Sprintf(" (and %d more)", n-1)
	}
	return words
}
