package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fill appends n lines of all sorts.
func fill(r *Ring, rng *rand.Rand, n int) {
	var b batch
	for range n {
		var p parser
		raw := randomLine(rng)
		b.reset()
		p.line(&b, 0, []byte(raw), 0)
		m := b.lines[0].meta
		switch rng.IntN(12) {
		case 0, 1, 2:
			m |= meta(Continued)
		case 3:
			m |= meta(Marker)
		}
		r.add(int64(r.next), m, b.text)
	}
	r.Publish()
}

func randomLine(rng *rand.Rand) string {
	word := func() string {
		return []string{"timeout", "Timeout", "refused", "ok", "한글", "GET", "\x1b[31mti\x1b[0mmeout", "ms=41", "k\u212a", "/api/v1"}[rng.IntN(10)]
	}
	switch rng.IntN(6) {
	case 0:
		return fmt.Sprintf(`{"level":"warn","msg":"%s","status":%d,"http":{"path":"/api"}}`, word(), 200+rng.IntN(400))
	case 1:
		return fmt.Sprintf(`level=error msg="%s" status=%d`, word(), 200+rng.IntN(400))
	case 2:
		return fmt.Sprintf(`10.0.0.1 - - [22/Nov/2026:08:00:00 +0000] "GET /api HTTP/1.1" %d 12`, 200+rng.IntN(400))
	case 3:
		return ""
	}
	return "2026/11/22 08:00:00 INFO " + word() + " " + word()
}

// What a search finds is what looking at each line finds, whatever came and
// went meanwhile, and positions stay with their lines.
func TestSearchAgainstNaive(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		r := NewRing(96 << 10)
		fill(r, rng, 1+rng.IntN(3000))
		source := []string{
			"timeout", "TIMEOUT", "Timeout", `"ok ok"`, "/time(out)? re/", "~refused|ok", "status>=500", "level>=warn !refused", "한글", "!ok level=info",
			"http.path=/api", "path~^/a", "~^$", "~[kK]k", "~GET.*5..",
		}[rng.IntN(15)]
		q, err := ParseQuery(source)
		if err != nil {
			t.Fatal(err)
		}
		o := SearchOptions{Context: rng.IntN(4), Records: rng.IntN(2) == 0}
		s := r.Search(q, o)
		positions := map[uint64]uint64{}
		check := func(m *Matches) {
			for pos := m.First(); pos < m.End(); pos++ {
				seq, _, ok := m.At(pos)
				if !ok {
					t.Fatalf("seed %d: nothing at %d", seed, pos)
				}
				if was, known := positions[pos]; known && was != seq {
					t.Fatalf("seed %d, %s: position %d was line %d, is %d", seed, source, pos, was, seq)
				}
				positions[pos] = seq
				if m.Find(seq) != pos {
					t.Fatalf("seed %d: line %d is found at %d, not %d", seed, seq, m.Find(seq), pos)
				}
			}
		}
		for range 6 {
			fill(r, rng, rng.IntN(300))
			<-s.Changed()
			check(s.Matches())
		}
		for m := s.Matches(); !m.Complete() || m.total != r.Snapshot().Len() || m.scanned != m.total; m = s.Matches() {
			<-s.Changed()
		}
		s.Close()
		m := s.Matches()
		check(m)
		compareNaive(t, fmt.Sprintf("seed %d, %s, %+v", seed, source, o), r.Snapshot(), q, o, m)
	}
}

// A search may be closed at any moment, as when the next letter is typed.
func TestSearchClosedWhileLooking(t *testing.T) {
	r := NewRing(64 << 20)
	fill(r, rand.New(rand.NewPCG(1, 2)), 200_000)
	r.Publish()
	q, err := ParseQuery("level>=error")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		s := r.Search(q, SearchOptions{Records: true})
		if i%3 == 0 {
			<-s.Changed()
		}
		s.Close()
	}
}

func compareNaive(t *testing.T, what string, snap *Snapshot, q *Query, o SearchOptions, m *Matches) {
	t.Helper()
	var lines []Line
	snap.Range(0, snap.End(), func(l Line) bool { lines = append(lines, l); return true })
	var hits []uint64
	for i := range lines {
		if lines[i].Flags&Marker == 0 && q.Match(&lines[i], nil) {
			hits = append(hits, lines[i].Seq)
		}
	}
	if m.Count() != len(hits) {
		t.Errorf("%s: %d matches, want %d", what, m.Count(), len(hits))
	}
	var found, back []uint64
	for seq, ok := m.Next(snap.First() - 1); ok; seq, ok = m.Next(seq) {
		if m.Rank(seq) != len(found) {
			t.Fatalf("%s: rank of %d is %d, want %d", what, seq, m.Rank(seq), len(found))
		}
		found = append(found, seq)
	}
	if snap.First() == 0 && m.blocks[0].hits.has(0) { // there is none before the first
		found = append([]uint64{0}, found...)
	}
	for seq, ok := m.Previous(snap.End()); ok; seq, ok = m.Previous(seq) {
		back = append(back, seq)
	}
	slices.Reverse(back)
	if !slices.Equal(found, hits) && snap.First() > 0 || !slices.Equal(back, hits) {
		t.Errorf("%s: matches %v, back %v, want %v", what, found, back, hits)
	}
	shown := shownNaive(lines, hits, o)
	have := map[uint64]bool{}
	for pos := m.First(); pos < m.End(); pos++ {
		seq, match, _ := m.At(pos)
		have[seq] = true
		if match != slices.Contains(hits, seq) {
			t.Errorf("%s: line %d matches: %v", what, seq, match)
		}
	}
	for _, l := range lines {
		// Near the oldest line, what is around lines that are gone is kept.
		if shown[l.Seq] && !have[l.Seq] || have[l.Seq] && !shown[l.Seq] && l.Seq > snap.First()+20 {
			t.Errorf("%s: line %d shown: %v, want %v", what, l.Seq, have[l.Seq], shown[l.Seq])
		}
	}
}

