package ui_test

import (
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui"
	"quarterdeck/ui/uitest"
)

// names is a picker of names that are still being loaded, and what was chosen.
type names struct {
	*house
	loads chan ui.Loaded
	ran   chan string
}

func (n *names) item(label string) ui.Item {
	return ui.Item{Label: label, Run: func() tea.Msg { n.ran <- label; return nil }}
}

func (n *names) items(labels ...string) []ui.Item {
	var items []ui.Item
	for _, l := range labels {
		items = append(items, n.item(l))
	}
	return items
}

// open shows a picker that knows "all", with n sources of more.
func (n *names) open(t *testing.T, sources int) {
	t.Helper()
	n.loads = make(chan ui.Loaded)
	p := &ui.Picker{Title: "name", Loads: "names", Items: n.items("all"), Free: func(text string) (ui.Item, bool) {
		return n.item("use " + text), text == "go there"
	}}
	loads := n.loads
	for range sources {
		p.Load = append(p.Load, func() tea.Msg { return <-loads })
	}
	n.Send(ui.Pick(p))
	n.WaitFor(t, "name›")
}

func (n *names) want(t *testing.T, label string) {
	t.Helper()
	if got := receive(t, n.ran); got != label {
		t.Fatalf("%q was chosen, want %q", got, label)
	}
	n.WaitGone(t, "name›")
}

// What is typed before the names are there is not taken for one of them.
func TestPickerWaits(t *testing.T) {
	n := &names{house: open(t, ui.Options{}), ran: make(chan string, 10)}

	n.open(t, 1)
	n.Type("monit", uitest.Enter)
	n.WaitFor(t, "loading names…")
	n.loads <- ui.Loaded{Items: n.items("amonit", "monitoring")}
	n.want(t, "monitoring")

	n.open(t, 2) // what begins with the text is as good as all that may come
	n.Type("pay", uitest.Enter)
	n.WaitFor(t, "loading names…")
	n.loads <- ui.Loaded{Items: n.items("spray")}
	n.loads <- ui.Loaded{Items: n.items("payments")}
	n.want(t, "payments")

	n.open(t, 2)
	n.Type("pay", uitest.Enter)
	n.loads <- ui.Loaded{Items: n.items("payments")}
	n.want(t, "payments")
	n.loads <- ui.Loaded{}

	n.open(t, 1) // what there is at once needs nothing more
	n.Type("al", uitest.Enter)
	n.want(t, "all")
	n.loads <- ui.Loaded{}

	n.open(t, 1)
	n.Type("go there", uitest.Enter)
	n.want(t, "use go there")
	n.loads <- ui.Loaded{}

	n.open(t, 1) // nothing fits: that is seen before it is taken
	n.Type("zzz", uitest.Enter)
	n.WaitFor(t, "loading names…")
	n.loads <- ui.Loaded{Items: n.items("payments")}
	n.WaitFor(t, "▌use zzz")
	n.WaitFor(t, "nothing matches")
	n.Type(uitest.Enter)
	n.want(t, "use zzz")

	n.open(t, 1) // the same where the names could not be had
	n.Type("zzz", uitest.Enter)
	n.WaitFor(t, "loading names…")
	n.loads <- ui.Loaded{Problem: "you may not"}
	n.WaitFor(t, "▌use zzz")
	n.WaitFor(t, "you may not")
	n.Type(uitest.Enter)
	n.want(t, "use zzz")

	n.open(t, 1) // typing on, the enter before is forgotten
	n.Type("mon", uitest.Enter)
	n.WaitFor(t, "loading names…")
	n.Type("it")
	n.WaitGone(t, "loading names…")
	n.loads <- ui.Loaded{Items: n.items("monitoring")}
	n.WaitFor(t, "▌monitoring")
	n.Type(uitest.Esc)
	n.WaitGone(t, "name›")
	if len(n.ran) > 0 {
		t.Error(receive(t, n.ran))
	}
}

// A name typed in full is turned into a similar one only if all are known.
func TestPickerFree(t *testing.T) {
	n := &names{house: open(t, ui.Options{}), ran: make(chan string, 10)}
	for _, test := range []struct {
		typed, problem string
		want           string
	}{
		{"pds", "", "pods"},
		{"pds", "not all", "use pds"},
		{"po", "not all", "pods"},
		{"go there", "", "use go there"},
	} {
		n.open(t, 1)
		n.loads <- ui.Loaded{Items: n.items("pods", "goods there"), Problem: test.problem}
		n.WaitFor(t, "▌all")
		n.WaitGone(t, "loading…")
		n.Type(test.typed)
		n.WaitFor(t, "▌"+test.want)
		n.Type(uitest.Enter)
		n.want(t, test.want)
	}
}

