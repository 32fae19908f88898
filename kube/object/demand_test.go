package object

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/resource"
)

// maker makes random pods of everything that has a say in what a pod requests.
type maker struct{ *rand.Rand }

func (m maker) list() corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, name := range []corev1.ResourceName{"cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu", "storage", "attachable-volumes-x"} {
		if m.IntN(2) == 0 {
			amounts := []string{"0", "1", "250m", "1500m", "1.5", "3", "128974848", "64Mi", "1Gi", "1e3", "100u", "1k", "129e6"}
			list[name] = quantity.MustParse(amounts[m.IntN(len(amounts))])
		}
	}
	return list
}

func (m maker) requirements() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: m.list(), Limits: m.list()}
}

// status says of a container nothing, what its spec says, or something else.
func (m maker) status(c *corev1.Container) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: c.Name}
	switch m.IntN(4) {
	case 0:
		s.Resources = c.Resources.DeepCopy()
	case 1:
		s.Resources = c.Resources.DeepCopy()
		s.AllocatedResources = maps.Clone(c.Resources.Requests)
	case 2:
		r := m.requirements()
		s.Resources = &r
		if m.IntN(2) == 0 {
			s.AllocatedResources = m.list()
		}
	}
	return s
}

func (m maker) pod() *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	p := &corev1.Pod{}
	for i := range m.IntN(4) {
		c := corev1.Container{Name: fmt.Sprint("i", i), Resources: m.requirements()}
		if m.IntN(2) == 0 {
			c.RestartPolicy = &always
		}
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
		if m.IntN(4) > 0 {
			p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, m.status(&c))
		}
	}
	for i := range 1 + m.IntN(3) {
		c := corev1.Container{Name: fmt.Sprint("c", i), Resources: m.requirements()}
		p.Spec.Containers = append(p.Spec.Containers, c)
		if m.IntN(4) > 0 {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, m.status(&c))
		}
	}
	if m.IntN(3) == 0 {
		p.Spec.Overhead = m.list()
	}
	if m.IntN(3) == 0 {
		r := m.requirements()
		p.Spec.Resources = &r
		if m.IntN(2) == 0 {
			s := m.requirements()
			p.Status.Resources = &s
			p.Status.AllocatedResources = m.list()
		}
	}
	if m.IntN(3) == 0 {
		reasons := []string{corev1.PodReasonInfeasible, corev1.PodReasonDeferred}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: reasons[m.IntN(2)]}}
	}
	return p
}

// A pod's requests and limits are those of the library that the scheduler uses,
// with its options, whatever is left out of the pod when it is read.
func TestDemandIsTheSchedulers(t *testing.T) {
	options := resource.PodResourcesOptions{
		UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true, UseDRANodeAllocatableResourceClaimStatus: true,
	}
	for seed := range uint64(800) {
		p := maker{rand.New(rand.NewPCG(seed, 7))}.pod()
		got := compact(t, Pods(), p)[0]
		for what, pair := range map[string]struct {
			got  Amounts
			want corev1.ResourceList
		}{
			"requests": {got.Requests(), resource.PodRequests(p, options)},
			"limits":   {got.Limits(), resource.PodLimits(p, options)},
		} {
			want := Amounts{
				Resources: Resources{CPU: pair.want.Cpu().MilliValue(), Memory: pair.want.Memory().Value()},
				Ephemeral: pair.want.StorageEphemeral().Value(),
			}
			for _, name := range slices.Sorted(maps.Keys(pair.want)) {
				if name == "hugepages-2Mi" || name == "example.com/gpu" || name == "attachable-volumes-x" {
					q := pair.want[name]
					want.Others = append(want.Others, Amount{string(name), q.Value()})
				}
			}
			if !reflect.DeepEqual(pair.got, want) {
				t.Fatalf("seed %d: %s are %+v, want %+v", seed, what, pair.got, want)
			}
		}
	}
}

