package action

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/util/retry"

	"quarterdeck/kube"
)

// Where Jobs and Pods are.
func jobs() schema.GroupVersionResource { return batchv1.SchemeGroupVersion.WithResource("jobs") }
func pods() schema.GroupVersionResource { return corev1.SchemeGroupVersion.WithResource("pods") }

// Trigger prepares a Job from a CronJob's template now, as kubectl create job
// --from does: the CronJob owns it and counts it to its history.
func (c *Client) Trigger(ctx context.Context, ref kube.Ref) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	var cron batchv1.CronJob
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &cron); err != nil {
		return Change{}, fmt.Errorf("read %s: %w", ref.Where(), err)
	}
	owner := *metav1.NewControllerRef(&cron, batchv1.SchemeGroupVersion.WithKind("CronJob"))
	owner.BlockOwnerDeletion = nil // which some clusters let only those ask for who may delete the CronJob
	annotations := map[string]string{"cronjob.kubernetes.io/instantiate": "manual"}
	maps.Copy(annotations, cron.Spec.JobTemplate.Annotations)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: jobName(ref.Name, "manual"), Namespace: ref.Namespace,
			Labels: cron.Spec.JobTemplate.Labels, Annotations: annotations,
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: cron.Spec.JobTemplate.Spec,
	}
	change, err := c.create("trigger", ref, obj, job)
	if err != nil {
		return Change{}, err
	}
	change.Kubectl = c.kubectl(ref, "create", "job", job.Name, "--from="+object(ref))
	if cron.Spec.Suspend != nil && *cron.Spec.Suspend {
		change.Warnings = append(change.Warnings, "the CronJob is suspended; this one job runs nevertheless")
	}
	if cron.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent && len(cron.Status.Active) > 0 {
		change.Warnings = append(change.Warnings, "a job of it runs now, and its policy forbids two at a time: this one runs nevertheless")
	}
	return change, nil
}

// Rerun prepares another Job like one that was.
func (c *Client) Rerun(ctx context.Context, ref kube.Ref) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	var old batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &old); err != nil {
		return Change{}, fmt.Errorf("read %s: %w", ref.Where(), err)
	}
	// What the server and the controller wrote into the old job is made anew for
	// the new one.
	generated := func(key, _ string) bool {
		return slices.Contains([]string{"controller-uid", "job-name", batchv1.ControllerUidLabel, batchv1.JobNameLabel}, key)
	}
	spec := *old.Spec.DeepCopy()
	spec.Selector, spec.ManualSelector = nil, nil
	maps.DeleteFunc(spec.Template.Labels, generated)
	labels := maps.Clone(old.Labels)
	maps.DeleteFunc(labels, generated)
	annotations := maps.Clone(old.Annotations)
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return key == "kubectl.kubernetes.io/last-applied-configuration" || strings.HasPrefix(key, "batch.kubernetes.io/cronjob-scheduled")
	})
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: jobName(ref.Name, "rerun"), Namespace: ref.Namespace, Labels: labels, Annotations: annotations,
			OwnerReferences: old.OwnerReferences,
		},
		Spec: spec,
	}
	change, err := c.create("rerun", ref, obj, job)
	if err != nil {
		return Change{}, err
	}
	change.Kubectl = c.kubectl(ref, "get", object(ref), "-o", "json") +
		` | jq '.metadata={name:"` + job.Name + `"} | del(.spec.selector,.spec.template.metadata.labels,.status)' | ` + c.kubectl(ref, "create", "-f", "-")
	finished := slices.ContainsFunc(old.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == "True" && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
	switch {
	case old.Spec.Suspend != nil && *old.Spec.Suspend:
		change.Warnings = append(change.Warnings, "the job is suspended, and so will be the new one")
	case !finished:
		change.Warnings = append(change.Warnings, "the job has not finished: both will run")
	}
	return change, nil
}

// jobName returns a name for a job made of one called name. The pods of a job
// carry its name in a label, which holds 63 characters.
func jobName(name, how string) string {
	suffix := "-" + how + "-" + rand.String(5)
	const longest = 63
	return strings.TrimRight(name[:min(len(name), longest-len(suffix))], "-.") + suffix
}

// create returns the change that creates job because of ref.
func (c *Client) create(verb string, ref kube.Ref, source *unstructured.Unstructured, job *batchv1.Job) (Change, error) {
	job.TypeMeta = metav1.TypeMeta{APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job"}
	obj, err := unstructuredOf(job)
	if err != nil {
		return Change{}, err
	}
	ref.UID = source.GetUID()
	return c.Identify(Change{
		Verb: verb, Ref: ref, Summary: "create job " + job.Name, Object: source,
		do: func(ctx context.Context, dryRun bool) (string, error) {
			// Of a create only the status of a quota can be in conflict, written over
			// while the job was counted. Nothing was made then.
			err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
				_, err := c.objects.Resource(jobs()).Namespace(ref.Namespace).Create(ctx, obj,
					metav1.CreateOptions{FieldManager: FieldManager, DryRun: dry(dryRun)})
				return err
			})
			if err != nil {
				return "", fmt.Errorf("create job %s in %s: %w", job.Name, ref.Namespace, err)
			}
			return "job " + job.Name, nil
		},
	}), nil
}

func unstructuredOf(obj any) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("write %T: %w", obj, err)
	}
	return &unstructured.Unstructured{Object: fields}, nil
}
