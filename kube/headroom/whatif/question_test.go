package whatif

import (
	"strings"
	"testing"

	"quarterdeck/kube/headroom/fit"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{ // that the question says of itself; or, after !, a part of the error
		"scale deploy/web +3":     "scale deploy/web +3",
		"  scale  sts/db   5 ":    "scale sts/db 5",
		"place 4 cpu 8Gi x10":     "place 4 cpu 8Gi x10",
		"place 500m 1Gi":          "place 500m cpu 1Gi x1",
		"PLACE 0 0 x2":            "place 0 cpu 0 x2",
		"drain a b":               "drain a b",
		"lose a":                  "lose a",
		"lose zone a":             "lose zone a",
		"add 3 like node-1":       "add 3 like node-1",
		"":                        "!what would happen if what",
		"dran a":                  `!did you mean drain`,
		"drain":                   "!which nodes",
		"lose":                    "!lose what",
		"lose zone":               "!which zone",
		"lose zone a b":           "!which zone",
		"scale web +3":            "!names no workload",
		"scale deploy/ +3":        "!names no workload",
		"scale deploy/web":        "!to how many",
		"scale deploy/web +0":     "!is not how many",
		"scale deploy/web -2":     "!is not how many",
		"scale deploy/web 999999": "!from 1 to",
		"place 4":                 "!how large",
		"place 4 8Gi 2 x10":       "!how large",
		"place -1 8Gi":            "!less than nothing",
		"place 4 8GB":             "!no amount of memory",
		"place 4 9999999999Gi":    "!more than any node has",
		"place 4 8Gi x0":          "!is not how many",
		"add 3 node-1":            "!add which nodes",
		"add x like node-1":       "!is not how many",
	} {
		q, err := Parse(text, "shop")
		part, refused := strings.CutPrefix(want, "!")
		switch {
		case refused && (err == nil || !strings.Contains(err.Error(), part)):
			t.Errorf("Parse(%q): error %v, want one with %q", text, err, part)
		case !refused && (err != nil || q.String() != want):
			t.Errorf("Parse(%q) = %q, %v, want %q", text, q.String(), err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"scale deploy/web +3", "place 4 cpu 8Gi x10", "lose zone a", "add 3 like n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, "shop")
		if err != nil {
			return
		}
		again, err := Parse(q.String(), "shop")
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q means %q, which means %q, %v", text, q.String(), again.String(), err)
		}
	})
}

func TestLine(t *testing.T) {
	cpu := []fit.Reason{{Reason: "Insufficient cpu", Nodes: 3}}
	quota := &fit.Block{Kind: "ResourceQuota", Namespace: "shop", Name: "team", After: 1, Why: "exceeded quota"}
	for _, c := range []struct {
		answer fit.Answer
		want   string
	}{
		{fit.Answer{}, "no pod has to find a place"},
		{fit.Answer{Asked: 1, Fit: 1}, "the pod fits"},
		{fit.Answer{Asked: 4, Fit: 4}, "all 4 pods fit"},
		{fit.Answer{Asked: 1, Pending: []fit.Pending{{Reasons: cpu}}}, "the pod does not fit, it would stay pending: 3 Insufficient cpu"},
		{
			fit.Answer{Asked: 5, Fit: 3, Pending: []fit.Pending{{Reasons: cpu}, {Reasons: cpu}}, NotReplaced: make([]fit.Pod, 2)},
			"3 of 5 pods fit, 2 would stay pending: 3 Insufficient cpu; 2 without a controller would be gone",
		},
		{
			fit.Answer{Asked: 2, Fit: 1, Pending: []fit.Pending{{Reasons: []fit.Reason{{Reason: "exceeded quota"}}}}, BlockedFirst: quota},
			"1 of 2 pods fit, 1 would stay pending; ResourceQuota shop/team stops it after 1: exceeded quota",
		},
	} {
		if got := Line(&c.answer); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
