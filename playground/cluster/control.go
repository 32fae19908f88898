package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// socketName is where a running playground takes orders. Who may open the
// directory may give them.
const socketName = "control.sock"

// Orders that can be given about a part of a running playground.
const (
	OrderStop   = "stop"
	OrderStart  = "start"
	OrderPause  = "pause"
	OrderResume = "resume"
)

// Serve takes orders given with Tell until ctx is done.
func (c *Cluster) Serve(ctx context.Context) error {
	listener, err := net.Listen("unix", c.dir.Join(socketName))
	if err != nil {
		return fmt.Errorf("listen for orders: %w", err)
	}
	if err := os.Chmod(c.dir.Join(socketName), 0o600); err != nil {
		return errors.Join(fmt.Errorf("make socket for orders private: %w", err), listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /parts/{part}/{order}", func(w http.ResponseWriter, r *http.Request) {
		if err := c.obey(r.Context(), r.PathValue("order"), r.PathValue("part")); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve orders: %w", err)
	}
	return nil
}

func (c *Cluster) obey(ctx context.Context, order, part string) error {
	switch order {
	case OrderStop:
		return c.KillPart(part)
	case OrderStart:
		return c.StartPart(ctx, part)
	case OrderPause:
		return c.PausePart(part)
	case OrderResume:
		return c.ResumePart(part)
	default:
		return fmt.Errorf("there is no order %q", order)
	}
}

// Tell gives an order about a part to the playground running in dir and
// returns when it is carried out.
func Tell(ctx context.Context, dir, order, part string) error {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", filepath.Join(dir, socketName))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://playground/parts/"+part+"/"+order, nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", order, part, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no playground is running in %s: start one with `qd-playground up --dir %s` (%w)", dir, dir, err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", order, part, err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(answer)))
	}
	return nil
}
