package kubelet

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"quarterdeck/playground/kubelet/program"
)

// podNetwork is where the pods of nodes without a podCIDR get their addresses.
const podNetwork = "10.64.0.0/10"

// site is the surroundings of the pods: nodes, addresses, images and the
// objects that pods refer to. It is safe for concurrent use.
type site struct {
	client kubernetes.Interface
	nodes  cache.Store

	mu        sync.Mutex
	addresses map[netip.Addr]types.UID
	images    map[[2]string]bool // node and image
	exits     map[string]int32   // of shells that were somebody's terminal, by container ID
}

func newSite(client kubernetes.Interface, nodes cache.Store) *site {
	return &site{
		client: client, nodes: nodes,
		addresses: map[netip.Addr]types.UID{},
		images:    map[[2]string]bool{},
		exits:     map[string]int32{},
	}
}

func (s *site) node(name string) (*corev1.Node, bool) {
	obj, found, err := s.nodes.GetByKey(name)
	if err != nil || !found {
		return nil, false
	}
	return obj.(*corev1.Node), true
}

// remember takes note of the address and images of a pod that runs already.
func (s *site) remember(pod *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr, err := netip.ParseAddr(pod.Status.PodIP); err == nil && !pod.Spec.HostNetwork {
		s.addresses[addr] = pod.UID
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.ContainerID != "" {
			s.images[[2]string{pod.Spec.NodeName, status.Image}] = true
		}
	}
}

// forget frees the address of a pod.
func (s *site) forget(pod *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr, err := netip.ParseAddr(pod.Status.PodIP); err == nil && s.addresses[addr] == pod.UID {
		delete(s.addresses, addr)
	}
}

func (s *site) hostIP(pod *corev1.Pod) string {
	if node, ok := s.node(pod.Spec.NodeName); ok {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return address.Address
			}
		}
	}
	return "127.0.0.1"
}

func (s *site) podIP(pod *corev1.Pod) string {
	if pod.Spec.HostNetwork {
		return s.hostIP(pod)
	}
	network := netip.MustParsePrefix(podNetwork)
	if node, ok := s.node(pod.Spec.NodeName); ok {
		if own, err := netip.ParsePrefix(node.Spec.PodCIDR); err == nil {
			network = own
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := pick(network, program.Seed(string(pod.UID)), func(a netip.Addr) bool {
		owner, used := s.addresses[a]
		return !used || owner == pod.UID
	})
	s.addresses[addr] = pod.UID
	return addr.String()
}

// pick returns an address of an IPv4 network that is free, starting the search
// at a place that depends on seed. The first and last two are left out. In a
// network without free addresses it returns the one that it started at.
func pick(network netip.Prefix, seed uint64, free func(netip.Addr) bool) netip.Addr {
	base := network.Masked().Addr().As4()
	first := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	size := uint32(1)<<(32-network.Bits()) - 4
	at := func(i uint32) netip.Addr {
		n := first + 2 + i%size
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	start := uint32(seed % uint64(size)) // less than size
	for i := range min(size, 4096) {
		if a := at(start + i); free(a) {
			return a
		}
	}
	return at(start)
}

func (s *site) pulled(node, image string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.images[[2]string{node, image}]
}

func (s *site) pull(node, image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[[2]string{node, image}] = true
}

// exit records that the shell which a container runs came to its end.
func (s *site) exit(containerID string, code int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exits[containerID] = code
}

func (s *site) exited(containerID string) (code int32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code, ok = s.exits[containerID]
	return code, ok
}

// visit is a look around in the site that ends with a context.
type visit struct {
	*site
	ctx context.Context
}

// find gets an object that a pod refers to, and says so if it does not exist.
func find[T any](v visit, kind, name string, get func(context.Context, string, metav1.GetOptions) (T, error)) (T, error) {
	object, err := get(v.ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return object, fmt.Errorf("%s %q not found", kind, name)
	}
	return object, err
}

func (v visit) configMap(namespace, name string) (*corev1.ConfigMap, error) {
	return find(v, "configmap", name, v.client.CoreV1().ConfigMaps(namespace).Get)
}

func (v visit) secret(namespace, name string) (*corev1.Secret, error) {
	return find(v, "secret", name, v.client.CoreV1().Secrets(namespace).Get)
}

func (v visit) mountError(pod *corev1.Pod) error {
	for i := range pod.Spec.Volumes {
		volume := &pod.Spec.Volumes[i]
		var err error
		switch source := volume.VolumeSource; {
		case source.ConfigMap != nil && !isTrue(source.ConfigMap.Optional):
			_, err = v.configMap(pod.Namespace, source.ConfigMap.Name)
		case source.Secret != nil && !isTrue(source.Secret.Optional):
			_, err = v.secret(pod.Namespace, source.Secret.SecretName)
		}
		if err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", volume.Name, err)
		}
	}
	return nil
}

func (v visit) configError(pod *corev1.Pod, container *corev1.Container) error {
	for _, from := range container.EnvFrom {
		if ref := from.ConfigMapRef; ref != nil && !isTrue(ref.Optional) {
			if _, err := v.configMap(pod.Namespace, ref.Name); err != nil {
				return err
			}
		}
		if ref := from.SecretRef; ref != nil && !isTrue(ref.Optional) {
			if _, err := v.secret(pod.Namespace, ref.Name); err != nil {
				return err
			}
		}
	}
	for _, env := range container.Env {
		if env.ValueFrom == nil {
			continue
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil && !isTrue(ref.Optional) {
			object, err := v.configMap(pod.Namespace, ref.Name)
			if err != nil {
				return err
			}
			if _, ok := object.Data[ref.Key]; !ok {
				return fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, pod.Namespace, ref.Name)
			}
		}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil && !isTrue(ref.Optional) {
			object, err := v.secret(pod.Namespace, ref.Name)
			if err != nil {
				return err
			}
			if _, ok := object.Data[ref.Key]; !ok {
				return fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, pod.Namespace, ref.Name)
			}
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }
