package container

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
)

// Download copies a file or directory out of a container. As with cp, what is
// copied to a directory that exists goes into it. The container needs tar; for
// a single file cat does. What it sends is not trusted: nothing is written
// outside of the destination, and no link is made that leads out of it.
func Download(ctx context.Context, c *kube.Client, t Target, remote, local string, o CopyOptions) (Copied, error) {
	if remote == "" || local == "" {
		return Copied{}, errors.New("copy what, and to where? name a path in the container and a local one")
	}
	f, err := find(ctx, c, t)
	if err != nil {
		return Copied{}, err
	}
	d := &download{client: c, target: f.Target, remote: remote, meter: newMeter(o, 0)}
	dir, base := split(remote)
	if info, err := os.Stat(local); err == nil && info.IsDir() {
		name := base
		if base == "." {
			name = f.Pod.Name // as good a name as any for all of a file system
		}
		local = filepath.Join(local, filepath.FromSlash(name))
	}
	into, err := newUnpack(local, base, o.Replace, d.meter)
	if err != nil {
		return Copied{}, copyTrouble("copy", remote, local, err)
	}
	defer into.close()
	err = d.byTar(ctx, dir, base, into)
	if errors.Is(err, ErrNoProgram) {
		err = d.byCat(ctx, into)
	}
	d.meter.tell(true)
	copied := Copied{To: local, Bytes: d.meter.Bytes, Files: d.meter.Files, Skipped: into.skipped}
	if err != nil {
		return copied, copyTrouble("copy", remote, local, err)
	}
	return copied, nil
}

// download is one copy out of a container.
type download struct {
	client *kube.Client
	target Target
	remote string
	meter  *meter
}

func (d *download) byTar(ctx context.Context, dir, base string, into *unpack) error {
	args := []string{"tar", "-cf", "-", "-C", argument(dir), "./" + base}
	if base == "." {
		args[len(args)-1] = "."
	}
	err := d.receive(ctx, args, into.archive)
	var failed *failure
	if errors.As(err, &failed) && strings.Contains(failed.said, "changed as we read it") && d.meter.Files > 0 {
		into.skip("a part of it", failed.said)
		return nil // of a log that is written to, nothing else can be had
	}
	return err
}

func (d *download) byCat(ctx context.Context, into *unpack) error {
	size, known := remoteSize(ctx, d.client, d.target, d.remote)
	if known {
		d.meter.Total = size
	}
	err := d.receive(ctx, []string{"cat", argument(d.remote)}, func(r io.Reader) error {
		if !known {
			size = -1
		}
		return into.single(r, size)
	})
	if errors.Is(err, ErrNoProgram) {
		return say(ErrNoProgram, "%s has neither tar nor cat: nothing can be copied from it, but a container to debug the pod can read its files", d.target)
	}
	return err
}

// receive runs a program in the container and gives its output to read. Only
// when both are content nothing is missing.
func (d *download) receive(ctx context.Context, args []string, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		defer utilruntime.HandleCrash()
		err := command{client: d.client, target: d.target, args: args, out: w}.run(ctx)
		end := err
		if end == nil {
			end = io.EOF
		}
		_ = w.CloseWithError(end) // never fails
		done <- err
	}()
	err := read(r)
	if err != nil {
		cancel(err)
	}
	_ = r.CloseWithError(errStopped) // never fails
	ran := <-done
	switch {
	case ran == nil:
		return err
	case err == nil, errors.Is(err, ran): // the program's error is what was read
		return ran
	}
	return err
}
