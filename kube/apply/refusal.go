package apply

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// said is an error in other words than its own, safe to show.
type said struct {
	words string
	err   error
}

func (s said) Error() string { return sanitize.Text(s.words) }
func (s said) Unwrap() error { return s.err }

// failed names the verb and the object that an error is about.
func failed(verb string, ref kube.Ref, err error) error {
	return fmt.Errorf("%s %s: %w", verb, sanitize.Line(ref.Where()), said{explain(err), err})
}

// explain returns the words of an error, or better ones for what the server
// says of text that does not fit a type. To that it adds the whole object, the
// values of a Secret included.
func explain(err error) string {
	words := err.Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if cause.Field == "patch" && cause.Type == metav1.CauseTypeFieldValueInvalid {
				words = cause.Message
				if i := strings.LastIndex(words, `": `); i >= 0 {
					words = words[i+len(`": `):]
				}
			}
		}
	}
	words = regexp.MustCompile(`^failed to create typed patch object \([^)]*\): \.?`).ReplaceAllString(words, "")
	words = strings.TrimPrefix(words, "strict decoding error: ")
	words = regexp.MustCompile(`unknown field "([^"]*)"`).ReplaceAllString(words, "it has no field $1")
	words = regexp.MustCompile(`^(\S+): field not declared in schema$`).ReplaceAllString(words, "it has no field $1")
	return words
}
