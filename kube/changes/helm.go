package changes

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Release is what Helm's record of a release says of it, but for its values and
// manifests, which are never looked at. Its texts are safe to show.
type Release struct {
	Name, Status, Description string
	Revision                  int
	Chart, Version, App       string // the chart, its version, that of what it installs
	Deployed                  time.Time
}

// String says what was released.
func (r Release) String() string {
	words := "chart " + r.Chart + " " + r.Version
	if r.App != "" {
		words += " (app " + r.App + ")"
	}
	return words + ", " + r.Status
}

// mostPayload is how many bytes of a record are unpacked.
const mostPayload = 32 << 20

// ReadRelease reads the record that Helm keeps of a release in a Secret or a
// ConfigMap.
func ReadRelease(ctx context.Context, hub *store.Hub, record kube.Ref) (Release, error) {
	client, err := hub.Client(record.GVR.GroupVersion())
	if err != nil {
		return Release{}, err
	}
	body, err := client.Get().Namespace(record.Namespace).Resource(record.GVR.Resource).Name(record.Name).
		VersionedParams(&metav1.GetOptions{}, metav1.ParameterCodec).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return Release{}, fmt.Errorf("get %s in %q: %w", record, record.Namespace, err)
	}
	r, err := decodeRecord(record.GVR.Resource, body)
	if err != nil {
		return Release{}, fmt.Errorf("%s in %q is no record of a release: %w", record, record.Namespace, err)
	}
	return r, nil
}

// decodeRecord reads a Secret or ConfigMap in JSON. A Secret has its values in
// base64; within is base64 again, then gzip, then JSON
// (https://helm.sh/docs/topics/advanced/#storage-backends).
func decodeRecord(resource string, body []byte) (Release, error) {
	var object struct {
		Data struct {
			Release string `json:"release"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return Release{}, err
	}
	packed := []byte(object.Data.Release)
	rounds := 1
	if resource == "secrets" {
		rounds = 2
	}
	for range rounds {
		plain, err := base64.StdEncoding.DecodeString(string(packed))
		if err != nil {
			return Release{}, err
		}
		packed = plain
	}
	return decodeRelease(packed)
}

// decodeRelease reads what Helm packed, which old versions did not compress.
func decodeRelease(packed []byte) (Release, error) {
	var plain io.Reader = bytes.NewReader(packed)
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(plain)
		if err != nil {
			return Release{}, err
		}
		plain = io.LimitReader(unzipped, mostPayload)
	}
	var record struct {
		Name    string `json:"name"`
		Version int    `json:"version"`
		Info    struct {
			Deployed    time.Time `json:"last_deployed"`
			Status      string    `json:"status"`
			Description string    `json:"description"`
		} `json:"info"`
		Chart struct {
			Metadata struct {
				Name       string `json:"name"`
				Version    string `json:"version"`
				AppVersion string `json:"appVersion"`
			} `json:"metadata"`
		} `json:"chart"`
	}
	if err := json.NewDecoder(plain).Decode(&record); err != nil {
		return Release{}, err
	}
	chart := record.Chart.Metadata
	return Release{
		Name: sanitize.Line(record.Name), Status: sanitize.Line(record.Info.Status), Revision: record.Version,
		Description: strings.TrimSpace(sanitize.Line(record.Info.Description)), Deployed: record.Info.Deployed,
		Chart: sanitize.Line(chart.Name), Version: sanitize.Line(chart.Version), App: sanitize.Line(chart.AppVersion),
	}, nil
}

// Charts returns entries with the charts of the releases among them, the newest of
// which are read: most at most. What was not read is named.
func Charts(ctx context.Context, hub *store.Hub, entries []*Entry, most int) (with []*Entry, notRead []NotRead) {
	for _, e := range entries {
		if e.Source == FromHelm && most > 0 {
			most--
			r, err := ReadRelease(ctx, hub, e.On)
			switch {
			case err == nil:
				n := *e
				n.Note += ", " + r.String()
				e = &n
			case len(notRead) == 0:
				notRead = append(notRead, NotRead{Resource: "charts of Helm releases", Status: store.Status{Phase: store.Failed, Err: err}})
			}
		}
		with = append(with, e)
	}
	return with, notRead
}
