package stream

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/streaming/pkg/httpstream"
)

func TestClearer(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New("no"))
	words := errors.New("unable to upgrade connection: pods web is forbidden")
	other := errors.New("command terminated with exit code 1")
	for _, tt := range []struct {
		name                string
		first, second, want error
	}{
		{"SPDY works", &httpstream.UpgradeFailureError{Cause: forbidden}, nil, nil},
		{"both are refused", &httpstream.UpgradeFailureError{Cause: forbidden}, words, forbidden},
		{"the command fails over SPDY", &httpstream.UpgradeFailureError{Cause: forbidden}, other, other},
		{"no words but those", &httpstream.UpgradeFailureError{Cause: errors.New("bad handshake")}, words, words},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clearer(tt.first, tt.second); !errors.Is(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
