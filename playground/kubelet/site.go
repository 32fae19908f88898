package kubelet

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

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
}

func newSite(client kubernetes.Interface, nodes cache.Store) *site {
	return &site{
		client: client, nodes: nodes,
		addresses: map[netip.Addr]types.UID{},
		images:    map[[2]string]bool{},
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
	start := uint32(seed % uint64(size)) //nolint:gosec // less than size
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

// lookupTimeout bounds the questions that the start of a pod asks the API.
const lookupTimeout = 5 * time.Second

func (s *site) configMap(namespace, name string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	object, err := s.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("configmap %q not found", name)
	}
	if err != nil {
		return nil, err
	}
	return object.Data, nil
}

func (s *site) secret(namespace, name string) (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	object, err := s.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("secret %q not found", name)
	}
	if err != nil {
		return nil, err
	}
	return object.Data, nil
}

func (s *site) mountError(pod *corev1.Pod) error {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		var err error
		switch {
		case v.ConfigMap != nil && !isTrue(v.ConfigMap.Optional):
			_, err = s.configMap(pod.Namespace, v.ConfigMap.Name)
		case v.Secret != nil && !isTrue(v.Secret.Optional):
			_, err = s.secret(pod.Namespace, v.Secret.SecretName)
		}
		if err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", v.Name, err)
		}
	}
	return nil
}

func (s *site) configError(pod *corev1.Pod, container *corev1.Container) error {
	for _, from := range container.EnvFrom {
		if ref := from.ConfigMapRef; ref != nil && !isTrue(ref.Optional) {
			if _, err := s.configMap(pod.Namespace, ref.Name); err != nil {
				return err
			}
		}
		if ref := from.SecretRef; ref != nil && !isTrue(ref.Optional) {
			if _, err := s.secret(pod.Namespace, ref.Name); err != nil {
				return err
			}
		}
	}
	for _, env := range container.Env {
		if env.ValueFrom == nil {
			continue
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil && !isTrue(ref.Optional) {
			data, err := s.configMap(pod.Namespace, ref.Name)
			if err != nil {
				return err
			}
			if _, ok := data[ref.Key]; !ok {
				return fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, pod.Namespace, ref.Name)
			}
		}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil && !isTrue(ref.Optional) {
			data, err := s.secret(pod.Namespace, ref.Name)
			if err != nil {
				return err
			}
			if _, ok := data[ref.Key]; !ok {
				return fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, pod.Namespace, ref.Name)
			}
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }
