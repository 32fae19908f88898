package filter

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/field"
)

var now = time.Unix(1_700_000_000, 0)

// columns of the tests, and the row that is looked at.
var columns = []Column{
	{ID: "namespace", Title: "NAMESPACE", Kind: field.Text},
	{ID: "name", Title: "NAME", Kind: field.Text},
	{ID: "ready", Title: "READY", Kind: field.Number},
	{ID: "status", Title: "STATUS", Kind: field.Text},
	{ID: "restarts", Title: "RESTARTS", Kind: field.Number},
	{ID: "last", Title: "LAST RESTART", Kind: field.Since},
	{ID: "cpu", Title: "CPU", Kind: field.CPU},
	{ID: "cpu.req", Title: "%CPU/R", Kind: field.Percent},
	{ID: "mem", Title: "MEM", Kind: field.Bytes},
	{ID: "node", Title: "NODE", Kind: field.Text},
	{ID: "took", Title: "DURATION", Kind: field.Length},
	{ID: "age", Title: "AGE", Kind: field.Since},
	{ID: "Last Seen", Title: "", Kind: field.Text},
}

type row struct {
	values []field.Value
	labels labels.Set
}

func (r *row) Value(i int) field.Value { return r.values[i] }

func (r *row) Labels() labels.Labels {
	if r.labels == nil {
		return nil
	}
	return r.labels
}

func checkout() *row {
	return &row{
		values: []field.Value{
			field.Of("payments"), field.Of("checkout-7f9c-x2"), field.Int(2).WithText("2/10"), field.Of("CrashLoopBackOff"),
			field.Int(31),
			{},
			field.Millicores(740), field.PercentOf(74, 100), field.ByteCount(66 << 20), field.Of("node-00017"),
			field.Seconds(95), field.SinceUnix(now.Unix() - 330), field.Of("한글 Ärger"),
		},
		labels: labels.Set{"app": "checkout", "tier": "web"},
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		input string
		want  bool
	}{
		{"", true},
		{"   ", true},
		{`""`, true},

		{"checkout", true},
		{"CheckOut", true},
		{"crashloop", true},
		{"x2", true},
		{"ledger", false},
		{"check payments", true},
		{"check ledger", false},
		{"31", false}, // a number is asked for by its column
		{"글", true},
		{"äRGER", true},
		{`"한글 ärg"`, true},
		{`"check payments"`, false},
		{`"check`, true}, // being typed
		{"/var/lib", false},
		{"!ledger", true},
		{"!checkout", false},
		{"!!checkout", true},

		{"^check", true},
		{"^out", false},
		{"ledger|check", true},
		{"/check.*x2$/", true},
		{"/한글 ä/", true},
		{"Check.*", false}, // a capital: case matters
		{"Crash.*Off", true},
		{`\Sheckout`, true}, // \S is no capital
		{"!^check", false},
		{"pay*", true},

		{"-l app=checkout", true},
		{"-l app=checkout,tier!=db", true},
		{"-l app", true},
		{"-l !app", false},
		{`-l "app in (web, checkout)"`, true},
		{"!-l app=checkout", false},
		{"-l app=web", false},

		{"status=CrashLoopBackOff", true},
		{"status=crashloopbackoff", true},
		{"status=Crash", false},
		{"status=Crash*", true},
		{"status=*Loop????Off", true},
		{`status="Crash*"`, false},
		{"status!=Running", true},
		{"STATUS != Running", true},
		{"ns=pay*", true},
		{"ns=pay* status!=Running !ledger", true},
		{"nod=node-00017", true},
		{"node=17", false},
		{"node~17$", true},
		{"node!~17$", false},
		{"node~/ode-0+17/", true},
		{"status>Crash", true},
		{`"last seen"~/한글 /`, true},
		{"lastseen~Ä", true},

		{"restarts>3", true},
		{"restarts > 31", false},
		{"restarts>=31", true},
		{"restarts<31", false},
		{"restarts<=31", true},
		{"restarts=31", true},
		{"restarts==31", true},
		{"restarts!=31", false},
		{"restarts<1k", true},
		{"restarts~^3", true},

		{"ready<1", false},
		{"ready=2", true},
		{"ready=2/10", true},
		{"ready=2/*", true},
		{"ready!=2/2", true},

		{"age<10m", true},
		{"age>5m", true},
		{"age=5m", true},
		{"age=330s", true},
		{"age=6m", false},
		{"age>1h30m", false},
		{"age<2d", true},
		{"duration>=95", true},
		{"took<1m", false},

		{"cpu>500m", true},
		{"cpu<1", true},
		{"cpu>=0.74", true},
		{"cpu=740m", true},
		{"%cpu/r>70%", true},
		{"cpur>80", false},
		{"mem>=64Mi", true},
		{"mem<1.5gi", true},
		{"mem>66M", true},
		{"mem=66Mi", true},
		{"mem=67MB", false},

		{"last=n/a", true},
		{"last!=n/a", false},
		{"age=n/a", false},
		{"age!=N/A", true},
		{"last<1h", false},
		{"last>1h", false},
		{"last!=1h", false},
		{"last~.", false},
		{"!last<1h", true},
	} {
		f, err := Parse(tc.input, columns)
		if err != nil {
			t.Errorf("%s: %v", tc.input, err)
			continue
		}
		if got := f.Match(checkout(), now); got != tc.want {
			t.Errorf("%s: match = %v, want %v", tc.input, got, tc.want)
		}
		again, err := Parse(f.String(), columns)
		if err != nil || again.String() != f.String() {
			t.Errorf("%s: printed as %s, then as %s, %v", tc.input, f, again, err)
			continue
		}
		if again.Match(checkout(), now) != tc.want {
			t.Errorf("%s: printed as %s, which matches differently", tc.input, f)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		input string
		pos   int
		want  string // part of the message
	}{
		{"restrats>3", 0, `there is no column "restrats"; did you mean restarts?`},
		{"web app=web", 4, `a label is asked for by -l`},
		{"zzz>3", 0, `there is no column "zzz"`},
		{"n=x", 0, `"n" could be any of the columns namespace, name, node`},
		{"restarts>many", 9, `"many" is no number, as in restarts>3`},
		{"age<soon", 4, `"soon" is no age, as in age<10m`},
		{"age<10x", 4, "is no age"},
		{"mem>1Qi", 4, `"1Qi" is no amount of bytes, as in mem>1Gi`},
		{"cpu>", 4, "a value must follow cpu>, as in cpu>500m"},
		{"!", 0, "! stands before nothing"},
		{"web !", 4, "! stands before nothing"},
		{">3", 0, "a column must stand before >"},
		{"-l", 0, "a label selector must follow -l"},
		{"-l a==b==c", 3, "not a label selector"},
		{"foo(", 0, "not a regular expression"},
		{"name~(", 5, "not a regular expression"},
	} {
		_, err := Parse(tc.input, columns)
		var at *Error
		if !errors.As(err, &at) {
			t.Errorf("%s: error %v", tc.input, err)
			continue
		}
		if at.Pos != tc.pos || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: at %d %q, want at %d %q", tc.input, at.Pos, err, tc.pos, tc.want)
		}
	}
}

