package views

import (
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"
	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// rolloutBarWidth is how many cells the bar of a rollout has in a list.
const rolloutBarWidth = 8

// rollouts lists how every workload is rolled out, what needs a look first.
func rollouts() *Resource[*rollout.Status] {
	return &Resource[*rollout.Status]{
		Kind: store.Kind[*rollout.Status]{
			GVR: appsv1.SchemeGroupVersion.WithResource("rollouts"), Kind: "Rollout", Namespaced: true,
		},
		Name: "rollouts", Short: []string{"ro", "rollout"}, Primary: keymap.ViewRollouts, Sort: "state",
		Columns: []Column[*rollout.Status]{
			nameColumn[*rollout.Status]().flex(1, 14),
			text("kind", func(s *rollout.Status) string { return shortKind(s.Kind) }),
			{
				ID: "ready", Kind: field.Number, Align: cell.Right,
				Value: func(s *rollout.Status, _ *Env) field.Value {
					return pair(int64(s.Counts.Ready), int64(s.Counts.Desired))
				},
				Tone: rolloutReadyTone,
			},
			{
				ID: "progress", Title: "ROLLOUT", Kind: field.Percent, Min: rolloutBarWidth,
				Value: func(s *rollout.Status, e *Env) field.Value {
					done := field.PercentOf(int64(s.Percent), 100)
					if e.Glyphs == nil {
						return done
					}
					return done.WithText(plain(rolloutBar(e.Glyphs, rolloutBarWidth, s.Counts)))
				},
				Tone: rolloutTone,
			},
			{
				ID: "state", Kind: field.Text, Min: 28, Flex: 3,
				Value: func(s *rollout.Status, e *Env) field.Value { return field.Of(s.Words(e.Now)) },
				Rank:  func(s *rollout.Status) int { return int(s.State) },
				Tone:  rolloutTone,
			},
			{
				ID: "rev", Kind: field.Number, Align: cell.Right,
				Value: func(s *rollout.Status, _ *Env) field.Value { return revisionNumber(s.Revision) },
			},
			since("started", func(s *rollout.Status) int64 { return s.Started.At }),
			text("by", func(s *rollout.Status) string { return s.Started.By }).middle(10, 20),
			text("image", (*rollout.Status).Image).middle(14, 32),
			podCount("new", func(s *rollout.Status) int32 { return s.Counts.New }),
			podCount("old", func(s *rollout.Status) int32 { return s.Counts.Old }),
			podCount("available", func(s *rollout.Status) int32 { return s.Counts.Available }),
			podCount("going", func(s *rollout.Status) int32 { return s.Counts.Terminating }),
			text("strategy", func(s *rollout.Status) string { return s.Strategy }).wide(),
			text("cause", func(s *rollout.Status) string { return s.Cause }).wide().flex(1, 8),
			ageColumn[*rollout.Status]().wide(),
			labelsColumn[*rollout.Status](),
		},
		Tone: func(s *rollout.Status) theme.Tone {
			if s.State == rollout.Zero || s.State == rollout.Deleting {
				return theme.Muted
			}
			return theme.Text
		},
		Open: func(s *Session, scope Scope) source[*rollout.Status] {
			return rolloutSource{s.watchRollouts(scope.store(), false)}
		},
		Enter: func(s *Session, r *rollout.Status) tea.Msg { return ui.Push(rolloutFrame(s, r.Ref())) },
		Ref:   (*rollout.Status).Ref,
		Detail: func(s *rollout.Status, _ *Env) []textview.Line {
			if s.Blocker == nil {
				return nil
			}
			return []textview.Line{{{Text: s.Blocker.Words, Tone: blockerSpan(s.Blocker).Tone}}, {}}
		},
		More: func(s *Session, sel chosen) []ui.Action {
			if len(sel.targets) == 0 {
				return nil
			}
			return []ui.Action{s.waitAction(sel.targets...)}
		},
		First:       []keymap.ActionID{keymap.GoOpen, keymap.RolloutUndo, keymap.RolloutWait, keymap.ListFilter},
		MayHavePods: true,
	}
}

// podCount returns a column of counts that may not be known.
func podCount(id string, get func(*rollout.Status) int32) Column[*rollout.Status] {
	return Column[*rollout.Status]{
		ID: id, Kind: field.Number, Align: cell.Right, Wide: true,
		Value: func(s *rollout.Status, _ *Env) field.Value {
			if n := get(s); n != rollout.Unknown {
				return field.Int(n)
			}
			return field.Value{}.WithText("n/a")
		},
	}
}

func revisionNumber(revision string) field.Value {
	n, err := strconv.ParseInt(revision, 10, 64)
	if err != nil {
		return field.Value{}.WithText("n/a")
	}
	return field.Int(n)
}

func rolloutReadyTone(s *rollout.Status, _ *Env) theme.Tone {
	switch {
	case s.Counts.Ready >= s.Counts.Desired:
		return theme.Text
	case s.Counts.Ready == 0:
		return theme.Error
	}
	return theme.Warn
}

func rolloutTone(s *rollout.Status, _ *Env) theme.Tone {
	switch s.State {
	case rollout.Stuck:
		return theme.Error
	case rollout.Progressing, rollout.Unobserved:
		return theme.Busy
	case rollout.Paused, rollout.OnDelete, rollout.Partitioned:
		return theme.Warn
	case rollout.Deleting, rollout.Zero:
		return theme.Muted
	case rollout.Complete:
	}
	return theme.Text
}

// isRolling reports whether Kubernetes itself rolls out an object.
func isRolling(ref kube.Ref) bool {
	return slices.Contains(resources("deployments.apps", "statefulsets.apps", "daemonsets.apps"), ref.GVR.GroupResource())
}
