package cluster

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestFreePortsAreFreeAndDifferent(t *testing.T) {
	ports, err := freePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	if len(ports) != 20 {
		t.Fatalf("got %d ports", len(ports))
	}
	for _, port := range ports {
		if port < lowestPort || port >= highestPort {
			t.Errorf("port %d is where outgoing connections get theirs", port)
		}
		listener, err := net.Listen("tcp", loopback(port)) // fails for a double
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() //nolint:errcheck // the test ends
	}
}

func TestKubeconfigCanBeMoved(t *testing.T) {
	ca := newTestAuthority(t, "ca")
	keys, err := ca.Client("viewer")
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := Kubeconfig("https://127.0.0.1:1", ca.CertPEM(),
		User{Context: "viewer", Keys: keys}, User{Context: "dev", Namespace: "payments", Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.Validate(*config); err != nil {
		t.Error(err)
	}
	if config.CurrentContext != "viewer" {
		t.Errorf("current context is %q", config.CurrentContext)
	}
	if got := config.Contexts["dev"].Namespace; got != "payments" {
		t.Errorf("context dev starts in %q", got)
	}
	if strings.Contains(string(encoded), "certificate:") || strings.Contains(string(encoded), "client-key:") {
		t.Error("it refers to files")
	}
}

func TestLayout(t *testing.T) {
	dir := openTestDir(t)
	layout, err := newLayout(dir, Options{KwokConfig: "kwok.yaml"})
	if err != nil {
		t.Fatal(err)
	}

	t.Run("has every part", func(t *testing.T) {
		var names []string
		for name, part := range layout.parts {
			if part.name != name {
				t.Errorf("part %s is called %s", name, part.name)
			}
			names = append(names, name)
		}
		want := Parts()
		slices.Sort(names)
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("got %v, want %v", names, want)
		}
	})

	t.Run("listens on loopback only", func(t *testing.T) {
		address := regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b(/\d+)?`)
		for name, part := range layout.parts {
			for _, arg := range part.args {
				if !strings.Contains(arg, "listen") && !strings.Contains(arg, "bind") && !strings.Contains(arg, "server-address") {
					continue
				}
				for _, found := range address.FindAllString(arg, -1) {
					if found != "127.0.0.1" {
						t.Errorf("%s: %s", name, arg)
					}
				}
				if !strings.Contains(arg, "127.0.0.1") {
					t.Errorf("%s: %s", name, arg)
				}
			}
		}
	})

	t.Run("names files that exist", func(t *testing.T) {
		for name, part := range layout.parts {
			for _, arg := range part.args {
				_, value, _ := strings.Cut(arg, "=")
				if filepath.Dir(value) != dir.Join("pki") {
					continue
				}
				if _, err := os.Stat(value); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})

	t.Run("keeps everything private", func(t *testing.T) {
		err := filepath.Walk(dir.Path(), func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})

	t.Run("keeps people out of the masters", func(t *testing.T) {
		config, err := clientcmd.LoadFromFile(dir.Join("kubeconfig"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{AdminContext, ViewerContext, PaymentsDevContext, NobodyContext} {
			user := config.AuthInfos[name]
			if user == nil {
				t.Errorf("there is no context %s", name)
				continue
			}
			subject := parseCert(t, user.ClientCertificateData).Subject
			if subject.CommonName != name || len(subject.Organization) != 0 {
				t.Errorf("context %s is user %v", name, subject)
			}
		}
	})
}

func TestStaticClusterAdmitsPodsWithoutControllers(t *testing.T) {
	for _, static := range []bool{false, true} {
		layout, err := newLayout(openTestDir(t), Options{Static: static})
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Contains(layout.parts[APIServer].args, "--disable-admission-plugins=ServiceAccount")
		if got != static {
			t.Errorf("static %v: admission disabled %v", static, got)
		}
	}
}
