package kubelet

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Provisioner is the CSI driver whose volumes exist in a playground. A
// StorageClass with it gets volumes; its CSIDriver must not require attaching.
const Provisioner = "csi.playground.example.com"

const (
	annotationProvisioner  = "volume.kubernetes.io/storage-provisioner"
	annotationSelectedNode = "volume.kubernetes.io/selected-node"
	annotationProvisioned  = "pv.kubernetes.io/provisioned-by"
)

// provisioner makes and deletes volumes as the provisioner of a CSI driver
// does. Binding them to their claims is the real controllers' work.
type provisioner struct {
	client  kubernetes.Interface
	claims  cache.SharedIndexInformer
	volumes cache.SharedIndexInformer
	classes cache.SharedIndexInformer
	factory informers.SharedInformerFactory
	queue   workqueue.TypedRateLimitingInterface[job]
}

// job is a claim that may want a volume, or a volume that may be done with.
type job struct{ claim, volume string }

func newProvisioner(client kubernetes.Interface) *provisioner {
	factory := informers.NewSharedInformerFactory(client, 0)
	return &provisioner{
		client:  client,
		claims:  factory.Core().V1().PersistentVolumeClaims().Informer(),
		volumes: factory.Core().V1().PersistentVolumes().Informer(),
		classes: factory.Storage().V1().StorageClasses().Informer(),
		factory: factory,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[job](100*time.Millisecond, 5*time.Second)),
	}
}

func (p *provisioner) run(ctx context.Context) error {
	for informer, makeJob := range map[cache.SharedIndexInformer]func(string) job{
		p.claims:  func(key string) job { return job{claim: key} },
		p.volumes: func(key string) job { return job{volume: key} },
	} {
		add := func(obj any) {
			if key, err := cache.MetaNamespaceKeyFunc(obj); err == nil {
				p.queue.Add(makeJob(key))
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: add, UpdateFunc: func(_, obj any) { add(obj) },
		}); err != nil {
			return fmt.Errorf("watch volumes: %w", err)
		}
	}
	p.factory.Start(ctx.Done())
	defer p.factory.Shutdown()
	var workers sync.WaitGroup
	defer workers.Wait()
	defer p.queue.ShutDown()
	if !cache.WaitForCacheSync(ctx.Done(), p.claims.HasSynced, p.volumes.HasSynced, p.classes.HasSynced) {
		return nil // ctx is done
	}
	workers.Go(func() {
		for p.work(ctx) {
		}
	})
	<-ctx.Done()
	return nil
}

func (p *provisioner) work(ctx context.Context) bool {
	next, quit := p.queue.Get()
	if quit {
		return false
	}
	defer p.queue.Done(next)
	var err error
	if next.claim != "" {
		err = p.provision(ctx, next.claim)
	} else {
		err = p.reclaim(ctx, next.volume)
	}
	if err != nil && ctx.Err() == nil {
		p.queue.AddRateLimited(next)
		return true
	}
	p.queue.Forget(next)
	return true
}

// provision makes the volume of a claim that waits for one of ours.
func (p *provisioner) provision(ctx context.Context, key string) error {
	obj, found, err := p.claims.GetStore().GetByKey(key)
	if err != nil || !found {
		return err
	}
	claim := obj.(*corev1.PersistentVolumeClaim)
	if claim.Status.Phase != corev1.ClaimPending || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil ||
		claim.Annotations[annotationProvisioner] != Provisioner || claim.Spec.StorageClassName == nil {
		return nil
	}
	class, found, err := p.classes.GetStore().GetByKey(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("storage class %q is not known yet", *claim.Spec.StorageClassName)
	}
	volume, err := p.volume(ctx, claim, class.(*storagev1.StorageClass))
	if err != nil {
		return err
	}
	if _, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{FieldManager: Provisioner}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create volume for %s: %w", key, err)
	}
	return nil
}

// reclaim deletes a volume whose claim is gone, if its policy says so.
func (p *provisioner) reclaim(ctx context.Context, name string) error {
	obj, found, err := p.volumes.GetStore().GetByKey(name)
	if err != nil || !found {
		return err
	}
	volume := obj.(*corev1.PersistentVolume)
	if volume.Status.Phase != corev1.VolumeReleased || volume.Annotations[annotationProvisioned] != Provisioner ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := p.client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete volume %s: %w", name, err)
	}
	return nil
}
