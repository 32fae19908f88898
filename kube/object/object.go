// Package object holds the compact forms of the resources that Quarterdeck
// shows with columns of its own, and the declarations from which stores read
// them. Every other resource is shown by the server's table (store.Table).
//
// The objects are immutable and their strings are safe to show.
package object

import (
	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// path is a path of protobuf field numbers, as in the generated.proto of the
// resource's API group.
type path = []protoNumber

type protoNumber = protowire.Number

// Field numbers that all objects share.
const (
	specField   = 2
	statusField = 3
	annotations = 12 // of metadata
)

// noAnnotations drops the annotations, the largest part of many objects.
var noAnnotations = path{1, annotations}

// unix returns t in seconds since 1970, 0 for no time.
func unix(t *metav1.Time) int64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return t.Unix()
}
