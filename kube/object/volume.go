package object

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/store"
)

// Volumes declares how persistent volumes are read, without what they are made
// of.
func Volumes() store.Kind[*Volume] {
	const source, mountOptions, affinity = 2, 7, 9 // of PersistentVolumeSpec
	return store.Typed(corev1.SchemeGroupVersion.WithResource("persistentvolumes"), "PersistentVolume", false, newVolume,
		noAnnotations, path{specField, source}, path{specField, mountOptions}, path{specField, affinity})
}

// Volume is a compact persistent volume.
type Volume struct {
	store.Meta
	Phase    string // Available, Bound, Released, Failed or Pending
	Class    string
	Capacity int64 // bytes
	Keeps    bool  // its data when its claim is deleted
	Message  string
	Changed  int64 // when it came to be in its phase, seconds since 1970, 0 if that is not known

	ClaimNamespace, Claim string // whom it is for, "" while it is free
	ClaimUID              types.UID
}

func newVolume(v *corev1.PersistentVolume, in *store.Interner) *Volume {
	out := &Volume{
		Meta: in.Meta(&v.ObjectMeta), Phase: in.String(string(v.Status.Phase)), Class: in.String(v.Spec.StorageClassName),
		Capacity: v.Spec.Capacity.Storage().Value(), Keeps: v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain,
		Message: in.String(v.Status.Message), Changed: unix(v.Status.LastPhaseTransitionTime),
	}
	if c := v.Spec.ClaimRef; c != nil {
		out.ClaimNamespace, out.Claim, out.ClaimUID = in.String(c.Namespace), in.String(c.Name), types.UID(in.String(string(c.UID)))
	}
	return out
}

// StorageClasses declares how storage classes are read.
func StorageClasses() store.Kind[*StorageClass] {
	const parameters, topologies = 3, 8
	return store.Typed(storagev1.SchemeGroupVersion.WithResource("storageclasses"), "StorageClass", false, newStorageClass,
		path{parameters}, path{topologies})
}

// StorageClass is a compact storage class.
type StorageClass struct {
	store.Meta
	Provisioner string
	Waits       bool // binds a claim when a pod that uses it has a node
	Default     bool // of claims that name no class
}

// Static reports whether nobody makes volumes of the class: there are those that
// somebody made before.
func (s *StorageClass) Static() bool { return s.Provisioner == "kubernetes.io/no-provisioner" }

func newStorageClass(s *storagev1.StorageClass, in *store.Interner) *StorageClass {
	return &StorageClass{
		Meta: in.Meta(&s.ObjectMeta), Provisioner: in.String(s.Provisioner),
		Waits:   s.VolumeBindingMode != nil && *s.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer,
		Default: s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true",
	}
}
