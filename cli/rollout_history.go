package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
)

func (c *command) rolloutHistory() *cobra.Command {
	var output string
	var number int64
	cmd := &cobra.Command{
		Use:   "history KIND/NAME…",
		Short: "List the revisions that a workload can go back to, or print the template of one",
		Long: `Lists the revisions of a workload: when each was first rolled out, its pods, who
asked for it and why, as far as Kubernetes keeps that. With --revision it prints
the pod template of one.`,
		Example: `  qd rollout history deploy/checkout
  qd rollout history sts/ledger --revision 3`,
		Args: someWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("revision") && number <= 0 {
				return fmt.Errorf("--revision %d is none: they are numbered from 1", number)
			}
			return c.withWorkloads(cmd.Context(), func(ctx context.Context, w *workloads) error {
				return w.history(ctx, args, number, output == "json")
			})
		},
	}
	cmd.Flags().Int64Var(&number, "revision", 0, "print the template of this revision")
	format(cmd, &output, "table", "json")
	return cmd
}

// read reads the revisions of a workload.
func (w *workloads) read(ctx context.Context, ref kube.Ref) (*rollout.History, error) {
	ctx, cancel := w.Client.Call(ctx)
	defer cancel()
	h, err := rollout.ReadHistory(ctx, w.changer, ref)
	if err != nil {
		return nil, w.failure(ref, err)
	}
	return h, nil
}

// failure turns the error of something that was asked of a workload into a
// sentence.
func (w *workloads) failure(ref kube.Ref, err error) error {
	var status apierrors.APIStatus
	var network *url.Error
	var readOnly *guard.Refused
	var blocked *guard.Blocked
	switch {
	case errors.As(err, &readOnly):
		return readOnly
	case errors.As(err, &blocked):
		return blocked
	case apierrors.IsNotFound(err):
		return notThere(ref)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %s", sanitize.Line(ref.Where()), w.Explain(err, "read "+ref.GVR.Resource, ref.Namespace))
	case errors.As(err, &status), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return errors.New(w.Explain(err, "read "+sanitize.Line(ref.String()), ref.Namespace))
	}
	return err
}

func (w *workloads) history(ctx context.Context, args []string, number int64, asJSON bool) error {
	refs, err := w.parse(ctx, args)
	if err != nil {
		return err
	}
	var items []historyJSON
	var unread []string
	for i, ref := range refs {
		h, err := w.read(ctx, ref)
		if err != nil {
			return err
		}
		shown := h.Revisions
		if number > 0 {
			one, err := h.Find(number)
			if err != nil {
				return err
			}
			shown = []rollout.Revision{one}
		}
		if h.PodsUnread != nil {
			unread = append(unread, w.Explain(h.PodsUnread, "list pods", ref.Namespace))
		}
		switch {
		case asJSON:
			items = append(items, historyOf(h, shown, number > 0))
			continue
		case i > 0:
			fmt.Fprintln(w.out)
		}
		if number > 0 {
			err = w.printRevision(h, shown[0])
		} else {
			err = w.printHistory(h)
		}
		if err != nil {
			return err
		}
	}
	missing := sanitize.Line(strings.Join(unread, "; "))
	if asJSON {
		if err := printItems(w, items, missing); err != nil {
			return err
		}
	}
	if missing != "" {
		return errors.New("the pods of the revisions are not known: " + missing)
	}
	return nil
}

func (w *workloads) printHistory(h *rollout.History) error {
	fmt.Fprintln(w.out, sanitize.Line(h.Ref.Where()))
	if len(h.Revisions) == 0 {
		fmt.Fprintln(w.out, "no revision is kept yet")
		return nil
	}
	t := table{columns: []column{
		{title: "REV", right: true}, {title: "AGE", right: true}, {title: "READY", right: true}, {title: "BY", shrinks: true}, {title: "IMAGES"}, {title: "NOTES"},
	}}
	now := w.Now()
	for i := range h.Revisions {
		r := &h.Revisions[i]
		ready := fmt.Sprintf("%d/%d", r.Pods.Ready, r.Pods.Total)
		if h.PodsUnread != nil {
			ready = ""
		}
		notes := revisionNotes(r)
		if notes == "" {
			notes = "-"
		}
		t.add(strconv.FormatInt(r.Number, 10), ago(r.Created.Unix(), now), ready, r.By.Manager, shortImages(r.Template), notes)
	}
	if err := t.print(w.out, w.command.width()); err != nil {
		return err
	}
	if _, ok := h.Target(); !ok {
		fmt.Fprintln(w.out, "the template that it asks for now is none of them: its controller has not made a revision of it yet")
	}
	return nil
}

