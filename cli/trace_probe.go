package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube/network"
	"quarterdeck/kube/network/probe"
	"quarterdeck/ui/theme"
	"quarterdeck/views"
)

// probed is a probe that was asked for: its answer, or why there is none.
type probed struct {
	answer *probe.Answer
	not    string // why it was not made, "" if it was
}

// probe asks what each way leads to, once: ways that ask for the same share the
// answer. There is a probed for each trace.
func (t *tracing) probe(ctx context.Context, w *network.Ways) []*probed {
	list, known := make([]*probed, len(w.Traces)), map[probe.Question]*probed{}
	for i, trace := range w.Traces {
		q, ok := probe.Of(&trace.Route)
		if list[i] = known[q]; list[i] != nil {
			continue
		}
		p := &probed{not: "it leads to no service that is known"}
		if ok {
			p = t.probeOnce(ctx, q)
		}
		list[i], known[q] = p, p
	}
	return list
}

func (t *tracing) probeOnce(ctx context.Context, q probe.Question) *probed {
	a, err := probe.Ask(ctx, t.Client, q)
	switch {
	case apierrors.IsForbidden(err):
		return &probed{not: t.Explain(err, "forward a port of "+q.Ref.String(), q.Ref.Namespace)}
	case err != nil:
		return &probed{not: views.Cause(err)}
	}
	return &probed{answer: a}
}

// probesVerdict returns how the program ends, after what the ways themselves say.
func probesVerdict(probes []*probed, err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return err
	}
	unmade := false
	for _, p := range probes {
		if p.answer != nil && !p.answer.OK {
			return &exitError{code: exitFailed}
		}
		unmade = unmade || p.answer == nil
	}
	if err == nil && unmade {
		return errSilent
	}
	return err
}

// writeProbe writes what came of a probe.
func (t *tracing) writeProbe(b *strings.Builder, p *probed, now time.Time, width int) {
	a := p.answer
	if a == nil {
		b.WriteString("probe    " + t.Theme.Render(theme.Warn, "not made") + ": " + fold(p.not, 9, width) + "\n")
		return
	}
	words := a.String() + ", " + a.Times()
	if a.Certificate != nil {
		words += "; its certificate is " + a.Certificate.Words(now)
	}
	b.WriteString("probe    " + fold(words, 9, width) + "\n")
}

// writeLimits says what the probes that were made do not prove.
func writeLimits(b *strings.Builder, probes []*probed, width int) {
	if slices.ContainsFunc(probes, func(p *probed) bool { return p.answer != nil }) {
		b.WriteString("\nof the probes: " + fold(probe.Limits, 15, width) + "\n")
	}
}

// probedDocument is ways in with their probes.
type probedDocument struct {
	network.Document
	Routes []probedRoute `json:"routes"` // instead of those of Document
}

type probedRoute struct {
	network.RouteDocument
	Probe probeDocument `json:"probe"`
}

// probeDocument is a probe in json and yaml. Times are in milliseconds.
type probeDocument struct {
	Made        bool                 `json:"made"`
	NotMade     string               `json:"notMade,omitempty"`
	OK          *bool                `json:"ok"` // null if it was not made
	Answer      string               `json:"answer,omitempty"`
	Scheme      string               `json:"scheme,omitempty"`
	Status      int                  `json:"status,omitempty"`
	Pod         string               `json:"pod,omitempty"`
	Port        int                  `json:"port,omitempty"`
	ReachedMS   float64              `json:"reachedMs,omitempty"`
	FirstByteMS float64              `json:"firstByteMs,omitempty"`
	Certificate *certificateDocument `json:"certificate,omitempty"`
	NotTried    string               `json:"notTried,omitempty"`
}

type certificateDocument struct {
	Names   []string  `json:"names"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
	Fits    bool      `json:"fits"`
}

func newProbedDocument(w *network.Ways, probes []*probed, now time.Time) *probedDocument {
	out := &probedDocument{Document: network.NewDocument(w, now), Routes: []probedRoute{}}
	for i, r := range out.Document.Routes {
		out.Routes = append(out.Routes, probedRoute{RouteDocument: r, Probe: newProbeDocument(probes[i])})
	}
	return out
}

func newProbeDocument(p *probed) probeDocument {
	a := p.answer
	if a == nil {
		return probeDocument{NotMade: p.not}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	out := probeDocument{
		Made: true, OK: &a.OK, Answer: a.Words, Scheme: string(a.Scheme), Status: a.Status, Pod: a.Pod, Port: a.Port,
		ReachedMS: ms(a.Connect), FirstByteMS: ms(a.FirstByte), NotTried: probe.Limits,
	}
	if c := a.Certificate; c != nil {
		out.Certificate = &certificateDocument{Names: c.Names, Issuer: c.Issuer, Expires: c.Expires, Fits: c.Fits}
	}
	return out
}
