// Package kubelet is what the nodes of a playground do.
//
// Two things share a kubelet's work. kwok, a process of its own, keeps the
// nodes alive: their conditions, heartbeats and leases. Everything about pods
// is done here, inside the supervisor: this package starts and stops
// containers, pulls images, runs probes, backs off, reports status and events,
// and serves the kubelet's HTTP API (logs, exec, attach, port-forward,
// metrics), because kwok's stages know neither several containers with
// different fates nor logs that grow. What happens inside a container is
// decided by package program.
//
// A node labelled [StoppedLabel] has a dead kubelet: kwok stops its heartbeats
// and this package ignores its pods and refuses its requests.
package kubelet

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "embed"
)

// StoppedLabel on a node stops its kubelet.
const StoppedLabel = "unmanaged"

//go:embed stages.yaml
var stages string

// Config is a prepared set of pretend kubelets.
type Config struct {
	// Path is kwok's configuration file.
	Path string
	// NodePort is the port on loopback where the kubelet API of every node is
	// served; nodes announce it.
	NodePort int

	dir string
	// listener is open since Prepare, so that nobody else takes the port.
	listener net.Listener
}

// Prepare writes kwok's configuration under dir and takes a port for the
// kubelet API.
func Prepare(dir string) (Config, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Config{}, fmt.Errorf("listen for the kubelet API: %w", err)
	}
	_, portText, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return Config{}, fmt.Errorf("find the port of the kubelet API: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return Config{}, fmt.Errorf("find the port of the kubelet API: %w", err)
	}
	path := filepath.Join(dir, "kwok.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(stages, "$PORT", portText)), 0o600); err != nil {
		return Config{}, fmt.Errorf("write kwok configuration: %w", err)
	}
	return Config{Path: path, NodePort: port, dir: dir, listener: listener}, nil
}
