//go:build e2e

package network

// PodsOf returns the names of the pods with an address that a service selects.
func (g *Graph) PodsOf(namespace, service string) []string {
	names := []string{}
	if s := g.services[namespace][service]; s != nil {
		for _, p := range g.podsOf(s) {
			if p.IP != "" {
				names = append(names, p.Name)
			}
		}
	}
	return names
}
