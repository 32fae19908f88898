package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

func appendText(r *Ring, texts ...string) {
	for _, s := range texts {
		r.Append(Line{Raw: s, Time: int64(r.next)})
	}
	r.Publish()
}

func TestRing(t *testing.T) {
	r := NewRing(0)
	if s := r.Snapshot(); s.Len() != 0 || s.First() != 0 || s.Since(0) != 0 {
		t.Error("an empty ring has lines")
	}
	changed, cancel := r.Subscribe()
	r.Append(Line{Raw: "a", Time: 10, Source: 3, Level: Warn, Format: JSON, Flags: Coloured})
	if r.Snapshot().Len() != 0 {
		t.Error("a line is seen before it is published")
	}
	appendText(r, "", "c")
	<-changed
	cancel()
	s := r.Snapshot()
	appendText(r, "d")
	if got, ok := s.At(0); !ok || got != (Line{Seq: 0, Time: 10, Source: 3, Level: Warn, Format: JSON, Flags: Coloured, Raw: "a"}) {
		t.Errorf("%+v %v", got, ok)
	}
	if _, ok := s.At(3); ok || s.End() != 3 {
		t.Error("a snapshot grows")
	}
	var got []string
	r.Snapshot().Range(1, 9, func(l Line) bool { got = append(got, fmt.Sprint(l.Seq, l.Raw)); return true })
	if fmt.Sprint(got) != "[1 2c 3d]" {
		t.Error(got)
	}
}

// The oldest make room and are counted, lines are numbered on, and who has a
// snapshot keeps its lines.
func TestRingGivesUpTheOldest(t *testing.T) {
	r := NewRing(200 << 10)
	var first *Snapshot
	line := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", i%200)) }
	for i := range 20000 {
		appendText(r, line(i))
		if i == 100 {
			first = r.Snapshot()
		}
	}
	s := r.Snapshot()
	if s.Bytes() > 200<<10 || s.Bytes() < 150<<10 {
		t.Errorf("holds %d bytes", s.Bytes())
	}
	if s.Evicted().Lines != s.First() || s.End() != 20000 || s.First() == 0 {
		t.Errorf("%d to %d, %+v", s.First(), s.End(), s.Evicted())
	}
	if _, ok := s.At(s.First() - 1); ok {
		t.Error("an evicted line is there")
	}
	for seq := s.First(); seq < s.End(); seq++ {
		if l, ok := s.At(seq); !ok || l.Raw != line(int(seq)) || l.Seq != seq {
			t.Fatalf("%d: %+v", seq, l)
		}
	}
	if at := s.First() + 77; s.Since(int64(at)) != at || s.Since(1<<40) != s.End() {
		t.Error("a time is not found")
	}
	for seq := range uint64(101) {
		if l, ok := first.At(seq); !ok || l.Raw != line(int(seq)) {
			t.Fatalf("the old snapshot lost line %d", seq)
		}
	}
}

// A line that is larger than the ring is still one line.
func TestRingHugeLine(t *testing.T) {
	r := NewRing(64 << 10)
	appendText(r, "a", strings.Repeat("b", 1<<20), "c")
	l, ok := r.Snapshot().At(2)
	if !ok || l.Raw != "c" {
		t.Error(l.Raw, ok)
	}
}

func TestRingReadersAndWriter(t *testing.T) {
	r := NewRing(256 << 10)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := r.Snapshot()
				s.Range(s.First(), s.End(), func(l Line) bool {
					if l.Raw != fmt.Sprint("line ", l.Seq) {
						t.Errorf("line %d is %q", l.Seq, l.Raw)
						return false
					}
					return true
				})
			}
		})
	}
	for i := range 50000 {
		appendText(r, fmt.Sprint("line ", i))
	}
	close(stop)
	wg.Wait()
}

func TestBody(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	b := newBody(strings.NewReader("one\r\n\ntwo\n" + long + "\nthree\nrest"))
	var got []string
	for {
		line, missing, whole, err := b.next()
		got = append(got, fmt.Sprint(len(line), " ", string(line[:min(len(line), 5)]), " ", missing > 0, " ", whole))
		if missing > 0 && len(line)+missing != 1<<20 {
			t.Errorf("%d and %d bytes", len(line), missing)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
	}
	want := []string{"3 one false true", "0  false true", "3 two false true", fmt.Sprint(maxLine-maxSGR, " aaaaa true true"), "5 three false true", "4 rest false false"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Lines around the size of the reader's buffer come whole.
func TestBodyLengths(t *testing.T) {
	for n := readBytes - 3; n < readBytes+3; n++ {
		line := bytes.Repeat([]byte("x"), n)
		b := newBody(bytes.NewReader(append(append([]byte{}, line...), "\nnext\n"...)))
		got, missing, whole, err := b.next()
		if !bytes.Equal(got, line) || missing != 0 || !whole || err != nil {
			t.Errorf("%d: %d bytes, %d missing, %v %v", n, len(got), missing, whole, err)
		}
		if got, _, _, _ := b.next(); string(got) != "next" {
			t.Errorf("%d: then %q", n, got)
		}
	}
}

func TestFolder(t *testing.T) {
	for _, tt := range []struct {
		fold       Fold
		line, want string // | where the quiet part begins
	}{
		{Fold{}, `{"time":"x","level":"info","order":8123,"msg":"charge ok","ms":41}`, `charge ok| order=8123 ms=41`},
		{Fold{}, `{"level":"error","msg":"failed","err":"no such host","http":{"path":"/a b","code":500},"l":[1,2]}`, `failed: no such host| http.path="/a b" http.code=500 l=[1,2]`},
		{Fold{}, `ts=x level=info component=cart msg="item \"added\"" user=chen`, `item "added"| component=cart user=chen`},
		{Fold{}, `{"msg":"a\u001b[31mb\nc"}`, `ab c`},
		{Fold{}, `{"a":1}`, `{"a":1}`},
		{Fold{}, `plain text msg=x`, `plain text msg=x`},
		{Fold{First: []string{"path", "status"}, Hide: []string{"msg"}}, `{"msg":"x","status":200,"path":"/","level":"info"}`, `/: 200| level=info`},
	} {
		l := parsed(tt.line)[0]
		text, quiet := NewFolder(tt.fold).Line(&l)
		if quiet > 0 {
			text = text[:quiet] + "|" + text[quiet:]
		}
		if text != tt.want {
			t.Errorf("%s\n is %s\nwant %s", tt.line, text, tt.want)
		}
	}
}

func TestTree(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"a":1,"b":{"c":"x \"y\"","d":[true,{"e":null}]},"f":"one\n\ttwo","g":{}}`, "a=1 b= .c=x \"y\" .d= ..0=true ..1= ...e=null f=one/    two g={}"},
		{`level=info msg="a b" c=`, "level=info msg=a b c="},
		{`1.1.1.1 - - [x] "GET /a HTTP/1.1" 200 17`, "remote=1.1.1.1 method=GET path=/a status=200 size=17"},
		{`charge ok order=8123`, "order=8123"},
		{`no fields`, ""},
	} {
		l := parsed(tt.line)[0]
		var rows []string
		for _, n := range Tree(&l) {
			rows = append(rows, strings.Repeat(".", n.Depth)+n.Key+"="+n.Value+strings.Join(n.Lines, "/"))
		}
		got := strings.ReplaceAll(strings.Join(rows, " "), "= ", "= ")
		if got != tt.want {
			t.Errorf("%s\n is %s\nwant %s", tt.line, got, tt.want)
		}
	}
}
