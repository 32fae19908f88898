package triage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/triage"
)

func class(name, provisioner string, mode storagev1.VolumeBindingMode) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: meta("", name), Provisioner: provisioner, VolumeBindingMode: &mode}
}

// unboundClaim returns a claim of a class that has no volume.
func unboundClaim(name, className string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: meta("shop", name),
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &className,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// warning returns an event about an object, which was last seen some seconds ago.
func warning(kind, namespace, name, reason, message string, last int64) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     meta("shop", name+"."+reason),
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name, UID: types.UID(name)},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message, Count: 3, FirstTimestamp: ago(last + 600), LastTimestamp: ago(last),
	}
}

func TestClaimPending(t *testing.T) {
	const immediate, waits = storagev1.VolumeBindingImmediate, storagev1.VolumeBindingWaitForFirstConsumer
	selected := func(c *corev1.PersistentVolumeClaim) {
		c.Annotations = map[string]string{"volume.kubernetes.io/selected-node": "node-1"}
	}
	named := func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv-1" }
	fresh := func(c *corev1.PersistentVolumeClaim) { c.CreationTimestamp = ago(20) }
	for name, c := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		why   string
	}{
		"no class":             {unboundClaim("data", ""), "it names no storage class, there is no default, and no volume fits it"},
		"unknown class":        {unboundClaim("data", "fats"), "storage class fats does not exist"},
		"dynamic":              {unboundClaim("data", "fast"), "provisioner disk.example.com has not made a volume"},
		"dynamic, fresh":       {unboundClaim("data", "fast", fresh), ""},
		"static":               {unboundClaim("data", "local"), "no free volume of class local fits it"},
		"nobody uses it":       {unboundClaim("data", "later"), ""},
		"a pod is to run":      {unboundClaim("data", "later", selected), "provisioner disk.example.com has not made a volume"},
		"named volume is gone": {unboundClaim("data", "fast", named), "volume pv-1 does not exist"},
		"bound":                {unboundClaim("data", "fast", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, class("fast", "disk.example.com", immediate), class("later", "disk.example.com", waits),
				class("local", "kubernetes.io/no-provisioner", immediate), c.claim)
			if c.why == "" {
				s.none()
				return
			}
			is(t, s.one(), "warn | no volume | pvc/data in shop | "+c.why+" | pvc-pending")
		})
	}
}

func TestClaimProvisioningFails(t *testing.T) {
	s := newScene(t, class("later", "disk.example.com", storagev1.VolumeBindingWaitForFirstConsumer), unboundClaim("data", "later"),
		warning("PersistentVolumeClaim", "shop", "data", "ProvisioningFailed", "quota of disks exceeded", 10))
	is(t, s.one(), "warn | no volume | pvc/data in shop | quota of disks exceeded | pvc-pending")
	s.without(triage.StorageClasses)
	s.none() // what was not checked is told, not guessed
}

func TestClaimLost(t *testing.T) {
	lost := unboundClaim("data", "fast", func(c *corev1.PersistentVolumeClaim) {
		c.Spec.VolumeName, c.Status.Phase = "pv-1", corev1.ClaimLost
	})
	is(t, newScene(t, lost).one(), "crit | lost its volume | pvc/data in shop | volume pv-1 is gone or no longer its own | pvc-lost")
}

func TestClaimResize(t *testing.T) {
	resizing := func(typ corev1.PersistentVolumeClaimConditionType, message string, since int64) *corev1.PersistentVolumeClaim {
		return unboundClaim("data", "fast", func(c *corev1.PersistentVolumeClaim) {
			c.Status.Phase = corev1.ClaimBound
			c.Status.Conditions = []corev1.PersistentVolumeClaimCondition{{Type: typ, Status: corev1.ConditionTrue, Message: message, LastTransitionTime: ago(since)}}
		})
	}
	is(t, newScene(t, resizing("FileSystemResizePending", "", 400)).one(),
		"warn | is not resized | pvc/data in shop | the file system grows when a node mounts it: no running pod uses it, or the pod has to be started again | pvc-resize")
	is(t, newScene(t, resizing("ControllerResizeError", "no space", 1)).one(), "warn | is not resized | pvc/data in shop | no space | pvc-resize")
	newScene(t, resizing("Resizing", "", 20)).none()
	newScene(t, resizing("SomethingElse", "", 2000)).none()
}

func TestVolumes(t *testing.T) {
	volume := func(phase corev1.PersistentVolumePhase, policy corev1.PersistentVolumeReclaimPolicy, message string, since int64) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{
			ObjectMeta: meta("", "pv-1"),
			Spec: corev1.PersistentVolumeSpec{
				PersistentVolumeReclaimPolicy: policy, ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "data", UID: "data"},
			},
			Status: corev1.PersistentVolumeStatus{Phase: phase, Message: message, LastPhaseTransitionTime: ref(ago(since))},
		}
	}
	is(t, newScene(t, volume("Failed", "Delete", "disk is in use", 10)).one(), "warn | cannot be reclaimed | pv/pv-1 | disk is in use | pv-failed")
	is(t, newScene(t, volume("Released", "Delete", "", 100)).one(), "warn | cannot be reclaimed | pv/pv-1 | its claim is gone, nobody deletes it | pv-failed")
	is(t, newScene(t, volume("Released", "Retain", "", 10)).one(), "info | released, its data is kept | pv/pv-1 | claim data in shop is gone | pv-released")
	newScene(t, volume("Released", "Delete", "", 10)).none()
	newScene(t, volume("Bound", "Delete", "", 1000)).none()
}