// The mistakes that are often made, each by itself.
func TestDemand(t *testing.T) {
	cpu := func(s string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": quantity.MustParse(s)}}
	}
	ptr := func(r corev1.ResourceRequirements) *corev1.ResourceRequirements { return &r }
	for name, test := range map[string]struct {
		with func(*corev1.Pod)
		want int64 // millicores
	}{
		"one container": {func(*corev1.Pod) {}, 1000},
		"a sidecar is added": {func(p *corev1.Pod) {
			*p = *corePod(sidecar("s", nil), container("a", nil))
			p.Spec.InitContainers[0].Resources, p.Spec.Containers[0].Resources = cpu("200m"), cpu("1")
		}, 1200},
		"a sidecar before an init container runs beside it": {func(p *corev1.Pod) {
			*p = *corePod(sidecar("s", nil), initContainer("i", nil), container("a", nil))
			p.Spec.InitContainers[0].Resources, p.Spec.InitContainers[1].Resources, p.Spec.Containers[0].Resources = cpu("200m"), cpu("2"), cpu("1")
		}, 2200},
		"a sidecar after an init container does not": {func(p *corev1.Pod) {
			*p = *corePod(initContainer("i", nil), sidecar("s", nil), container("a", nil))
			p.Spec.InitContainers[0].Resources, p.Spec.InitContainers[1].Resources, p.Spec.Containers[0].Resources = cpu("2"), cpu("200m"), cpu("1")
		}, 2000},
		"the pod's own level counts instead of its containers'": {func(p *corev1.Pod) { p.Spec.Resources = ptr(cpu("700m")) }, 700},
		"overhead comes on top of that": {func(p *corev1.Pod) {
			p.Spec.Resources, p.Spec.Overhead = ptr(cpu("700m")), cpu("50m").Requests
		}, 750},
		"a resize that is under way holds what it had": {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Resources = ptr(cpu("3")) }, 3000},
		"a resize that the node has admitted counts": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].Resources, p.Status.ContainerStatuses[0].AllocatedResources = ptr(cpu("1")), cpu("4").Requests
		}, 4000},
		"a resize that cannot be does not": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].Resources = ptr(cpu("400m"))
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible}}
		}, 400},
		"part of a millicore is a whole one": {func(p *corev1.Pod) { p.Spec.Containers[0].Resources = cpu("100100u") }, 101},
		"more than there is room for":        {func(p *corev1.Pod) { p.Spec.Containers[0].Resources = cpu("9E") }, math.MaxInt64},
	} {
		p := corePod(container("a", running(true)))
		p.Spec.Containers[0].Resources = cpu("1")
		test.with(p)
		if got := compact(t, Pods(), p)[0].Requests().CPU; got != test.want {
			t.Errorf("%s: %dm, want %dm", name, got, test.want)
		}
	}
}

func TestAmounts(t *testing.T) {
	p := corePod(container("a", nil))
	p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"example.com/gpu": quantity.MustParse("2"), "cpu": quantity.MustParse("0")}
	with := compact(t, Pods(), p)[0].Requests()
	if with.Other("example.com/gpu") != 2 || with.Other("example.com/fpga") != 0 || with.Zero() {
		t.Errorf("%+v", with)
	}
	if none := (&Pod{}); !ptrTo(none.Requests()).Zero() || !ptrTo(none.Limits()).Zero() {
		t.Error("a pod of which nothing is known asks for something")
	}
	same := compact(t, Pods(), p, p)
	if same[0].Demand != same[1].Demand {
		t.Error("two pods that ask for the same do not share it")
	}
}

func ptrTo(a Amounts) *Amounts { return &a }

func TestTerminal(t *testing.T) {
	for phase, want := range map[corev1.PodPhase]bool{"Pending": false, "Running": false, "Unknown": false, "": false, "Succeeded": true, "Failed": true} {
		deleted := metav1.Unix(1, 0)
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}, Status: corev1.PodStatus{Phase: phase}}
		if got := compact(t, Pods(), p)[0].Terminal(); got != want {
			t.Errorf("%q: %v", phase, got)
		}
	}
}

// Whatever a quantity is, it is the whole number above it that the library gives,
// or the nearest that there is.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"0", "1", "1m", "1500m", "100u", "9E", "-9E", "9223372036854775807", "9223372036854775808", "1e30", "-1e30", "8Ei", "0.0000000001", "1Ki"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := quantity.ParseQuantity(s)
		if err != nil {
			return
		}
		for _, scale := range []quantity.Scale{0, quantity.Milli} {
			got := units(&q, scale)
			back := quantity.NewScaledQuantity(got, scale)
			switch {
			case got == math.MaxInt64 || got == math.MinInt64: // cut off
				if most := quantity.NewScaledQuantity(math.MaxInt64-1000, scale); got > 0 && q.Cmp(*most) < 0 || got < 0 && q.Sign() > 0 {
					t.Fatalf("%q cut off to %d", s, got)
				}
			case back.Cmp(q) < 0 || quantity.NewScaledQuantity(got-1, scale).Cmp(q) >= 0:
				t.Fatalf("%q in units of 10^%d is %d", s, scale, got)
			}
		}
	})
}
