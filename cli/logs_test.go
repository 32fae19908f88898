package cli

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"quarterdeck/kube/logs"
)

func TestLogsFlags(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags logsFlags
		want  string // of the error, "" for none
	}{
		{"web-0", logsFlags{output: "text"}, ""},
		{"deploy/web", logsFlags{output: "json", filter: "level>=warn !/probe/", follow: true}, ""},
		{"", logsFlags{output: "text", selector: "app=web"}, ""},
		{"", logsFlags{output: "text"}, "whose logs?"},
		{"web-0", logsFlags{output: "text", selector: "app=web"}, "not both"},
		{"web-0", logsFlags{output: "yaml"}, "use text or json"},
		{"", logsFlags{output: "text", selector: "app in"}, "is not a label selector"},
		{"web-0", logsFlags{output: "text", since: -time.Minute}, "in the future"},
		{"web-0", logsFlags{output: "text", follow: true, previous: true}, "nothing to follow"},
		{"web-0", logsFlags{output: "text", filter: "level>=loud"}, "--filter: "},
	} {
		_, err := test.flags.check(test.name)
		if got := errText(err); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s %+v: %q, want %q", test.name, test.flags, got, test.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLogsPrinted(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC).UnixNano()
	lines := []logs.Line{
		{Time: at, Level: logs.Error, Raw: "it broke"},
		{Time: at, Level: logs.Info, Raw: "it works"},
		{Time: at, Flags: logs.Marker, Raw: "app restarted"},
	}
	for _, test := range []struct {
		flags      logsFlags
		namespaces bool
		want       string
	}{
		{logsFlags{output: "text"}, false, "web-0/app it broke\nweb-0/app it works\nweb-0/app ── app restarted ──\n"},
		{
			logsFlags{output: "text", filter: "broke", timestamps: true},
			true,
			"shop/web-0/app 2026-03-04T05:06:07.000000008Z it broke\nshop/web-0/app 2026-03-04T05:06:07.000000008Z ── app restarted ──\n",
		},
		{
			logsFlags{output: "json", filter: "level>=error"},
			false,
			`{"time":"2026-03-04T05:06:07.000000008Z","namespace":"shop","pod":"web-0","container":"app","line":"it broke"}` + "\n" + "told: web-0/app: app restarted\n",
		},
	} {
		query, err := test.flags.check("web-0")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		tell := func(what string) { _ = w.Flush(); out.WriteString("told: " + what + "\n") }
		p := logPrinter{out: w, tell: tell, flags: &test.flags, query: query, namespaces: test.namespaces, from: func(logs.SourceID) logs.Source {
			return logs.Source{Namespace: "shop", Pod: "web-0", Container: "app"}
		}}
		for i := range lines {
			p.print(&lines[i])
		}
		if err := w.Flush(); err != nil || p.err != nil {
			t.Fatal(err, p.err)
		}
		if got := out.String(); got != test.want {
			t.Errorf("%+v printed\n%s\nwant\n%s", test.flags, got, test.want)
		}
	}
}
