// Package access knows what the user may do in a cluster, so that an action that
// would be forbidden can say so before it is tried.
//
// One review of the user's rules in a namespace answers most questions about it.
// What those leave open, because the server says that they are not all, and what
// belongs to no namespace, is asked for exactly. Answers are kept for a short
// time; an error is no answer.
package access

import "strings"

// Need is a right that something needs.
type Need struct {
	Verb        string
	Group       string
	Resource    string // in the plural
	Subresource string
	Namespace   string // "" for what is in no namespace, and for all of them
	Name        string // "" for whichever
}

// String names the right as one says it after "you may not": patch
// deployments/scale in payments.
func (n Need) String() string {
	var s strings.Builder
	s.WriteString(n.Verb + " " + n.Resource)
	// The groups of Kubernetes itself are known by their resources.
	if strings.Contains(n.Group, ".") && !strings.HasSuffix(n.Group, ".k8s.io") {
		s.WriteString("." + n.Group)
	}
	if n.Subresource != "" {
		s.WriteString("/" + n.Subresource)
	}
	if n.Name != "" {
		s.WriteString(" " + n.Name)
	}
	if n.Namespace != "" {
		s.WriteString(" in " + n.Namespace)
	}
	return s.String()
}

// Answer says whether the user has a right.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota // not asked, asked too long ago, or it could not be found out
	Yes
	No
)

// String returns the answer as a word.
func (a Answer) String() string { return [...]string{"unknown", "yes", "no"}[a] }