func TestNilMatchesEverything(t *testing.T) {
	var f *Filter
	if !f.Match(checkout(), now) || !f.Empty() || f.String() != "" || !f.Selector().Empty() {
		t.Error("a nil filter is not empty")
	}
}

func TestUnknownLabelsMatchNoSelector(t *testing.T) {
	f := parse(t, "-l !app")
	if f.Match(&row{values: checkout().values}, now) {
		t.Error("a row whose labels are not known matches a selector")
	}
}

func TestSelector(t *testing.T) {
	f := parse(t, "web -l app=web restarts>3 -l tier!=db !-l canary")
	if got, want := f.Selector().String(), "app=web,tier!=db"; got != want {
		t.Errorf("selector %s, want %s", got, want)
	}
}

func TestNarrows(t *testing.T) {
	for _, tc := range []struct {
		prev, next string
		want       bool
	}{
		{"", "a", true},
		{"che", "chec", true},
		{"che", "CHECK restarts>3", true},
		{"chec", "che", false},
		{"a", "", false},
		{"!che", "!chec", false},
		{"restarts>3", "restarts>3 x", true},
		{"restarts>3", "restarts>30", false},
		{"age<10m", "age<10m x", false},
		{"!age<10m", "!age<10m x", false},
		{"-l app=web /x.y/", "a -l app=web /x.y/", true},
	} {
		if got := parse(t, tc.next).Narrows(parse(t, tc.prev)); got != tc.want {
			t.Errorf("%q narrows %q: %v, want %v", tc.next, tc.prev, got, tc.want)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, tc := range []struct {
		input  string
		cursor int
		from   int
		words  []string
	}{
		{"re", 2, 0, []string{"ready", "restarts"}},
		{"web !res", 8, 5, []string{"restarts"}},
		{"dur", 3, 0, []string{"took"}},
		{"restarts>3 n", 12, 11, []string{"namespace", "name", "node"}},
		{"node=no", 7, 5, nil},
		{"", 0, 0, nil},
		{"re", 99, 0, []string{"ready", "restarts"}},
	} {
		got := Complete(tc.input, tc.cursor, columns)
		if got.From != tc.from || !slices.Equal(got.Words, tc.words) {
			t.Errorf("%q: %+v, want %v at %d", tc.input, got, tc.words, tc.from)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"**", "abc", true},
		{"a?c", "aBc", true},
		{"a?c", "ac", false},
		{"*b*d", "abcbcd", true},
		{"*b*d", "abcbce", false},
		{"결?*", "결제서비스", true},
		{"a*a*a*b", strings.Repeat("a", 200), false},
	} {
		if got := glob(tc.pattern, tc.s); got != tc.want {
			t.Errorf("glob(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

func parse(t testing.TB, input string) *Filter {
	t.Helper()
	f, err := Parse(input, columns)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func FuzzNeedle(f *testing.F) {
	f.Add("Checkout-7f9c", "OUT")
	f.Add("한글 Ärger", "ärg")
	f.Add("aaab", "aab")
	f.Fuzz(func(t *testing.T, s, find string) {
		fold := strings.ContainsFunc(s+find, func(r rune) bool { return r > 0x7e })
		got, want := newNeedle(find).in(s), strings.Contains(strings.ToLower(s), strings.ToLower(find))
		if !fold && got != want {
			t.Errorf("%q in %q: %v, want %v", find, s, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`checkout !canary "time out" /v[0-9]+$/ ^pay|web -l app=web,tier!=db restarts>3 age<=10m`,
		`node~/a\/b \d/ status!="Crash*" ns=pay* mem>=1Gi cpu<500m last=n/a`, `name= =x`, `!"\"\\"`, `/a`, `-l "a in (b,c)"`, `"Last Seen"=x`, `name~""`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		filter, err := Parse(input, columns)
		Complete(input, len(input)/2, columns)
		if settled, _ := Settled(input, columns); !strings.HasPrefix(input, settled) {
			t.Fatalf("%q of %q", settled, input)
		} else if _, err := Parse(settled, columns); err != nil {
			t.Fatalf("%q of %q is not settled: %v", settled, input, err)
		}
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Pos < 0 || at.Pos > len(input) {
				t.Fatalf("%q: %v", input, err)
			}
			return
		}
		got := filter.Match(checkout(), now)
		again, err := Parse(filter.String(), columns)
		if err != nil {
			t.Fatalf("%q printed as %q: %v", input, filter, err)
		}
		if again.String() != filter.String() {
			t.Fatalf("%q printed as %q, then as %q", input, filter, again)
		}
		if again.Match(checkout(), now) != got {
			t.Fatalf("%q printed as %q matches differently", input, filter)
		}
	})
}

// While a filter is typed, a term counts only once it is more than the name of a
// column, and what is not understood never does.
func TestSettled(t *testing.T) {
	columns := []Column{
		{ID: "name", Title: "NAME", Kind: field.Text},
		{ID: "namespace", Title: "NAMESPACE", Kind: field.Text},
		{ID: "age", Title: "AGE", Kind: field.Since},
		{ID: "cpu/req", Title: "CPU/REQ", Kind: field.Percent},
	}
	for _, test := range []struct{ input, text, column string }{
		{"", "", ""},
		{"ag", "ag", ""},
		{"age", "", "age"},
		{"AGE", "", "age"},
		{"age ", "", "age"},
		{"age!", "", "age"},
		{"age !", "", "age"},
		{"!age", "", "age"},
		{"ns", "", "namespace"},
		{"cpu/req", "", "cpu/req"},
		{"age<", "", ""},
		{"age<x", "", ""},
		{"age<10m", "age<10m", ""},
		{"ages", "ages", ""},
		{`"age"`, `"age"`, ""},
		{"web age", "web", "age"},
		{"web age<", "web", ""},
		{"web age<x pod", "web", ""},
		{"web !", "web", ""},
		{"web!", "web!", ""},
		{"age web", "age web", ""},
		{"age web age<", "age web", ""},
		{"web (", "web", ""},
		{"web -l", "web", ""},
		{"-l age", "-l age", ""},
		{"-l age ", "-l age ", ""},
	} {
		text, column := Settled(test.input, columns)
		if text != test.text || column != test.column {
			t.Errorf("%q: %q, column %q; want %q, column %q", test.input, text, column, test.text, test.column)
		}
	}
}
