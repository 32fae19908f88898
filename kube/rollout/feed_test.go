package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
)

// withFeed runs f with a server that has the Deployment under way, and a Feed of
// it.
func withFeed(t *testing.T, prepare func(*apitest.Server), f func(t *testing.T, s *apitest.Server, feed *rollout.Feed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Put(now(deployment()), now(set(1, 3, 3)), now(set(2, 2, 0)), now(replica(2, "a")))
		if prepare != nil {
			prepare(s)
		}
		hub := store.NewHub(s.REST, store.Options{})
		defer hub.Close()
		feed := rollout.Open(hub, store.Scope{Namespace: "shop"}, rollout.Options{Whole: true})
		defer feed.Close()
		synctest.Wait()
		f(t, s, feed)
	})
}

// now moves the object into the time of the test.
func now[T metav1.Object](o T) T {
	o.SetCreationTimestamp(metav1.Now())
	return o
}

func web() kube.Ref {
	return kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("deployments"), Kind: "Deployment", Namespace: "shop", Name: "web"}
}

func TestFeed(t *testing.T) {
	withFeed(t, nil, func(t *testing.T, s *apitest.Server, feed *rollout.Feed) {
		<-feed.Changed()
		feed.Take()
		if !feed.Synced() {
			t.Errorf("%+v", feed.Statuses())
		}
		list := feed.List(time.Now())
		if len(list) != 1 || list[0].Counts.New != 2 || list[0].Counts.NewReady != 0 {
			t.Fatalf("%+v", list)
		}
		s.Put(now(deployment(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 3 })))
		time.Sleep(time.Second)
		<-feed.Changed()
		feed.Take()
		if c := feed.List(time.Now())[0].Counts; c.New != 3 {
			t.Errorf("%+v", c)
		}
		if status := feed.Statuses(); len(status) != 11 || status["pods"].Phase != store.Live || status["pods"].Loaded != 1 {
			t.Errorf("%+v", status)
		}
	})
}

// waited is how a wait ended.
type waited struct {
	status *rollout.Status
	err    error
}

func wait(t *testing.T, feed *rollout.Feed, ref kube.Ref, generation int64, report func(*rollout.Status)) <-chan waited {
	t.Helper()
	out := make(chan waited, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	go func() {
		defer cancel()
		s, err := feed.Wait(ctx, ref, generation, report)
		out <- waited{s, err}
	}()
	return out
}

func TestWait(t *testing.T) {
	complete := func(generation int64) *appsv1.Deployment {
		return deployment(progressing("True", "NewReplicaSetAvailable", 1), func(d *appsv1.Deployment) {
			d.Generation = generation
			d.Status.ObservedGeneration = generation
			d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = 4, 4, 4, 4
		})
	}
	withFeed(t, nil, func(t *testing.T, s *apitest.Server, feed *rollout.Feed) {
		var words []string
		end := wait(t, feed, web(), 6, func(s *rollout.Status) { words = append(words, s.State.String()) })
		step := func(d *appsv1.Deployment) {
			time.Sleep(2 * time.Second)
			s.Put(now(d))
		}
		step(complete(5)) // of the spec before the change
		step(deployment(func(d *appsv1.Deployment) { d.Generation = 6 }))
		step(deployment(func(d *appsv1.Deployment) { d.Generation, d.Status.ObservedGeneration = 6, 6 }))
		step(complete(6))
		got := <-end
		if got.err != nil || got.status.State != rollout.Complete || strings.Join(words, ", ") != "not observed, progressing, complete" {
			t.Errorf("%+v after %q", got, words)
		}
	})
	for name, test := range map[string]struct {
		ref     kube.Ref
		prepare func(*apitest.Server)
		then    func(*apitest.Server)
		want    string
		is      error
	}{
		"deleted":   {web(), nil, func(s *apitest.Server) { s.Delete(deployment()) }, "rollout of deploy/web in shop: it has been deleted meanwhile", rollout.ErrGone},
		"not there": {kube.Ref{GVR: web().GVR, Kind: "Deployment", Namespace: "shop", Name: "no"}, nil, nil, "rollout of deploy/no in shop: there is no such workload", nil},
		"forbidden": {web(), func(s *apitest.Server) {
			s.OnRequest(func(r apitest.Request) *apitest.Answer {
				if r.GVR.Resource == "deployments" {
					return &apitest.Answer{Status: &apierrors.NewForbidden(r.GVR.GroupResource(), "", errors.New("no")).ErrStatus}
				}
				return nil
			})
		}, nil, "rollout of deploy/web in shop: ", nil},
		"in vain": {web(), nil, nil, context.DeadlineExceeded.Error(), context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			withFeed(t, test.prepare, func(t *testing.T, s *apitest.Server, feed *rollout.Feed) {
				end := wait(t, feed, test.ref, 0, func(*rollout.Status) {})
				if test.then != nil {
					time.Sleep(2 * time.Second)
					test.then(s)
				}
				got := <-end
				if got.err == nil || !strings.Contains(got.err.Error(), test.want) || test.is != nil && !errors.Is(got.err, test.is) {
					t.Errorf("%v, want %q", got.err, test.want)
				}
			})
		})
	}
}