// The cursor stays where the user moved it, though more names arrive.
func TestPickerCursorStays(t *testing.T) {
	n := &names{house: open(t, ui.Options{}), ran: make(chan string, 10)}
	n.open(t, 2)
	n.loads <- ui.Loaded{Items: n.items("web", "webhooks")}
	n.WaitFor(t, "webhooks")
	n.Type("w", uitest.Down)
	n.WaitFor(t, "▌webhooks")
	n.loads <- ui.Loaded{Items: n.items("w")}
	n.WaitFor(t, "3 of 4")
	n.WaitFor(t, "▌webhooks")
	n.Type(uitest.Enter)
	n.want(t, "webhooks")
}

// In the palette, what fits equally well is in the order of ranks, and what was
// chosen before comes first.
func TestPaletteOrder(t *testing.T) {
	ran := make(chan string, 10)
	item := func(rank int, label string, aliases ...string) ui.Item {
		return ui.Item{Label: label, Aliases: aliases, Rank: rank, Run: func() tea.Msg { ran <- label; return nil }}
	}
	h := open(t, ui.Options{Palette: func(ui.View) *ui.Picker {
		return &ui.Picker{Title: ":", Items: []ui.Item{
			item(1, "pod"), item(1, "prod-1"), item(0, "pods", "po", "pod"), item(0, "prod-2"), item(0, "statefulsets", "sts"),
		}}
	}}, ui.Action{ID: keymap.ListWide, Run: func() tea.Msg { ran <- "wide"; return nil }})
	pick := func(typed, want string) {
		t.Helper()
		h.Type(":")
		h.WaitFor(t, ":›")
		h.Type(typed)
		h.Type(uitest.Enter)
		if got := receive(t, ran); got != want {
			t.Fatalf(":%s is %q, want %q", typed, got, want)
		}
		h.WaitGone(t, ":›")
	}
	pick("prod", "prod-2")
	pick("prod-1", "prod-1")
	pick("prod", "prod-1") // the last time
	pick("sts", "statefulsets")
	pick("pod", "pods")
	pick(uitest.Down+uitest.Enter, "statefulsets")
	pick("wide", "wide")
	h.Type(":")
	h.WaitFor(t, "▌wide")
	var order []string
	for i := range 12 {
		for _, label := range []string{"wide", "statefulsets", "pods", "prod-1", "prod-2"} {
			if line := []rune(h.Line(i)); len(line) > len(label) && string(line[1:len(label)+1]) == label {
				order = append(order, label)
			}
		}
	}
	if want := []string{"wide", "statefulsets", "pods", "prod-1", "prod-2"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
	h.Type("q", uitest.Enter)
	if err := h.Wait(t); err != nil {
		t.Error(err)
	}
}

// A word and a space lead to the picker of what may follow, and rubbing out
// leads back. What was still being loaded meanwhile is there then.
func TestPickerSub(t *testing.T) {
	n := &names{house: open(t, ui.Options{}), ran: make(chan string, 10)}
	n.loads = make(chan ui.Loaded)
	p := &ui.Picker{
		Title: "name", Loads: "names", Items: n.items("logs", "nodes"), Load: []tea.Cmd{func() tea.Msg { return <-n.loads }},
		Sub: func(text string) (*ui.Picker, string) {
			rest, ok := strings.CutPrefix(text, "logs ")
			if !ok {
				return nil, ""
			}
			return &ui.Picker{Title: "logs of", Items: n.items("web", "db")}, rest
		},
	}
	n.Send(ui.Pick(p))
	n.WaitFor(t, "name›")
	n.Type("logs")
	n.WaitFor(t, "▌logs")
	n.Type(" d")
	n.WaitFor(t, "logs of› d")
	n.WaitFor(t, "▌db")
	n.loads <- ui.Loaded{Items: n.items("logstash")}
	n.Type(uitest.Backspace)
	n.WaitFor(t, "▌web")
	n.Type(uitest.Backspace)
	n.WaitFor(t, "name› logs")
	n.WaitFor(t, "logstash")
	n.Send(tea.PasteMsg{Content: " web"})
	n.WaitFor(t, "logs of› web")
	n.Type(uitest.Enter)
	if got := receive(t, n.ran); got != "web" {
		t.Errorf("%q was chosen", got)
	}
	n.WaitGone(t, "›")
}
