package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/views"
)

// What completion asks of the cluster.
const (
	completionTime  = 2 * time.Second // how long the shell waits for an answer
	completionLimit = 500             // how many names of a kind the shell offers
)

// complete runs list with the cluster that the flags name, and offers what it
// returns. What may not be listed is typed by hand.
func (c *command) complete(ctx context.Context, list func(context.Context, *views.Session) []string) ([]string, cobra.ShellCompDirective) {
	s, err := c.settings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	session, done, err := c.session(s, false, false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	return list(ctx, session), cobra.ShellCompDirectiveNoFileComp
}

// workloadWords returns the names of the workloads of kinds, each behind the
// prefix of its kind.
func workloadWords(ctx context.Context, s *views.Session, kinds []rolledKind, prefix func(rolledKind) string) []string {
	changer, err := s.Changer()
	if err != nil {
		return nil
	}
	var words []string
	for _, k := range kinds {
		list, err := changer.Metadata().Resource(k.gvr).Namespace(s.Namespace).List(ctx, metav1.ListOptions{Limit: completionLimit})
		if err != nil {
			continue
		}
		for _, name := range namesOf(list) {
			words = append(words, prefix(k)+name)
		}
	}
	return words
}
