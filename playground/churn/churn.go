// Package churn keeps the pods of a cluster changing at a steady rate through
// the API, as kubelets do in a busy one.
package churn

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// workers is how many changes are under way at most. A server that is
	// slower than the rate asked for gets fewer changes, not a queue.
	workers = 32
	// pageSize of the list of pods.
	pageSize = 500
	// reportEvery is how long changes are counted before they are reported.
	reportEvery = 10 * time.Second
	// relist is how long to wait before looking for pods again when there
	// were none left to change.
	relist = 2 * time.Second
)

// Run changes the status of perSecond pods a second, picked at random, until
// ctx is done. Half of the changes break a pod and half of them mend one.
// Changes that fail are not an error: pods come and go, and so may the server.
// report is told now and then how many changes a second were made.
func Run(ctx context.Context, config *rest.Config, perSecond float64, report func(perSecond float64)) error {
	config = rest.CopyConfig(config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("build client for churn: %w", err)
	}
	limit := rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/20)))
	var made atomic.Int64
	var counter sync.WaitGroup
	defer counter.Wait()
	var counting sync.Once
	for ctx.Err() == nil {
		if pods, err := list(ctx, client); err == nil && len(pods) > 0 {
			counting.Do(func() { counter.Go(func() { count(ctx, &made, report) }) })
			run(ctx, client, limit, pods, &made)
		}
		select {
		case <-ctx.Done():
		case <-time.After(relist):
		}
	}
	return nil
}

// count reports the changes made until ctx is done.
func count(ctx context.Context, made *atomic.Int64, report func(perSecond float64)) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			report(float64(made.Swap(0)) / now.Sub(last).Seconds())
			last = now
		}
	}
}

// run changes pods until a tenth of them is gone or ctx is done.
func run(ctx context.Context, client kubernetes.Interface, limit *rate.Limiter, pods []pod, made *atomic.Int64) {
	herd := &herd{healthy: pods, maxBroken: max(1, len(pods)/100)}
	tolerated := int64(len(pods)/10 + 1)
	var lost atomic.Int64
	slots := make(chan struct{}, workers)
	var group sync.WaitGroup
	for lost.Load() < tolerated && limit.Wait(ctx) == nil {
		pod, ok := herd.take()
		if !ok {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			next := pod.flipped()
			switch err := change(ctx, client, next); {
			case err == nil:
				made.Add(1)
				herd.put(next)
			case apierrors.IsNotFound(err) || apierrors.IsInvalid(err):
				lost.Add(1)
			default: // the server is busy or away
				herd.put(pod)
			}
		})
	}
	group.Wait()
}

func change(ctx context.Context, client kubernetes.Interface, p pod) error {
	patch, err := p.patch(time.Now())
	if err != nil {
		return fmt.Errorf("encode change of pod %s: %w", p.name, err)
	}
	_, err = client.CoreV1().Pods(p.namespace).Patch(ctx, p.name, types.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: "kubelet"}, "status")
	return err
}

// list returns the pods there are that can be changed.
func list(ctx context.Context, client kubernetes.Interface) ([]pod, error) {
	var pods []pod
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list pods to change: %w", err)
		}
		for i := range page.Items {
			if p, ok := newPod(&page.Items[i]); ok {
				pods = append(pods, p)
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return pods, nil
		}
	}
}
