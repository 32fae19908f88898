//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/ui/uitest"
)

// screens are terminals of all sizes and kinds.
func screens() []scenario {
	return []scenario{
		{
			name: "every size is usable or says why not",
			size: size{80, 24},
			run: func(t *terminal) {
				t.Live().Select("payments", "checkout").fits(80)
				t.Resize(160, 50).Cursor("payments", "checkout").Footer("? help").fits(160)
				t.Resize(20, 5).Misses("STATUS").Cursor("check").fits(20)
				t.Resize(19, 5).Sees("19x5 is too small")
				t.Resize(1, 1).await("one cell", patience, func(screen string) bool { return ansi.StringWidth(screen) <= 1 })
				t.Resize(500, 200).Cursor("payments", "checkout").fits(500)
				t.Resize(80, 24).Live().Cursor("payments", "checkout").Footer("? help").fits(80)
				t.Press(uitest.Down).Cursor("payments", "fraud-check")
			},
		},
		{
			name: "a storm of sizes ends in the last one",
			run: func(t *terminal) {
				t.Live()
				for i := range 60 {
					t.Resize(20+(i*37)%160, 4+(i*13)%60)
				}
				t.Resize(100, 30).Live().Footer("? help").Row("web", "cart").fits(100)
			},
		},
		{
			name: "no colours when none are wanted",
			env:  []string{"NO_COLOR=1"},
			run: func(t *terminal) {
				t.Live().Cursor("batch", "cleanup").Press(uitest.Down).Cursor("batch", "etl")
				if colours := colour.FindString(t.screen.Raw()); colours != "" {
					t.Errorf("NO_COLOR is set and %q was written", colours)
				}
			},
		},
		kindOfTerminal("screen-256color"),
		kindOfTerminal("linux"),
		{
			name: "a dumb terminal shows rows or says that it cannot",
			env:  []string{"TERM=dumb"},
			run: func(t *terminal) {
				t.Row("web", "cart").Press("q").Ends(0)
			},
		},
		{
			name: "texts in any script stay in their columns",
			args: []string{"events", "-n", "scripts"}, size: size{160, 20},
			run: func(t *terminal) {
				messages := []string{"plain", "한글 메시지", "漢字とかな", "e\u0301 combined", "שלום", "👩‍👩‍👧 family", "\u202eright to left", "escape \x1b[2J\x1b]52;c;aGk=\x07"}
				for i, message := range messages {
					t.event("scripts", fmt.Sprintf("script-%d", i), message)
				}
				t.Live().Press("w").Row("script-0").Row("script-7").Sees("SOURCE")
				t.await("the column after the message aligned", patience, func(screen string) bool { // a frame comes in pieces
					var columns []int // where that column begins
					for _, row := range rows(screen) {
						before, _, _ := strings.Cut(row, reporter)
						columns = append(columns, ansi.StringWidth(before))
					}
					return len(columns) == len(messages) && len(slices.Compact(columns)) == 1
				})
				t.fits(160)
				if strings.Contains(t.screen.Raw(), "\x1b]52") {
					t.Error("a message of an event has reached the clipboard")
				}
			},
		},
	}
}

func kindOfTerminal(name string) scenario {
	return scenario{
		name: "a terminal called " + name,
		env:  []string{"TERM=" + name},
		run: func(t *terminal) {
			t.Live().Row("web", "cart").Press("/", "led", uitest.Enter).Row("ledger").Misses("checkout")
		},
	}
}

// colour matches the sequences that set one.
var colour = regexp.MustCompile(`\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m`)

// fits checks that the header is in the first line and that no line is longer
// than the terminal is wide.
func (t *terminal) fits(width int) {
	t.Helper()
	t.Header("pl")
	for i, line := range strings.Split(t.screen.Text(), "\n") {
		if n := ansi.StringWidth(line); n > width {
			t.Errorf("line %d has %s, the terminal %d: %q", i, fmt.Sprint(n), width, line)
		}
	}
}

// reporter is the component that the scenarios' events come from.
const reporter = "e2e-test"

// event writes an event into a namespace, which need not exist before.
func (t *terminal) event(namespace, name, message string) {
	t.Helper()
	_, err := t.api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	_, err = t.api.CoreV1().Events(namespace).Create(t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name},
		Type:           corev1.EventTypeNormal, Reason: "Testing", Message: message, Count: 1,
		Source: corev1.EventSource{Component: reporter}, LastTimestamp: metav1.Now(), FirstTimestamp: metav1.Now(),
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