// revisionNotes says what is special about a revision.
func revisionNotes(r *rollout.Revision) string {
	var notes []string
	if r.Target {
		notes = append(notes, "current")
	}
	if r.Complete {
		notes = append(notes, "last complete")
	}
	if len(r.Former) > 0 {
		numbers := make([]string, len(r.Former))
		for i, n := range r.Former {
			numbers[i] = strconv.FormatInt(n, 10)
		}
		notes = append(notes, "was "+strings.Join(numbers, ", "))
	}
	if r.Cause != "" {
		notes = append(notes, strconv.Quote(r.Cause))
	}
	return strings.Join(notes, ", ")
}

func shortImages(t rollout.Template) string {
	images := t.Images()
	words := make([]string, len(images))
	for i, image := range images {
		words[i] = object.ShortImage(image.Image)
	}
	return strings.Join(words, ", ")
}

func (w *workloads) printRevision(h *rollout.History, r rollout.Revision) error {
	head := fmt.Sprintf("%s, revision %d, %s old", h.Ref.Where(), r.Number, field.Age(w.Now().Unix()-r.Created.Unix()))
	if r.By.Manager != "" {
		head += ", by " + r.By.Manager
	}
	if notes := revisionNotes(&r); notes != "" {
		head += ", " + notes
	}
	_, err := fmt.Fprintf(w.out, "# %s\n%s", sanitize.Line(head), r.Template.YAML())
	return err
}

// historyJSON are the revisions of a workload, the newest first.
type historyJSON struct {
	workloadJSON
	Revisions []revisionJSON `json:"revisions"`
}

type revisionJSON struct {
	Revision int64             `json:"revision"`
	Former   []int64           `json:"former,omitempty"` // numbers that it had before it was gone back to
	Name     string            `json:"name"`             // of the ReplicaSet or ControllerRevision
	Created  string            `json:"created"`
	By       string            `json:"by,omitempty"`
	Cause    string            `json:"cause,omitempty"`
	Images   map[string]string `json:"images"` // by container
	Current  bool              `json:"current"`
	Complete bool              `json:"complete"` // the last that is known to have been rolled out to the end
	Pods     *revisionPodsJSON `json:"pods"`     // null if they could not be read
	Template any               `json:"template,omitempty"`
}

type revisionPodsJSON struct {
	Total     int64 `json:"total"`
	Ready     int64 `json:"ready"`
	Available int64 `json:"available"`
}

func historyOf(h *rollout.History, shown []rollout.Revision, whole bool) historyJSON {
	j := historyJSON{workloadOf(h.Ref), make([]revisionJSON, 0, len(shown))}
	for i := range shown {
		r := &shown[i]
		rj := revisionJSON{
			Revision: r.Number, Former: r.Former, Name: r.Name, Created: moment(r.Created.Unix()), By: r.By.Manager, Cause: r.Cause,
			Images: map[string]string{}, Current: r.Target, Complete: r.Complete,
		}
		for _, image := range r.Template.Images() {
			rj.Images[image.Container] = image.Image
		}
		if h.PodsUnread == nil {
			rj.Pods = &revisionPodsJSON{r.Pods.Total, r.Pods.Ready, r.Pods.Available}
		}
		if whole {
			rj.Template = templateOf(r.Template)
		}
		j.Revisions = append(j.Revisions, rj)
	}
	return j
}

// templateOf returns a template as JSON has it, without defaults.
func templateOf(t rollout.Template) any {
	var fields any
	if err := yaml.Unmarshal([]byte(t.YAML()), &fields); err != nil {
		return t.YAML() // what could not be written says why
	}
	return fields
}
