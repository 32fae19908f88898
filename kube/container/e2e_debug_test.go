//go:build e2e

package container

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
)

func (s scene) debug(t *testing.T) {
	var said []string
	session, err := Debug(t.Context(), s.client, Target{Pod: s.pod("bare")}, DebugOptions{Said: func(words string) { said = append(said, words) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(said) == 0 || said[0] != "starting busybox:1.37 in pod bare" {
		t.Errorf("it said %q", said)
	}
	v := show(t, session)
	v.await("debugging app, exit or ctrl+d ends it")
	v.await(" # ")
	v.typeKeys("exit\r")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
	name := session.Target().Container
	kubetest.Eventually(t, "the container ends with its shell", func(ctx context.Context) (bool, error) {
		p, err := s.admin.CoreV1().Pods("default").Get(ctx, "bare", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if c := p.Spec.EphemeralContainers; len(c) != 1 || c[0].TargetContainerName != "app" {
			t.Fatalf("the pod has %+v", c)
		}
		state, _ := stateOf(p, name)
		return state.Terminated != nil, nil
	})
	if err := Attach(t.Context(), s.client, session.Target()).Run(); err == nil || !strings.Contains(err.Error(), "is not running (ended with exit code 0)") {
		t.Errorf("attach to what ended: %v", err)
	}
	old := s.pod("bare")
	old.UID = "another"
	if _, err := Debug(t.Context(), s.client, Target{Pod: old}, DebugOptions{}); err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("another pod: %v", err)
	}
	// A pod that was made anew between the look and the patch.
	err = addEphemeral(t.Context(), s.client, old, map[string]any{"metadata": map[string]any{"uid": "another"}})
	if err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("patch of another pod: %v", err)
	}
}

func (s scene) debugNode(t *testing.T) {
	nodes, err := s.admin.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node := kube.Ref{Kind: "Node", Name: nodes.Items[0].Name, UID: nodes.Items[0].UID}
	session, err := DebugNode(t.Context(), s.client, node, DebugOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := show(t, session)
	v.await("on node " + node.Name)
	v.await(" # ")
	p, err := s.admin.CoreV1().Pods("default").Get(t.Context(), session.Target().Pod.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Spec.NodeName != node.Name || !p.Spec.HostPID || p.Spec.ActiveDeadlineSeconds == nil || !p.Spec.Containers[0].StdinOnce {
		t.Errorf("the pod is %+v", p.Spec)
	}
	s.leftovers(t, 1)
	v.typeKeys("exit\r")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
	s.leftovers(t, 0)

	// One that is never run, and one whose program died with it.
	if session, err = DebugNode(t.Context(), s.client, node, DebugOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := session.Discard(); err != nil {
		t.Error(err)
	}
	s.leftovers(t, 0)
	if session, err = DebugNode(t.Context(), s.client, node, DebugOptions{}); err != nil {
		t.Fatal(err)
	}
	s.guard.Refuse("test")
	if err := session.Discard(); !errors.Is(err, guard.ErrReadOnly) || !strings.Contains(err.Error(), "still there") {
		t.Errorf("a pod that may not be deleted: %v", err)
	}
	s.guard.Permit()
	s.leftovers(t, 1)
	node.UID = "another"
	if _, err := DebugNode(t.Context(), s.client, node, DebugOptions{}); err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("another node: %v", err)
	}
}

func (s scene) leftovers(t *testing.T, want int) {
	t.Helper()
	kubetest.Eventually(t, fmt.Sprintf("%d leftovers", want), func(ctx context.Context) (bool, error) {
		left, err := Leftovers(ctx, s.client, "")
		return len(left) == want, err
	})
}
