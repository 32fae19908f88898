package store

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The forms of metadata alone, in protobuf, as the server makes them of lists and
// of what it sends in a watch.
const (
	metadataList  = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	metadataWatch = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
)

// Metadata declares a resource of which the metadata alone are read, managedFields
// included: who wrote what into an object, and nothing of its contents. compact
// must keep nothing of what it is given.
func Metadata[T Object](gvr schema.GroupVersionResource, kind string, namespaced bool,
	compact func(*metav1.PartialObjectMetadata, *Interner) T,
) Kind[T] {
	k := TypedManaged(gvr, kind, namespaced, compact)
	k.accept = metadataList
	return k
}

// watched returns what to accept of a watch, where lists are accepted as accept
// says.
func watched(accept string) string {
	accept = strings.ReplaceAll(accept, metadataList, metadataWatch)
	return strings.ReplaceAll(accept, protobufType, protobufType+";stream=watch")
}
