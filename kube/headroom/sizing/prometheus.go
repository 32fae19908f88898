package sizing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
)

// Endpoint asks a server that speaks the HTTP API of Prometheus and has the
// container metrics of the kubelets. It is safe for concurrent use.
type Endpoint struct {
	base   *url.URL
	client *http.Client
}

const (
	endpointStep = 5 * time.Minute
	// longestWindow keeps a query below the 11,000 points that Prometheus allows.
	longestWindow = 30 * 24 * time.Hour
	answerLimit   = 64 << 20 // bytes
)

// NewEndpoint returns the endpoint at address, as in http://prometheus:9090; a
// path goes before that of the API, a user and password to the server.
func NewEndpoint(address string, client *http.Client) (*Endpoint, error) {
	base, err := url.Parse(address)
	if err == nil && (base.Scheme != "http" && base.Scheme != "https" || base.Host == "") {
		err = errors.New("it has to begin with http:// or https:// and a host")
	}
	if err != nil {
		return nil, fmt.Errorf("address of Prometheus %q: %w", address, err)
	}
	return &Endpoint{base: base, client: client}, nil
}

// Use returns the use of the containers of a workload over the time window that
// ends now, by their names. Of many pods it follows the one that uses most at a
// time; pods that are gone are found by the names that the workload gives.
func (e *Endpoint) Use(ctx context.Context, w headroom.Workload, window time.Duration, now time.Time) (map[string]Use, error) {
	window = min(window, longestWindow)
	pods := fmt.Sprintf(`namespace=%s,pod=~%s,container!="",container!="POD"`, strconv.Quote(w.Namespace), strconv.Quote(podNames(w)))
	cpu, err := e.series(ctx, `max by (container) (rate(container_cpu_usage_seconds_total{`+pods+`}[5m])) * 1000`, window, now)
	if err != nil {
		return nil, fmt.Errorf("read CPU use of %s in %s: %w", w, w.Namespace, err)
	}
	memory, err := e.series(ctx, `max by (container) (container_memory_working_set_bytes{`+pods+`})`, window, now)
	if err != nil {
		return nil, fmt.Errorf("read memory use of %s in %s: %w", w, w.Namespace, err)
	}
	out := map[string]Use{}
	for container, c := range cpu {
		m := memory[container]
		if len(m) == 0 {
			continue // half of it is nothing to go by
		}
		samples := min(len(c), len(m))
		out[container] = Use{
			Source: Prometheus, Samples: samples, Span: time.Duration(samples) * endpointStep,
			P95: object.Resources{CPU: nearest(c, p95), Memory: nearest(m, p95)},
			Max: object.Resources{CPU: c[len(c)-1], Memory: m[len(m)-1]},
		}
	}
	return out, nil
}

// podNames returns a regular expression for the names of a workload's pods, those
// of replica sets and jobs of before included.
func podNames(w headroom.Workload) string {
	name := regexp.QuoteMeta(w.Name)
	const suffix = "-[a-z0-9]{5}" // that the server gives to names it makes up
	switch w.Kind {
	case "Pod":
		return name
	case "StatefulSet":
		return name + "-[0-9]+"
	case "Deployment", "Rollout", "CronJob": // by way of replica sets or jobs
		return name + "-[a-z0-9]+" + suffix
	}
	return name + suffix
}

// nearest returns the quantile q of ordered numbers.
func nearest(ordered []int64, q float64) int64 {
	return ordered[max(0, int(math.Ceil(q*float64(len(ordered))))-1)]
}

// series asks for the numbers of a query and returns them by container, ordered
// by size.
func (e *Endpoint) series(ctx context.Context, query string, window time.Duration, now time.Time) (map[string][]int64, error) {
	at := e.base.JoinPath("api", "v1", "query_range")
	at.RawQuery = url.Values{
		"query": {query}, "step": {strconv.Itoa(int(endpointStep.Seconds()))},
		"start": {strconv.FormatInt(now.Add(-window).Unix(), 10)}, "end": {strconv.FormatInt(now.Unix(), 10)},
	}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Type   string `json:"resultType"`
			Result []struct {
				Metric struct {
					Container string `json:"container"`
				} `json:"metric"`
				Values []point `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&answer)
	switch {
	case err == nil && answer.Status == "error":
		return nil, fmt.Errorf("the server says: %s", sanitize.Line(answer.Error))
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answered %s", sanitize.Line(resp.Status))
	case err != nil:
		return nil, fmt.Errorf("the server's answer is not that of Prometheus: %w", err)
	case answer.Status != "success" || answer.Data.Type != "matrix":
		return nil, fmt.Errorf("the server's answer is not that of Prometheus: %q of type %q", sanitize.Line(answer.Status), sanitize.Line(answer.Data.Type))
	}
	out := map[string][]int64{}
	for _, series := range answer.Data.Result {
		for _, p := range series.Values {
			if v := float64(p); v >= 0 && v < math.MaxInt64/2 { // no NaN, no infinity
				container := sanitize.Line(series.Metric.Container)
				out[container] = append(out[container], int64(math.Ceil(v)))
			}
		}
	}
	for _, values := range out {
		slices.Sort(values)
	}
	return out, nil
}

// point is the value of [time, "value"].
type point float64

// UnmarshalJSON reads a point.
func (p *point) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	*p = point(v)
	return err
}
