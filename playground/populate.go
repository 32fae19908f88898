package main

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/playground/cluster"
	"quarterdeck/playground/incident"
	"quarterdeck/playground/seed"
	"quarterdeck/playground/shop"
)

// populateStatic writes the objects before there is an API server.
func (u *up) populateStatic(ctx context.Context, control *cluster.Cluster) error {
	u.progress("starting etcd")
	if err := control.Start(ctx, cluster.Etcd); err != nil {
		return err
	}
	if err := u.seed(ctx, control.Etcd()); err != nil {
		return err
	}
	u.progress("starting the API server; controllers and kubelets are left out, so that the objects stay as they are")
	if err := control.Start(ctx, cluster.APIServer); err != nil {
		return err
	}
	client, err := newClient(control)
	if err != nil {
		return err
	}
	return cluster.ApplyAccess(ctx, client)
}

func (u *up) seed(ctx context.Context, access cluster.EtcdAccess) error {
	etcd, err := clientv3.New(clientv3.Config{
		Endpoints: []string{access.Endpoint},
		TLS:       access.TLS,
		Logger:    zap.NewNop(),
	})
	if err != nil {
		return fmt.Errorf("connect to etcd: %w", err)
	}
	defer etcd.Close() //nolint:errcheck // everything written was acknowledged
	u.progress(fmt.Sprintf("writing %d nodes and %d pods into etcd", u.nodes, u.pods))
	return seed.Write(ctx, etcd, seed.Size{Nodes: u.nodes, Pods: u.pods}, time.Now(), func(pods int) {
		if pods%10_000 == 0 {
			u.progress(fmt.Sprintf("%d pods written", pods))
		}
	})
}

func (u *up) startAPI(ctx context.Context, control *cluster.Cluster) error {
	u.progress("starting etcd and the API server")
	return control.Start(ctx, cluster.Etcd, cluster.APIServer)
}

// populate brings the cluster behind a running API server to life and fills
// it. When it returns, the cluster can be used.
func (u *up) populate(ctx context.Context, control *cluster.Cluster) error {
	client, err := newClient(control)
	if err != nil {
		return err
	}
	u.progress("starting controllers, scheduler and kubelets")
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return control.Start(groupCtx, cluster.ControllerManager, cluster.Scheduler, cluster.Kwok)
	})
	group.Go(func() error { return cluster.ApplyAccess(groupCtx, client) })
	if err := group.Wait(); err != nil {
		return err
	}
	group, groupCtx = errgroup.WithContext(ctx)
	group.Go(func() error { return u.fill(groupCtx, control, client) })
	group.Go(func() error {
		if err := control.Start(groupCtx, cluster.MetricsServer); err != nil {
			return err
		}
		return control.RegisterMetrics(groupCtx)
	})
	return group.Wait()
}

// fill creates what the scenario and the incidents are made of.
func (u *up) fill(ctx context.Context, control *cluster.Cluster, client kubernetes.Interface) error {
	for i := range u.nodes {
		if _, err := client.CoreV1().Nodes().Create(ctx, seed.Node(i), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create node %d: %w", i, err)
		}
	}
	if err := cluster.AwaitNodes(ctx, client, u.nodes); err != nil {
		return err
	}
	if u.scenario == scenarioShop {
		if err := shop.Apply(ctx, control.Config(), u.progress); err != nil {
			return fmt.Errorf("set up the shop: %w", err)
		}
		if err := cluster.ApplyPaymentsAccess(ctx, client); err != nil {
			return err
		}
	}
	// At the same time: each waits for what it breaks to be healthy first.
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range u.incidents {
		u.progress("breaking: " + name)
		group.Go(func() error {
			if err := incident.Add(ctx, control.Config(), name); err != nil {
				return fmt.Errorf("start incident %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func newClient(control *cluster.Cluster) (kubernetes.Interface, error) {
	client, err := kubernetes.NewForConfig(control.Config())
	if err != nil {
		return nil, fmt.Errorf("build client of the API: %w", err)
	}
	return client, nil
}
