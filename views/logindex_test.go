package views

import (
	"slices"
	"strings"
	"testing"

	"quarterdeck/kube/logs"
)

func TestLogLabels(t *testing.T) {
	for _, test := range []struct{ sources, want string }{
		{"a/checkout-7f9c-x2k9p/app", "7f9c-x2k9p"},
		{"a/checkout-7f9c-x2k9p/app a/checkout-68cb-p1m2n/app", "7f9c-x2k9p|68cb-p1m2n"},
		{"a/checkout-7f9c-x2k9p/app a/checkout-7f9c-x2k9p/proxy", "7f9c-x2k9p app|7f9c-x2k9p proxy"},
		{"a/ledger-0/db a/ledger-1/db", "ledger-0|ledger-1"},
		{"a/ledger-0/db a/checkout-7f9c-x2k9p/app", "ledger-0 db|checkout-7f9c-x2k9p app"},
		{"a/web-7f9c-x2k9p/app b/web-7f9c-zzzzz/app", "a/web-7f9c-x2k9p|b/web-7f9c-zzzzz"},
	} {
		x := &logLines{}
		for _, s := range strings.Fields(test.sources) {
			parts := strings.Split(s, "/")
			x.sources = append(x.sources, logs.Source{Namespace: parts[0], Pod: parts[1], Container: parts[2]})
		}
		x.label()
		if want := strings.Split(test.want, "|"); !slices.Equal(x.labels, want) || x.renamed {
			t.Errorf("%s: %q, want %q", test.sources, x.labels, want)
		}
	}
}

// Who comes later may make others' labels longer, which are drawn already then.
func TestLogLabelsGrow(t *testing.T) {
	x := &logLines{sources: []logs.Source{{Pod: "checkout-7f9c-x2k9p", Container: "app"}}}
	x.label()
	x.sources = append(x.sources, logs.Source{Pod: "checkout-7f9c-zzzzz", Container: "app"})
	if x.label(); x.renamed {
		t.Errorf("%q was renamed", x.labels)
	}
	x.sources = append(x.sources, logs.Source{Pod: "ledger-0", Container: "app"})
	if x.label(); !x.renamed {
		t.Errorf("%q was not renamed", x.labels)
	}
}
