package fit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/sanitize"
)

// want places new pods, as many as quotas let in.
func (t *trial) want(ctx context.Context, w Want) error {
	model := w.Pod.DeepCopy()
	model.Name, model.GenerateName, model.Spec.NodeName = w.name(), "", ""
	model.Namespace = cmp.Or(model.Namespace, metav1.NamespaceDefault)
	t.limits(model)
	admitted, block := t.c.state.Quotas.allowed(model, w.Count)
	if t.block == nil {
		t.block = block
	}
	if t.c.state.Storage == nil {
		t.notes.about(t.c, model, nil)
		model.Spec.Volumes = slices.DeleteFunc(model.Spec.Volumes, isClaim)
	}
	pods := make([]candidate, 0, admitted)
	for k := range admitted {
		if k > 0 && len(w.Claims) == 0 && !slices.ContainsFunc(model.Spec.Volumes, isEphemeral) {
			again := pods[0]
			again.Name = sanitize.Line(fmt.Sprintf("%s+%d", w.name(), k+1))
			pods = append(pods, again)
			continue
		}
		p, err := t.newPod(w, model, k)
		if err != nil {
			return err
		}
		pods = append(pods, p)
	}
	if err := t.place(ctx, pods); err != nil {
		return err
	}
	t.asked += w.Count - admitted
	for k := admitted; k < w.Count; k++ {
		name := sanitize.Line(fmt.Sprintf("%s+%d", w.name(), k+1))
		t.lack(Pod{Namespace: sanitize.Line(model.Namespace), Name: name}, []Reason{{Reason: sanitize.Line(block.Why)}})
	}
	return nil
}

// newPod returns new pod k of w with its own claims.
func (t *trial) newPod(w Want, model *corev1.Pod, k int) (candidate, error) {
	p := model.DeepCopy()
	c := candidate{Pod: Pod{Namespace: sanitize.Line(p.Namespace), Name: sanitize.Line(fmt.Sprintf("%s+%d", w.name(), k+1))}}
	p.Name = fmt.Sprintf("%s-%d", w.name(), w.First+k)
	if len(w.Claims) > 0 {
		c.Name = sanitize.Line(p.Name)
	}
	for i := range w.Claims {
		if err := t.claim(p, w.Claims[i].Name+"-"+p.Name, w.Claims[i].Name, &w.Claims[i]); err != nil {
			return c, err
		}
	}
	for _, v := range slices.Clone(p.Spec.Volumes) {
		if v.Ephemeral == nil || v.Ephemeral.VolumeClaimTemplate == nil {
			continue
		}
		made := &corev1.PersistentVolumeClaim{Spec: v.Ephemeral.VolumeClaimTemplate.Spec}
		if err := t.claim(p, p.Name+"-"+v.Name, v.Name, made); err != nil {
			return c, err
		}
	}
	made, err := newShape(p, fmt.Sprintf("new-%s-%d", w.name(), k))
	if err != nil {
		return c, fmt.Errorf("read the rules of the pod: %w", err)
	}
	c.shape = made
	return c, nil
}

// claim gives a pod the claim that its controller would make of a template,
// in place of the volume of that name. One that is bound before the scheduler
// looks at it decides where the pod goes, which nobody knows in advance.
func (t *trial) claim(p *corev1.Pod, name, volume string, template *corev1.PersistentVolumeClaim) error {
	p.Spec.Volumes = slices.DeleteFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })
	s := t.c.state.Storage
	if s == nil {
		return nil // noted: nothing is known of volumes
	}
	if !slices.ContainsFunc(s.Claims, func(c *corev1.PersistentVolumeClaim) bool { return c.Namespace == p.Namespace && c.Name == name }) {
		claim := template.DeepCopy()
		claim.Namespace, claim.Name, claim.UID = p.Namespace, name, types.UID(name)
		claim.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
		class := s.class(claim)
		if class == nil || class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer {
			t.notes.add("where new volumes are made: a volume of class %s is there before its pod has a node", className(claim, class))
			return nil
		}
		claim.Spec.StorageClassName = &class.Name
		if err := t.factory.Core().V1().PersistentVolumeClaims().Informer().GetIndexer().Add(claim); err != nil {
			return fmt.Errorf("make claim %s: %w", name, err)
		}
	}
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
	}})
	return nil
}

func className(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) string {
	switch {
	case class != nil:
		return class.Name
	case claim.Spec.StorageClassName != nil && *claim.Spec.StorageClassName != "":
		return *claim.Spec.StorageClassName
	}
	return "none"
}

// class returns the class of a new claim, the default one if it names none, nil
// if there is none.
func (s *Storage) class(claim *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	const standard = "storageclass.kubernetes.io/is-default-class"
	for _, c := range s.Classes {
		if name := claim.Spec.StorageClassName; name != nil && c.Name == *name || name == nil && c.Annotations[standard] == "true" {
			return c
		}
	}
	return nil
}

func isEphemeral(v corev1.Volume) bool { return v.Ephemeral != nil }

// limits notes that the API server may change what a pod asks for.
func (t *trial) limits(p *corev1.Pod) {
	if t.c.state.Quotas == nil {
		return
	}
	for i := range t.c.state.Quotas.Limits {
		if l := &t.c.state.Quotas.Limits[i]; l.Namespace == p.Namespace {
			t.notes.add("limit range %s/%s, which gives containers that say nothing what it likes", l.Namespace, l.Name)
		}
	}
}
