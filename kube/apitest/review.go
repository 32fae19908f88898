package apitest

import (
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Permit says what the user may do; before, it is everything.
func (s *Server) Permit(rules ...authorizationv1.ResourceRule) {
	s.change(func() { s.rules = rules })
}

// review answers the questions of users about themselves; it reports whether
// this was one.
func (s *Server) review(w http.ResponseWriter, r Request) bool {
	if r.Verb != http.MethodPost || r.GVR.Group != authorizationv1.GroupName {
		return false
	}
	s.mu.Lock()
	rules := s.rules
	s.mu.Unlock()
	switch r.GVR.Resource {
	case "selfsubjectrulesreviews":
		s.told(w, r, &authorizationv1.SelfSubjectRulesReview{
			TypeMeta: metav1.TypeMeta{APIVersion: authorizationv1.SchemeGroupVersion.String(), Kind: "SelfSubjectRulesReview"},
			Status:   authorizationv1.SubjectRulesReviewStatus{ResourceRules: rules},
		})
	case "selfsubjectaccessreviews":
		// What belongs to no namespace is allowed to who may do everything.
		all := len(rules) > 0 && rules[0].Verbs[0] == "*" && rules[0].Resources[0] == "*"
		s.told(w, r, &authorizationv1.SelfSubjectAccessReview{
			TypeMeta: metav1.TypeMeta{APIVersion: authorizationv1.SchemeGroupVersion.String(), Kind: "SelfSubjectAccessReview"},
			Status:   authorizationv1.SubjectAccessReviewStatus{Allowed: all},
		})
	default:
		return false
	}
	return true
}

// told answers with an object that is not kept.
func (s *Server) told(w http.ResponseWriter, r Request, o runtime.Object) {
	body, contentType := encode(o, s.form(r, true))
	write(w, http.StatusCreated, contentType, body)
}
