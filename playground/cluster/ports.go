package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are drawn from below the range that kernels give to outgoing
// connections (32768 and up on Linux, 49152 elsewhere): a part that is stopped
// and started again must find its port free.
const (
	lowestPort  = 10000
	highestPort = 32000
)

// freePorts returns n different ports nobody listens on at 127.0.0.1. They are
// not reserved: random draws make it unlikely that a cluster starting at the
// same moment picks one of them.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	taken := map[int]bool{}
	for range 100 * n {
		if len(ports) == n {
			return ports, nil
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if taken[port] {
			continue
		}
		taken[port] = true
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return nil, fmt.Errorf("release port %d: %w", port, err)
		}
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("find %d free ports on 127.0.0.1 between %d and %d: only %d are free", n, lowestPort, highestPort, len(ports))
}

// loopback is the only address anything of a playground listens on.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
