package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestProvision(t *testing.T) {
	class := "standard"
	retain := corev1.PersistentVolumeReclaimRetain
	claim := func(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
		c := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "c", UID: "u", Annotations: map[string]string{
				annotationProvisioner: Provisioner, annotationSelectedNode: "n1",
			}},
			Spec: corev1.PersistentVolumeClaimSpec{
				StorageClassName: &class,
				AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}},
			},
			Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
		}
		if change != nil {
			change(c)
		}
		return c
	}
	tests := []struct {
		name  string
		claim *corev1.PersistentVolumeClaim
		made  bool
	}{
		{"a claim that waits", claim(nil), true},
		{"a claim of another driver", claim(func(c *corev1.PersistentVolumeClaim) { c.Annotations[annotationProvisioner] = "other" }), false},
		{"a claim that nobody gave to a driver yet", claim(func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil }), false},
		{"a claim that is bound", claim(func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := fake.NewClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelTopologyZone: "zone-a"}}})
			p := newProvisioner(client)
			for _, err := range []error{
				p.claims.GetStore().Add(tt.claim),
				p.classes.GetStore().Add(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: Provisioner, ReclaimPolicy: &retain}),
				p.provision(t.Context(), "data/c"),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			volume, err := client.CoreV1().PersistentVolumes().Get(t.Context(), "pvc-u", metav1.GetOptions{})
			if !tt.made {
				if !apierrors.IsNotFound(err) {
					t.Errorf("there is a volume: %v, %v", volume, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			zone := volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]
			size := volume.Spec.Capacity[corev1.ResourceStorage]
			if volume.Spec.ClaimRef.UID != "u" || zone != "zone-a" || size.String() != "20Gi" || volume.Spec.PersistentVolumeReclaimPolicy != retain {
				t.Errorf("the volume is %+v", volume.Spec)
			}
			if err := p.provision(t.Context(), "data/c"); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestReclaim(t *testing.T) {
	for _, tt := range []struct {
		policy corev1.PersistentVolumeReclaimPolicy
		phase  corev1.PersistentVolumePhase
		by     string
		gone   bool
	}{
		{corev1.PersistentVolumeReclaimDelete, corev1.VolumeReleased, Provisioner, true},
		{corev1.PersistentVolumeReclaimDelete, corev1.VolumeBound, Provisioner, false},
		{corev1.PersistentVolumeReclaimRetain, corev1.VolumeReleased, Provisioner, false},
		{corev1.PersistentVolumeReclaimDelete, corev1.VolumeReleased, "other", false},
	} {
		volume := &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "v", Annotations: map[string]string{annotationProvisioned: tt.by}},
			Spec:       corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: tt.policy},
			Status:     corev1.PersistentVolumeStatus{Phase: tt.phase},
		}
		client := fake.NewClientset(volume)
		p := newProvisioner(client)
		if err := p.volumes.GetStore().Add(volume); err != nil {
			t.Fatal(err)
		}
		if err := p.reclaim(t.Context(), "v"); err != nil {
			t.Fatal(err)
		}
		_, err := client.CoreV1().PersistentVolumes().Get(t.Context(), "v", metav1.GetOptions{})
		if gone := apierrors.IsNotFound(err); gone != tt.gone {
			t.Errorf("%+v: gone %v", tt, gone)
		}
	}
}
