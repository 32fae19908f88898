package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
)

func (c *command) rolloutDiff() *cobra.Command {
	var output, revisions string
	var unified bool
	cmd := &cobra.Command{
		Use:   "diff KIND/NAME",
		Short: "Compare the templates of two revisions",
		Long: `Compares the pod templates of two revisions, field by field, and lists the
ConfigMaps and Secrets of the older one that changed since: their contents have no
revisions. Without --revisions it compares the revision before with what the
workload asks for now.`,
		Example: `  qd rollout diff deploy/checkout
  qd rollout diff deploy/checkout --revisions 9,12
  qd rollout diff deploy/checkout --revisions 9 --unified`,
		Args: oneWorkload,
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to, err := parseRevisions(revisions)
			if err != nil {
				return err
			}
			return c.withWorkloads(cmd.Context(), func(ctx context.Context, w *workloads) error {
				d, err := w.diff(ctx, args, from, to)
				switch {
				case err != nil:
					return err
				case output == "json":
					return printItems(w, []diffJSON{d.json()}, "")
				}
				return d.print(w.out, unified || output == "yaml")
			})
		},
	}
	cmd.Flags().StringVar(&revisions, "revisions", "", "A,B compares these two; A that one with what is asked for now")
	cmd.Flags().BoolVarP(&unified, "unified", "u", false, "print a unified diff of the YAML, as -o yaml does")
	format(cmd, &output, "table", "json", "yaml")
	return cmd
}

// oneWorkload checks that a command is told what for, and one only. KIND NAME are
// two words.
func oneWorkload(cmd *cobra.Command, args []string) error {
	if err := someWorkloads(cmd, args); err != nil {
		return err
	}
	high := 1
	if _, ok := findKind(args[0]); ok {
		high = 2
	}
	return words(1, high, "")(cmd, args)
}

// parseRevisions reads A,B or A; 0 stands for one that is not named.
func parseRevisions(text string) (from, to int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	first, second, both := strings.Cut(text, ",")
	from, err = strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if err == nil && both {
		to, err = strconv.ParseInt(strings.TrimSpace(second), 10, 64)
	}
	if err != nil || from <= 0 || both && to <= 0 {
		return 0, 0, fmt.Errorf("--revisions %q is not two numbers of revisions: use A,B, as in 11,12", text)
	}
	return from, to, nil
}

// difference is that of two templates of a workload.
type difference struct {
	history   *rollout.History
	from      rollout.Revision
	to        rollout.Template
	number    int64 // of to, 0 if it has none
	fields    []rollout.Field
	referents []rollout.Referent
}

func (w *workloads) diff(ctx context.Context, args []string, from, to int64) (*difference, error) {
	refs, err := w.parse(ctx, args)
	if err != nil {
		return nil, err
	}
	h, err := w.read(ctx, refs[0])
	if err != nil {
		return nil, err
	}
	d := &difference{history: h, to: h.Current}
	target, ok := h.Target()
	switch {
	case from != 0:
		d.from, err = h.Find(from)
	case !ok && len(h.Revisions) > 0: // what is asked for now has no revision yet
		d.from = h.Revisions[0]
	default:
		d.from, err = h.Previous()
	}
	if err != nil {
		return nil, err
	}
	if ok {
		d.number = target.Number
	}
	if to != 0 {
		second, err := h.Find(to)
		if err != nil {
			return nil, err
		}
		d.to, d.number = second.Template, second.Number
	}
	d.fields = rollout.Compare(d.from.Template, d.to)
	ctx, cancel := w.Client.Call(ctx)
	defer cancel()
	d.referents = rollout.ReadReferents(ctx, w.changer, d.from.Template.References(h.Ref.Namespace), d.from.Created)
	return d, nil
}

// words names the two sides.
func (d *difference) words() (from, to string) {
	from, to = fmt.Sprintf("revision %d", d.from.Number), "the template of now"
	if d.number != 0 {
		to = fmt.Sprintf("revision %d", d.number)
	}
	return from, to
}

func (d *difference) print(out io.Writer, unified bool) error {
	from, to := d.words()
	if unified {
		_, err := io.WriteString(out, rollout.Unified(d.from.Template, d.to, from, to))
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s → %s\n", sanitize.Line(d.history.Ref.Where()), from, to)
	writeFields(&b, d.fields)
	if len(d.fields) == 0 {
		b.WriteString("\nno field differs\n")
	}
	if notes := referentWords(d.referents, d.from.Number); len(notes) > 0 {
		b.WriteString("\nnot in any revision:\n")
		for _, n := range notes {
			b.WriteString("  " + n + "\n")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeFields writes fields that differ, as a diff of each.
func writeFields(b *strings.Builder, fields []rollout.Field) {
	for _, f := range fields {
		fmt.Fprintf(b, "\n%s\n", f.Name())
		if f.Before != nil {
			fmt.Fprintf(b, "- %s\n", f.Was())
		}
		if f.After != nil {
			fmt.Fprintf(b, "+ %s\n", f.Is())
		}
	}
}

// referentWords says what became of ConfigMaps and Secrets since a revision.
func referentWords(referents []rollout.Referent, revision int64) []string {
	var notes []string
	for _, r := range referents {
		if words := r.Words(revision); words != "" {
			notes = append(notes, words)
		}
	}
	return notes
}

// diffJSON is what differs between two templates of a workload.
type diffJSON struct {
	workloadJSON
	From      int64          `json:"from"`
	To        int64          `json:"to,omitempty"` // none if what it asks for now has no revision yet
	Fields    []fieldJSON    `json:"fields"`
	Referents []referentJSON `json:"referents"`
}

type fieldJSON struct {
	Field  string `json:"field"`
	Before any    `json:"before"` // null if there was no such field
	After  any    `json:"after"`
	Order  bool   `json:"order,omitempty"` // only the order of the elements differs
}

// referentJSON is a ConfigMap or Secret of the template, as it is now.
type referentJSON struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	State string `json:"state"` // missing, unreadable, changed, untold or same
	Since string `json:"since,omitempty"`
	By    string `json:"by,omitempty"`
	Words string `json:"words,omitempty"`
}

func (d *difference) json() diffJSON {
	return diffJSON{
		workloadOf(d.history.Ref), d.from.Number, d.number, fieldsOf(d.fields), referentsOf(d.referents, d.from.Number),
	}
}

func fieldsOf(fields []rollout.Field) []fieldJSON {
	out := make([]fieldJSON, 0, len(fields))
	for _, f := range fields {
		out = append(out, fieldJSON{f.Name(), clean(f.Before), clean(f.After), f.Order})
	}
	return out
}

func referentsOf(referents []rollout.Referent, revision int64) []referentJSON {
	out := make([]referentJSON, 0, len(referents))
	for _, r := range referents {
		j := referentJSON{Kind: r.Ref.Kind, Name: sanitize.Line(r.Ref.Name), State: r.State.String(), By: r.By, Words: r.Words(revision)}
		if !r.Since.IsZero() {
			j.Since = moment(r.Since.Unix())
		}
		out = append(out, j)
	}
	return out
}

// clean makes all texts of a value harmless to a terminal. JSON escapes control
// characters, and not what deceives the reader.
func clean(value any) any {
	switch v := value.(type) {
	case string:
		return sanitize.Text(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clean(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[sanitize.Line(k)] = clean(e)
		}
		return out
	}
	return value
}
