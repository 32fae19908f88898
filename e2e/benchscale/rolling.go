//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube/rig"
)

// The budgets of a rollout, which are those of a large cluster that changes.
const (
	rolloutReplicas = 500
	rolloutCPU      = 25 // percent of a core
)

// rolling is a cluster with one large Deployment.
type rolling struct {
	*bench
	playground *rig.Playground
	api        kubernetes.Interface
}

// rollout measures the program while it follows the rollout of a large workload.
func (b *bench) rollout() error {
	t := &table{title: fmt.Sprintf("A rollout of %d replicas, followed on its own page", rolloutReplicas)}
	b.progress("%s: starting a playground", t.title)
	p, err := rig.Start("--scenario", "empty", "--nodes", "10")
	if err != nil {
		return err
	}
	r := &rolling{bench: b, playground: p}
	err = r.measure(t)
	if err = errors.Join(err, p.Stop()); err != nil {
		return fmt.Errorf("measure a rollout: %w", err)
	}
	fmt.Print(t)
	return nil
}

func (r *rolling) measure(t *table) error {
	config, err := r.playground.Config("")
	if err != nil {
		return err
	}
	if r.api, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("connect to the playground: %w", err)
	}
	if err := r.create(); err != nil {
		return err
	}
	if _, err := r.untilDone(); err != nil {
		return err
	}
	u, lag, took, err := r.follow("2")
	if err != nil {
		return err
	}
	t.note("the rollout took", took.Round(time.Second).String())
	t.add("CPU during it", fmt.Sprintf("≤ %d %%", rolloutCPU), fmt.Sprintf("%.1f %% of a core", u.cpu), u.cpu <= rolloutCPU)
	t.note("bytes to the terminal during it", fmt.Sprintf("%.0f /s", u.bytes))
	t.add("its end on the screen", "≤ "+ms(changeToScreen), ms(lag), lag <= changeToScreen)
	if u, _, _, err = r.follow("3", "SSH_TTY=/dev/pts/0"); err != nil {
		return err
	}
	t.add("bytes to the terminal over SSH during it", fmt.Sprintf("≤ %d /s", bytesPerSecond), fmt.Sprintf("%.0f /s", u.bytes), u.bytes <= bytesPerSecond)
	return nil
}

// create makes the Deployment, of pods that start at once.
func (r *rolling) create() error {
	replicas, labels, step := int32(rolloutReplicas), map[string]string{"app": "wide"}, intstr.FromString("25%")
	_, err := r.api.AppsV1().Deployments("default").Create(r.ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "wide"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &step, MaxUnavailable: &step}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/playground/wide:1"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create the deployment: %w", err)
	}
	return nil
}

// follow rolls out the image with a tag, and returns what the program took a
// second for following that, how long after the end the screen said so, and how
// long it took in all.
func (r *rolling) follow(tag string, env ...string) (use, time.Duration, time.Duration, error) {
	fail := func(err error) (use, time.Duration, time.Duration, error) { return use{}, 0, 0, err }
	cmd := r.command(r.playground.Kubeconfig(), "deployments", "-n", "default")
	cmd.Env = append(cmd.Env, env...)
	term, err := openTerminal(cmd)
	if err != nil {
		return fail(err)
	}
	defer term.close()
	if _, err := term.until(r.ctx, "the deployment", func(lines []string) bool { return strings.HasPrefix(lines[2], "▌wide ") }); err != nil {
		return fail(err)
	}
	if _, err := term.press("o"); err != nil {
		return fail(err)
	}
	says := func(words string) func([]string) bool {
		return func(lines []string) bool { return strings.Contains(strings.Join(lines[:6], "\n"), words) }
	}
	if _, err := term.until(r.ctx, "a complete rollout", says("complete")); err != nil {
		return fail(err)
	}
	pid := term.cmd.Process.Pid
	before, err := cpu(pid)
	if err != nil {
		return fail(err)
	}
	written, _ := term.output()
	began := time.Now()
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/playground/wide:` + tag + `"}]}}}}`)
	if _, err := r.api.AppsV1().Deployments("default").Patch(r.ctx, "wide", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fail(fmt.Errorf("begin the rollout: %w", err))
	}
	if _, err := term.until(r.ctx, "the rollout", says("progressing")); err != nil {
		return fail(err)
	}
	done, err := r.untilDone()
	if err != nil {
		return fail(err)
	}
	seen, err := term.until(r.ctx, "the end of the rollout", says("complete"))
	if err != nil {
		return fail(err)
	}
	after, err := cpu(pid)
	if err != nil {
		return fail(err)
	}
	now, _ := term.output()
	took := time.Since(began)
	u := use{cpu: (after - before).Seconds() / took.Seconds() * 100, bytes: float64(now-written) / took.Seconds()}
	return u, max(0, seen.Sub(done)), took, nil
}

// untilDone waits until the server has the rollout complete, and returns when it
// was seen to be.
func (r *rolling) untilDone() (time.Time, error) {
	for end := time.Now().Add(10 * limit); time.Now().Before(end); {
		d, err := r.api.AppsV1().Deployments("default").Get(r.ctx, "wide", metav1.GetOptions{})
		if err != nil {
			return time.Time{}, fmt.Errorf("look at the rollout: %w", err)
		}
		s := d.Status
		if s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == rolloutReplicas && s.Replicas == rolloutReplicas && s.AvailableReplicas == rolloutReplicas {
			return time.Now(), nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.ctx.Done():
			return time.Time{}, r.ctx.Err()
		}
	}
	return time.Time{}, fmt.Errorf("the rollout of %d replicas did not end", rolloutReplicas)
}
