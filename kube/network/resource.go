package network

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// Resource names what is read, as the API does.
type Resource string

// The resources.
const (
	Pods           Resource = "pods"
	Deployments    Resource = "deployments"
	StatefulSets   Resource = "statefulsets"
	DaemonSets     Resource = "daemonsets"
	Services       Resource = "services"
	EndpointSlices Resource = "endpointslices"
	Ingresses      Resource = "ingresses"
	IngressClasses Resource = "ingressclasses"
	Secrets        Resource = "secrets" // certificates in those of type TLS only
	Namespaces     Resource = "namespaces"

	GatewayClasses  Resource = "gatewayclasses"
	Gateways        Resource = "gateways"
	HTTPRoutes      Resource = "httproutes"
	GRPCRoutes      Resource = "grpcroutes"
	TLSRoutes       Resource = "tlsroutes"
	TCPRoutes       Resource = "tcproutes"
	ReferenceGrants Resource = "referencegrants"
)

// kindOf is what an object of a resource is called.
type kindOf struct {
	gvr  schema.GroupVersionResource
	kind string
}

// builtin returns the kinds that every cluster has.
func builtin() map[Resource]kindOf {
	return map[Resource]kindOf{
		Pods:           {object.Pods().GVR, "Pod"},
		Deployments:    {object.Deployments().GVR, "Deployment"},
		StatefulSets:   {object.StatefulSets().GVR, "StatefulSet"},
		DaemonSets:     {object.DaemonSets().GVR, "DaemonSet"},
		Services:       {object.Services().GVR, "Service"},
		EndpointSlices: {object.EndpointSlices().GVR, "EndpointSlice"},
		Ingresses:      {object.Ingresses().GVR, "Ingress"},
		IngressClasses: {object.IngressClasses().GVR, "IngressClass"},
		Secrets:        {object.Certificates().GVR, "Secret"},
		Namespaces:     {object.Namespaces().GVR, "Namespace"},
	}
}

// gatewayKinds are the resources of the Gateway API and their kinds.
func gatewayKinds() map[Resource]string {
	return map[Resource]string{
		GatewayClasses: "GatewayClass", Gateways: "Gateway", ReferenceGrants: "ReferenceGrant",
		HTTPRoutes: "HTTPRoute", GRPCRoutes: "GRPCRoute", TLSRoutes: "TLSRoute", TCPRoutes: "TCPRoute",
	}
}

// routeResources are the routes of the Gateway API.
func routeResources() []Resource { return []Resource{HTTPRoutes, GRPCRoutes, TLSRoutes, TCPRoutes} }

// servedGateway returns the resources of the Gateway API that a server has, with
// the first version of each that it names.
func servedGateway(served []metav1.APIResource) map[Resource]string {
	versions, kinds := map[Resource]string{}, gatewayKinds()
	group := object.GatewayAPI("", "").Group
	for i := range served {
		s := &served[i]
		if _, ok := kinds[Resource(s.Name)]; !ok || s.Group != group {
			continue
		}
		if versions[Resource(s.Name)] == "" {
			versions[Resource(s.Name)] = s.Version
		}
	}
	return versions
}

// ref names an object.
func (g *Graph) ref(r Resource, namespace, name string) kube.Ref {
	k := g.kinds[r]
	return kube.Ref{GVR: k.gvr, Kind: k.kind, Namespace: namespace, Name: name}
}

// Resource returns what is read that an object is of, false if it is nothing that
// is read here.
func (g *Graph) resource(ref kube.Ref) (Resource, bool) {
	r := Resource(ref.GVR.Resource)
	k, ok := g.kinds[r]
	return r, ok && k.gvr.Group == ref.GVR.Group
}

func isRoute(r Resource) bool { return slices.Contains(routeResources(), r) }
