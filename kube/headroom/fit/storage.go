package fit

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// Storage is what the scheduler knows of volumes. managedFields may be left out.
type Storage struct {
	Claims      []*corev1.PersistentVolumeClaim
	Volumes     []*corev1.PersistentVolume
	Classes     []*storagev1.StorageClass
	Drivers     []*storagev1.CSIDriver
	Nodes       []*storagev1.CSINode
	Capacities  []*storagev1.CSIStorageCapacity
	Attachments []*storagev1.VolumeAttachment
}

// fill puts what is known where the plugins look for it: into the indexes of
// informers that never run.
func (s *Storage) fill(f informers.SharedInformerFactory) error {
	if s == nil {
		return nil
	}
	core, storage := f.Core().V1(), f.Storage().V1()
	for _, err := range []error{
		add(core.PersistentVolumeClaims().Informer(), s.Claims),
		add(core.PersistentVolumes().Informer(), s.Volumes),
		add(storage.StorageClasses().Informer(), s.Classes),
		add(storage.CSIDrivers().Informer(), s.Drivers),
		add(storage.CSINodes().Informer(), s.Nodes),
		add(storage.CSIStorageCapacities().Informer(), s.Capacities),
		add(storage.VolumeAttachments().Informer(), s.Attachments),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func add[T any](informer cache.SharedIndexInformer, objects []T) error {
	for _, o := range objects {
		if err := informer.GetIndexer().Add(o); err != nil {
			return fmt.Errorf("take over what is known of volumes: %w", err)
		}
	}
	return nil
}
