package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube"
)

// tailLine is how much of one line Tail keeps.
const tailLine = 2 << 10

// Tail returns the last lines of the log of a container, or of its instance
// before, in the order in which they were written. It reads what there is and
// follows nothing: for many containers, and for more than a look, there is Open.
// A container that has written nothing yet, or has no instance before, has no
// lines.
func Tail(ctx context.Context, c *kube.Client, namespace, pod, container string, previous bool, lines int) ([]Line, error) {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	n := int64(lines)
	o := &corev1.PodLogOptions{Container: container, Previous: previous, TailLines: &n, Timestamps: true}
	rc, err := r.Get().Namespace(namespace).Resource("pods").Name(pod).SubResource("log").
		VersionedParams(o, scheme.ParameterCodec).MaxRetries(0).Stream(ctx)
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status) && status.Status().Code == http.StatusBadRequest:
		return nil, nil // it waits to start, or was never restarted
	case err != nil:
		return nil, fmt.Errorf("read the log of %s in pod/%s of %s: %w", container, pod, namespace, err)
	}
	defer func() { _ = rc.Close() }() // what it brought is taken
	found, err := tail(rc, lines)
	if err != nil {
		return found, fmt.Errorf("read the log of %s in pod/%s of %s: %w", container, pod, namespace, err)
	}
	return found, nil
}

// tail reads a log to its end and keeps its last lines.
func tail(r io.Reader, lines int) ([]Line, error) {
	in := newBody(r)
	var p parser
	var b batch
	var kept []Line
	for {
		raw, missing, whole, err := in.next()
		if whole || len(raw) > 0 {
			at, text := p.stamp(raw)
			b.reset()
			short := cut(text, tailLine)
			p.line(&b, at, short, missing+len(text)-len(short))
			m := b.lines[0].meta
			kept = append(kept, Line{Time: at, Level: m.level(), Format: m.format(), Flags: m.flags(), Raw: string(b.text)})
			if len(kept) > 2*lines {
				kept = append(kept[:0], kept[len(kept)-lines:]...)
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return kept[max(0, len(kept)-lines):], err
		}
	}
}