// shownNaive returns the lines that match and those around them.
func shownNaive(lines []Line, hits []uint64, o SearchOptions) map[uint64]bool {
	shown := map[uint64]bool{}
	for _, seq := range hits {
		i := int(seq - lines[0].Seq)
		for k := max(0, i-o.Context); k <= min(len(lines)-1, i+o.Context); k++ {
			shown[lines[k].Seq] = true
		}
		if !o.Records {
			continue
		}
		for k := i; k > 0 && lines[k].Flags&Continued != 0; k-- {
			shown[lines[k-1].Seq] = true
		}
		for k := i + 1; k < len(lines) && lines[k].Flags&Continued != 0; k++ {
			shown[lines[k].Seq] = true
		}
	}
	return shown
}

func TestQuery(t *testing.T) {
	web := func(SourceID) Source { return Source{Namespace: "shop", Pod: "web-1", Container: "app"} }
	access := `10.42.0.7 - - [22/Nov/2026:08:00:00 +0000] "GET /api/v1/cart?x=1 HTTP/1.1" 503 12 "-" "curl"`
	json := `{"level":"error","msg":"no such host","status":503,"took":"41ms","http":{"path":"/api/x"}}`
	for _, tt := range []struct {
		query, line string
		want        bool
	}{
		{"", "anything", true},
		{"host", json, true},
		{"HOST", json, false},
		{"Host", "a Host", true},
		{`"such host"`, json, true},
		{`"host such"`, json, false},
		{"host such", json, true},
		{"!host", json, false},
		{"! host", json, true},
		{"/no .* host/", json, true},
		{"~s[u]ch", json, true},
		{"/api/v1", access, true},
		{"level>=warn", json, true},
		{"level>error", json, false},
		{"level=error", "plain", false},
		{"level!=error", "2026 INFO x", true},
		{"status>=500", json, true},
		{"status>=500", access, true},
		{"status<500", access, false},
		{"status=503", json, true},
		{"status!=503", json, false},
		{"status!=500", "no status", false},
		{"path~^/api", access, true},
		{"path!~^/api", access, false},
		{"method=get", access, true},
		{"remote=10.42.0.7", access, true},
		{"http.path=/api/x", json, true},
		{"took>40ms", json, true},
		{"took>0.1s", json, false},
		{"order=8123", "2026/11/22 INFO charge ok order=8123 ms=41", true},
		{`msg="a b"`, `level=info msg="a b"`, true},
		{"a=b", `xa=b`, false},
		{"pod=web-1 container=app namespace~^sh", "x", true},
		{"pod=web-2", "x", false},
		{"pod~web", "x", true},
		{"status>=", access, true}, // being typed
		{"!", access, true},
		{"~", access, true},
		{"ümlaut", "Ein ÜMLAUT", true},
		{"[error]", "x [error] y", true},
		{"a.b", "axb", false},
	} {
		q, err := ParseQuery(tt.query)
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		var b batch
		(&parser{}).line(&b, 0, []byte(tt.line), 0)
		l := Line{Raw: string(b.text), Level: b.lines[0].meta.level(), Format: b.lines[0].meta.format()}
		if got := q.Match(&l, web); got != tt.want {
			t.Errorf("%s matches %s: %v, want %v", tt.query, tt.line, got, tt.want)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{"ok ~(", "character 4: not a regular expression: missing closing )"},
		{"level>=wrong", `character 1: "wrong" is no level: choose one of`},
		{"path~[", "not a regular expression"},
	} {
		if _, err := ParseQuery(tt.query); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.query, err, tt.want)
		}
	}
}

func TestQueryUnfinished(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{"timeout status>=", "character 9: the value is missing after status>="},
		{"!", "character 1: after ! there is nothing that must not match"},
		{"a ! b", "character 3: after ! there is nothing"},
		{"~ pod=", "character 1: the regular expression is missing"},
		{`path=""`, "character 1: the value is missing"},
		{`""`, "character 1: there is no text"},
		{`timeout "no such`, ""},
		{" ", ""},
	} {
		q, err := ParseQuery(tt.query)
		if err != nil {
			t.Fatalf("%s: %v", tt.query, err)
		}
		switch err := q.Unfinished(); {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.query, err, tt.want)
		}
	}
}

func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		query, text string
		want        [][2]int
	}{
		{"an", "banana Anna", [][2]int{{1, 5}, {7, 9}}},
		{"an !x ~n+a", "banana Anna", [][2]int{{1, 6}, {7, 11}}},
		{"status>=500", "level=info status=503", [][2]int{{18, 21}}},
		{"status<500", "level=info status=503", nil},
	} {
		q, err := ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Spans(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%s in %s: %v, want %v", tt.query, tt.text, got, tt.want)
		}
	}
}
