package object

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/store"
)

// Synced is a custom resource by which a program brings a cluster to what stands
// in a repository, with what it has brought about.
type Synced struct {
	store.Meta
	Syncs []Sync // in no order
}

// Sync is one time that it did.
type Sync struct {
	At       int64  // seconds since 1970
	Revision string // of the repository, or a chart and its version
	State    string // "" where that is not told
	By       string // the user who began it, "" for the program itself
}

// ArgoApplications declares how applications of Argo CD are read
// (https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml).
func ArgoApplications() store.Kind[*Synced] {
	gvr := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	return store.Custom(gvr, "Application", true, newArgoApplication)
}

type argoApplicationFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Status struct {
		History []struct {
			Revision  string      `json:"revision"`
			Revisions []string    `json:"revisions"`
			Deployed  metav1.Time `json:"deployedAt"`
			By        struct {
				Username string `json:"username"`
			} `json:"initiatedBy"`
		} `json:"history"`
		Operation struct {
			Phase    string      `json:"phase"`
			Finished metav1.Time `json:"finishedAt"`
			Result   struct {
				Revision string `json:"revision"`
			} `json:"syncResult"`
			Operation struct {
				By struct {
					Username string `json:"username"`
				} `json:"initiatedBy"`
			} `json:"operation"`
		} `json:"operationState"`
	} `json:"status"`
}

func newArgoApplication(a *argoApplicationFields, in *store.Interner) *Synced {
	out := &Synced{Meta: in.Meta(&a.ObjectMeta)}
	for i := range a.Status.History {
		h := &a.Status.History[i]
		revision := h.Revision
		if revision == "" {
			revision = strings.Join(h.Revisions, ", ")
		}
		out.Syncs = append(out.Syncs, Sync{At: unix(&h.Deployed), Revision: in.String(revision), By: in.String(h.By.Username)})
	}
	// What failed is in no history.
	if o := &a.Status.Operation; o.Phase != "" && o.Phase != "Succeeded" && !o.Finished.IsZero() {
		out.Syncs = append(out.Syncs, Sync{
			At: unix(&o.Finished), Revision: in.String(o.Result.Revision), State: in.String(o.Phase), By: in.String(o.Operation.By.Username),
		})
	}
	return out
}

// FluxKustomizations declares how Kustomizations of Flux are read
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomization-status).
func FluxKustomizations() store.Kind[*Synced] {
	gvr := schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	return store.Custom(gvr, "Kustomization", true, newFlux)
}

// FluxReleases declares how HelmReleases of Flux are read
// (https://fluxcd.io/flux/components/helm/helmreleases/#helmrelease-status).
func FluxReleases() store.Kind[*Synced] {
	gvr := schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
	return store.Custom(gvr, "HelmRelease", true, newFlux)
}

type fluxFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Status struct {
		Applied    string            `json:"lastAppliedRevision"`
		Conditions []conditionFields `json:"conditions"`
		History    []struct {
			Chart    string      `json:"chartName"`
			Version  string      `json:"chartVersion"`
			Status   string      `json:"status"`
			Deployed metav1.Time `json:"lastDeployed"`
		} `json:"history"`
	} `json:"status"`
}

func newFlux(f *fluxFields, in *store.Interner) *Synced {
	out := &Synced{Meta: in.Meta(&f.ObjectMeta)}
	for i := range f.Status.History {
		h := &f.Status.History[i]
		if h.Chart != "" {
			out.Syncs = append(out.Syncs, Sync{At: unix(&h.Deployed), Revision: in.String(h.Chart + " " + h.Version), State: in.String(h.Status)})
		}
	}
	for i := range f.Status.Conditions {
		c := &f.Status.Conditions[i]
		switch {
		case c.Type != "Ready" || c.Status == "Unknown":
		case c.Status == "False":
			out.Syncs = append(out.Syncs, Sync{At: unix(&c.Changed), Revision: in.String(f.Status.Applied), State: in.String("failed: " + c.Reason)})
		case len(out.Syncs) == 0:
			out.Syncs = append(out.Syncs, Sync{At: unix(&c.Changed), Revision: in.String(f.Status.Applied)})
		}
	}
	return out
}
