//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mistake is a wrong kubeconfig or command line, and what is said about it.
type mistake struct {
	name string
	// kubeconfig is what the file holds; nil for the playground's own, changed
	// by edit.
	kubeconfig *string
	edit       func(*testing.T, *clientcmdapi.Config)
	args       []string // instead of those of a working command
	says       []string // parts of the sentence: what is wrong, what to do
	// opens says that the program cannot know before it has asked the server:
	// the screen comes up and tells it there.
	opens bool
}

func wrongInputs() []mistake {
	text := func(s string) *string { return &s }
	return []mistake{
		{name: "no kubeconfig", kubeconfig: text(""), says: []string{"no kubeconfig", "KUBECONFIG"}},
		{name: "malformed kubeconfig", kubeconfig: text("clusters: [}"), says: []string{"kubeconfig", "cannot be used", "yaml"}},
		{name: "kubeconfig of another kind", kubeconfig: text("just a text"), says: []string{"kubeconfig", "cannot be used"}},
		{
			name: "unknown context", args: []string{"--context", "plaground"},
			says: []string{`context "plaground" is not in the kubeconfig`, "payments-dev, playground, viewer"},
		},
		{name: "dead server", edit: addContext("playground", "https://127.0.0.1:1"), says: []string{"127.0.0.1:1 refuses the connection", "check"}, opens: true},
		{name: "unknown host", edit: addContext("playground", "https://shop.invalid"), says: []string{"shop.invalid", "check the network"}, opens: true},
		{name: "wrong authority", edit: wrongAuthority, says: []string{"certificate", "not trusted", "check certificate-authority"}, opens: true},
		{name: "no rights", args: []string{"--context", "nobody"}, says: []string{"you (nobody) may not list", "ask for that right"}, opens: true},
	}
}

// mistakes checks that each is answered by one sentence and exit code 1, and
// that nothing else is printed.
func (s *stage) mistakes(t *testing.T) {
	for _, m := range wrongInputs() {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			sc := &scenario{args: m.args, edit: m.edit, size: size{300, 20}}
			if m.edit == nil {
				sc.edit = func(*testing.T, *clientcmdapi.Config) {}
			}
			path := editKubeconfig(t, s.playground(t, shop).Kubeconfig(), sc)
			if m.kubeconfig != nil {
				if err := os.WriteFile(path, []byte(*m.kubeconfig), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Run("get", func(t *testing.T) {
				out := s.exec(t, path, append([]string{"get", "pods"}, m.args...)...)
				if out.code != 1 || out.stdout != "" {
					t.Errorf("exit code %d, printed %q", out.code, out.stdout)
				}
				oneSentence(t, out.stderr, m.says)
			})
			t.Run("screen", func(t *testing.T) {
				sc.env = []string{"KUBECONFIG=" + path}
				term := s.open(t, sc)
				if m.opens {
					term.await("what is wrong", patience, func(screen string) bool {
						return containsAll(strings.Join(strings.Fields(screen), " "), m.says) // wherever its lines break
					}).Press("q")
				}
				term.Ends(1)
				if left := term.screen.Leftovers(); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				oneSentence(t, term.screen.Text(), m.says)
			})
		})
	}
	for name, m := range map[string]struct {
		args []string
		says string
	}{
		"flag":     {[]string{"--conext", "x"}, "unknown flag: --conext"},
		"kind":     {[]string{"get", "podz"}, `no kind "podz"`},
		"object":   {[]string{"get", "pods", "nobody-home"}, `pods "nobody-home" not found`},
		"filter":   {[]string{"get", "pods", "--filter", "age>soon"}, "soon"},
		"format":   {[]string{"get", "pods", "-o", "xml"}, "use table, wide or json"},
		"selector": {[]string{"get", "pods", "-l", "a=b=c"}, "selector"},
		"terminal": {nil, "not a terminal"},
		"config":   {[]string{"--config", filepath.Join(t.TempDir(), "missing.yaml"), "get", "pods"}, "missing.yaml"},
	} {
		t.Run("wrong-"+name, func(t *testing.T) {
			out := s.exec(t, s.playground(t, shop).Kubeconfig(), m.args...)
			if out.code != 1 || out.stdout != "" {
				t.Errorf("exit code %d, printed %q", out.code, out.stdout)
			}
			oneSentence(t, out.stderr, []string{m.says})
		})
	}
}

// oneSentence checks that text is one line that has all the parts.
func oneSentence(t *testing.T, text string, parts []string) {
	t.Helper()
	text = strings.TrimSpace(text)
	if strings.Contains(text, "\n") || !strings.HasPrefix(text, "qd: ") || !containsAll(text, parts) {
		t.Errorf("said %q, want one line that begins with \"qd: \" and has %q", text, parts)
	}
}

// wrongAuthority makes the kubeconfig trust somebody else.
func wrongAuthority(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody else"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config.Clusters["playground"].CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
