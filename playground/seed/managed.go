package seed

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// listKeys are the fields that tell the items of a list apart, by the name of
// the list. Lists not named here are owned as a whole.
func listKeys(list string) []string {
	switch list {
	case "containers", "initContainers", "volumes", "env", "imagePullSecrets":
		return []string{"name"}
	case "ports":
		return []string{"containerPort", "protocol"}
	case "volumeMounts":
		return []string{"mountPath"}
	case "conditions":
		return []string{"type"}
	case "podIPs":
		return []string{"ip"}
	case "ownerReferences":
		return []string{"uid"}
	case "topologySpreadConstraints":
		return []string{"topologyKey", "whenUnsatisfiable"}
	default:
		return nil
	}
}

// managedFields says that manager set all the given top-level fields of
// object, as the API server would have recorded it.
func managedFields(object runtime.Object, entry metav1.ManagedFieldsEntry, fields map[string][]string) (metav1.ManagedFieldsEntry, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return entry, fmt.Errorf("list fields: %w", err)
	}
	owned := map[string]any{}
	for top, names := range fields {
		values, _ := content[top].(map[string]any)
		set := map[string]any{}
		for name, value := range values {
			if names == nil || slices.Contains(names, name) {
				set["f:"+name] = fieldSet(name, value)
			}
		}
		owned["f:"+top] = set
	}
	raw, err := json.Marshal(owned)
	if err != nil {
		return entry, fmt.Errorf("encode fields: %w", err)
	}
	entry.FieldsType = "FieldsV1"
	entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
	return entry, nil
}

// fieldSet is the set of fields within the value of the field called name.
func fieldSet(name string, value any) map[string]any {
	set := map[string]any{}
	switch value := value.(type) {
	case map[string]any:
		if name == "nodeSelector" || name == "resourceFieldRef" || name == "fieldRef" || name == "labelSelector" {
			return set // atomic
		}
		if len(value) > 0 {
			set["."] = map[string]any{}
		}
		for key, field := range value {
			set["f:"+key] = fieldSet(key, field)
		}
	case []any:
		keys := listKeys(name)
		for _, item := range value {
			fields, ok := item.(map[string]any)
			if !ok || keys == nil {
				return map[string]any{}
			}
			set["."] = map[string]any{}
			set["k:"+itemKey(fields, keys)] = fieldSet("", fields)
		}
	}
	return set
}

// itemKey is the JSON object of an item's keys.
func itemKey(item map[string]any, keys []string) string {
	values := map[string]any{}
	for _, key := range keys {
		values[key] = item[key]
	}
	encoded, err := json.Marshal(values)
	if err != nil {
		panic(err) // the values come from decoded JSON
	}
	return string(encoded)
}
