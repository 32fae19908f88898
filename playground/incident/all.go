package incident

import "slices"

// fields and list are what patches are made of.
type (
	fields = map[string]any
	list   = []any
)

// release changes a container of a Deployment and the cause of that.
func release(cause, container string, change fields) fields {
	return fields{
		"metadata": fields{"annotations": fields{"kubernetes.io/change-cause": cause}},
		"spec":     fields{"template": fields{"spec": containers(container, change)}},
	}
}

func containers(name string, change fields) fields {
	one := fields{"name": name}
	for key, value := range change {
		one[key] = value
	}
	return fields{"containers": list{one}}
}

func spec(change fields) fields { return fields{"spec": change} }

func template(change fields) fields { return spec(fields{"template": spec(change)}) }

func image(tag string) fields { return fields{"image": "registry.example.com/shop/" + tag} }

// All returns every incident, in chapters.
func All() []Incident {
	return slices.Concat(containerIncidents(), scheduling(), workloads(), nodes(), network(), storage(), policy())
}

func memory(request, limit string) fields {
	return fields{"resources": fields{"requests": fields{"memory": request}, "limits": fields{"memory": limit}}}
}

func cpu(request, limit string) fields {
	return fields{"resources": fields{"requests": fields{"cpu": request}, "limits": fields{"cpu": limit}}}
}

func probe(path string) fields {
	return fields{"readinessProbe": fields{"httpGet": fields{"path": path}}}
}

func environment(configMap string) fields {
	return fields{"envFrom": list{fields{"configMapRef": fields{"name": configMap}}}}
}

// merge adds fields to the spec of a patch.
func merge(patch, more fields) fields {
	for key, value := range more {
		patch["spec"].(fields)[key] = value
	}
	return patch
}

func limit(memory string) fields {
	return fields{"resources": fields{"limits": fields{"memory": memory}}}
}

func condition(kind, status, reason, message string) fields {
	return fields{"type": kind, "status": status, "reason": reason, "message": message}
}
