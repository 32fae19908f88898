package stream

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	exec "k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// A server that lets go of a command without a word has not said that it went
// well, unless it is too old to say so.
func TestSPDYTellsTheEnd(t *testing.T) {
	const version = "v4.channel.k8s.io"
	for _, tt := range []struct {
		name, version, told string
		lost                bool
		code                int
	}{
		{"good", version, `{"status":"Success"}`, false, 0},
		{"failed", version, `{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}`, false, 7},
		{"untold", version, "", true, 0},
		{"untold by an old server", "v3.channel.k8s.io", "", false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				made := make(chan httpstream.Stream, 3)
				w.Header().Set(httpstream.HeaderProtocolVersion, tt.version)
				c := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
					go func() {
						<-replied
						made <- s
					}()
					return nil
				})
				if c == nil {
					t.Error("no connection")
					return
				}
				streams := map[string]httpstream.Stream{}
				for range 3 {
					one := <-made
					streams[one.Headers().Get(corev1.StreamType)] = one
				}
				write := func(kind, text string) {
					if _, err := streams[kind].Write([]byte(text)); err != nil {
						t.Error(err)
					}
				}
				write(corev1.StreamTypeStdout, "said")
				if tt.told != "" {
					write(corev1.StreamTypeError, tt.told)
				}
				_ = c.Close() // the client may have been first
			}))
			defer s.Close()
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			e, err := newSPDYExecutor(&rest.Config{Host: s.URL}, u)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err = e.StreamWithContext(t.Context(), exec.StreamOptions{Stdin: strings.NewReader(""), Stdout: &out})
			<-done
			var exit utilexec.CodeExitError
			switch {
			case tt.code != 0:
				if !errors.As(err, &exit) || exit.Code != tt.code {
					t.Errorf("%v, want the exit code %d", err, tt.code)
				}
			case tt.lost != (err != nil && Lost(err)), !tt.lost && err != nil:
				t.Errorf("%v, lost %v", err, tt.lost)
			}
			if out.String() != "said" {
				t.Errorf("it said %q", out.String())
			}
		})
	}
}
