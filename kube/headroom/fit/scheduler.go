package fit

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	plugin "k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/interpodaffinity"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodename"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeports"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeunschedulable"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/podtopologyspread"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/schedulinggates"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/tainttoleration"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumebinding"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumerestrictions"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumezone"
)

// scheduler holds the filter plugins, and the nodes that they look at. It
// belongs to one goroutine.
type scheduler struct {
	view     *view
	plugins  []filter
	gates    fwk.PreEnqueuePlugin
	binder   fwk.ReservePlugin // remembers which volumes a pod takes
	factory  informers.SharedInformerFactory
	opinions map[*shape]*opinion
	nearby   map[*shape]*neighborhood // in the cluster as it is
	domains  map[string][]domain      // of topology keys
}

// filter is a plugin that decides about nodes.
type filter struct {
	fwk.Plugin
	decide  fwk.FilterPlugin
	prepare fwk.PreFilterPlugin // nil if it needs to know nothing but the node
	beyond  bool                // what becomes of other nodes and pods changes its mind
	looksAt func(*scheduler, *neighborhood) []fwk.NodeInfo
}

// handle is what the plugins know of the scheduler they run in. They were read
// for what they use: nothing else of the interface, which is nil, is called by
// the methods that this package calls.
type handle struct {
	fwk.Handle
	view    *view
	factory informers.SharedInformerFactory
}

func (h handle) SnapshotSharedLister() fwk.SharedLister                 { return h.view }
func (h handle) SharedInformerFactory() informers.SharedInformerFactory { return h.factory }
func (h handle) Parallelizer() fwk.Parallelizer                         { return inline{} }
func (h handle) SharedCSIManager() fwk.CSIManager {
	return nodevolumelimits.NewCSIManager(h.factory.Storage().V1().CSINodes().Lister())
}

// ClientSet is nil: nothing is written.
func (h handle) ClientSet() kubernetes.Interface { return nil }

// inline runs the plugins' loops over nodes, of which they are shown few.
type inline struct{}

func (inline) Until(_ context.Context, pieces int, work workqueue.DoWorkPieceFunc, _ string) {
	for i := range pieces {
		work(i)
	}
}

// features are those of the scheduler that this package is built with, by
// default. Devices and features that nodes declare are not modelled.
func features() plugin.Features {
	f := plugin.NewSchedulerFeaturesFromGates(feature.DefaultFeatureGate)
	f.EnableDynamicResourceAllocation, f.EnableDRAExtendedResource = false, false
	return f
}

// newScheduler makes the plugins of the default profile, in its order, over the
// nodes of c.
func newScheduler(ctx context.Context, c *Cluster) (*scheduler, error) {
	s := &scheduler{
		view: newView(c), factory: informers.NewSharedInformerFactory(nil, 0),
		opinions: map[*shape]*opinion{}, nearby: map[*shape]*neighborhood{}, domains: map[string][]domain{},
	}
	h, fts := handle{view: s.view, factory: s.factory}, features()
	type maker func(context.Context, runtime.Object, fwk.Handle, plugin.Features) (fwk.Plugin, error)
	leastAllocated := &config.ScoringStrategy{Type: config.LeastAllocated, Resources: []config.ResourceSpec{
		{Name: string(corev1.ResourceCPU), Weight: 1}, {Name: string(corev1.ResourceMemory), Weight: 1},
	}}
	for _, p := range []struct {
		make    maker
		args    runtime.Object
		beyond  bool
		looksAt func(*scheduler, *neighborhood) []fwk.NodeInfo
	}{
		{make: nodeunschedulable.New},
		{make: nodename.New},
		{make: tainttoleration.New},
		{make: nodeaffinity.New, args: &config.NodeAffinityArgs{}},
		{make: nodeports.New},
		{make: noderesources.NewFit, args: &config.NodeResourcesFitArgs{ScoringStrategy: leastAllocated}},
		{make: volumerestrictions.New, beyond: true},
		{make: nodevolumelimits.NewCSI, beyond: true},
		{make: volumebinding.New, args: &config.VolumeBindingArgs{BindTimeoutSeconds: 600}, beyond: true},
		{make: volumezone.New, beyond: true},
		{make: podtopologyspread.New, args: &config.PodTopologySpreadArgs{DefaultingType: config.ListDefaulting}, beyond: true, looksAt: (*scheduler).spreadOver},
		{make: interpodaffinity.New, args: &config.InterPodAffinityArgs{HardPodAffinityWeight: 1}, beyond: true, looksAt: (*scheduler).neighbors},
	} {
		made, err := p.make(ctx, p.args, h, fts)
		if err != nil {
			return nil, fmt.Errorf("make the scheduler's filters: %w", err)
		}
		f := filter{Plugin: made, beyond: p.beyond, looksAt: p.looksAt}
		if f.looksAt == nil {
			f.looksAt = func(*scheduler, *neighborhood) []fwk.NodeInfo { return nil }
		}
		f.decide, _ = made.(fwk.FilterPlugin)
		f.prepare, _ = made.(fwk.PreFilterPlugin)
		if r, ok := made.(fwk.ReservePlugin); ok {
			s.binder = r
		}
		s.plugins = append(s.plugins, f)
	}
	gates, err := schedulinggates.New(ctx, nil, h, fts)
	if err != nil {
		return nil, fmt.Errorf("make the scheduler's gates: %w", err)
	}
	s.gates, _ = gates.(fwk.PreEnqueuePlugin)
	namespaces := s.factory.Core().V1().Namespaces().Informer().GetIndexer()
	for _, n := range c.state.Namespaces {
		if err := namespaces.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labelMap(n.Labels)}}); err != nil {
			return nil, fmt.Errorf("take over namespace %s: %w", n.Name, err)
		}
	}
	return s, c.state.Storage.fill(s.factory)
}
