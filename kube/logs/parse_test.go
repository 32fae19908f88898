package logs

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// parsed returns lines as the ring would hold them.
func parsed(raw ...string) []Line {
	var p parser
	var b batch
	var out []Line
	for i, r := range raw {
		n := len(b.lines)
		p.line(&b, int64(i)*int64(time.Millisecond), []byte(r), 0)
		m := b.lines[n].meta
		out = append(out, Line{Seq: uint64(i), Level: m.level(), Format: m.format(), Flags: m.flags(), Raw: string(b.textOf(n))})
	}
	return out
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		line   string
		level  Level
		format Format
	}{
		{"", NoLevel, Plain},
		{"hello", NoLevel, Plain},
		{`{"time":"x","level":"warn","msg":"a"}`, Warn, JSON},
		{`{"msg":"level","severity":"ERROR"}`, Error, JSON},
		{`{"msg":"a \"level\":\"error\"","lvl":"debug"}`, Debug, JSON},
		{`{"http":{"level":"error"},"level":30}`, Info, JSON},
		{`{"level":50}`, Error, JSON},
		{`{"level":60}`, Fatal, JSON},
		{`{"level":3,"short_message":"gelf"}`, Error, JSON},
		{`{"level":6}`, Info, JSON},
		{`{"t":{"$date":"x"},"s":"W","c":"NETWORK"}`, Warn, JSON},
		{`{"msg":"none"}`, NoLevel, JSON},
		{`{broken`, NoLevel, Plain},
		{`ts=2026-11-22T08:00:00Z level=info msg="a level=error b"`, Info, Logfmt},
		{`level=error`, Error, Logfmt},
		{`time="x" level=warning`, Warn, Logfmt},
		{`a=b is no logfmt`, NoLevel, Plain},
		{`I1122 08:00:00.000000       1 proxy.go:80] "Sync" elapsed="2ms"`, Info, Klog},
		{`E1122 08:00:00.000000       1 proxy.go:80] bad`, Error, Klog},
		{`10.0.0.1 - - [22/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "x"`, Info, Access},
		{`10.0.0.1 - - [22/Nov/2026:08:00:00 +0000] "GET / HTTP/2.0" 404 12`, Warn, Access},
		{`10.0.0.1 - - [22/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 503 0`, Error, Access},
		{`2026/11/22 08:00:00 [error] 12#12: *1 open() failed`, Error, Plain},
		{`2026/11/22 08:00:00 [emerg] bind() failed`, Fatal, Plain},
		{"2026-11-22T08:00:00.000Z    ERROR    controller    failed", Error, Plain},
		{"2026-11-22T08:00:00.000Z    info    controller    fine", Info, Plain},
		{"2026-11-22 08:00:00,000 WARN  [worker-1] com.example.Service - slow", Warn, Plain},
		{"2026/11/22 08:00:00 INFO charge ok", Info, Plain},
		{"2026-11-22 08:00:00.000 UTC [22] LOG:  checkpoint starting", Info, Plain},
		{"2026-11-22 08:00:00.000 UTC [22] ERROR:  deadlock detected", Error, Plain},
		{"WARNING:root:careful", Warn, Plain},
		{"[INFO] started", Info, Plain},
		{"[2026-11-22 08:00:00 +0000] [1] [CRITICAL] WORKER TIMEOUT", Fatal, Plain},
		{"<warn> something", Warn, Plain},
		{"error: no such file", Error, Plain},
		{"it went without error and info", NoLevel, Plain},
		{"GET /error/info 200", NoLevel, Plain},
		{"panic: missing env DB_URL", Fatal, Plain},
		{"fatal error: all goroutines are asleep - deadlock!", Fatal, Plain},
		{"Traceback (most recent call last):", Error, Plain},
		{"TypeError: x is not a function", Error, Plain},
		{"java.lang.IllegalStateException: no", Error, Plain},
		{`Exception in thread "main" java.lang.Error`, Error, Plain},
	} {
		l := parsed(tt.line)[0]
		if l.Level != tt.level || l.Format != tt.format {
			t.Errorf("%s\n is %s %q, want %s %q", tt.line, l.Format, l.Level, tt.format, tt.level)
		}
	}
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string // > marks the lines that belong to the one before
	}{
		{"go", `
panic: missing env DB_URL
>
>goroutine 1 [running]:
>main.mustEnv({0x8c1f2a, 0x6})
>	/src/main.go:41 +0x9c
>main.main()
>	/src/main.go:23 +0x4e
>exit status 2
2026/11/22 08:00:00 INFO starting`},
		{"go, logged", `
2026/11/22 08:00:00 http: panic serving 10.0.0.1:80: boom
>goroutine 7 [running]:
>net/http.(*conn).serve.func1()
>	/go/src/net/http/server.go:1947 +0xbe
>created by net/http.(*Server).Serve in goroutine 1
>	/go/src/net/http/server.go:3454 +0x485
2026/11/22 08:00:01 ok`},
		{"java", `
2026-11-22 08:00:00,000 ERROR [w-1] c.e.Service - query failed
>java.util.concurrent.TimeoutException: shard 3
>	at com.example.Shards.await(Shards.java:214)
>Caused by: java.net.SocketTimeoutException: Read timed out
>	at java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)
>	... 4 more
2026-11-22 08:00:00,000 INFO  [w-1] c.e.Service - next`},
		{"python", `
ERROR:root:failed
>Traceback (most recent call last):
>  File "app.py", line 3, in <module>
>    f()
>ValueError: bad
>
>During handling of the above exception, another exception occurred:
>
>Traceback (most recent call last):
>  File "app.py", line 5, in <module>
>KeyError: 'x'
INFO:root:next`},
		{"node", `
TypeError: Cannot read properties of undefined
>    at Object.<anonymous> (/app/index.js:1:7)
>    at node:internal/main/run_main_module:28:49 {
>  code: 'X'
>}
listening on 8080`},
		{"lines of their own", `
one
two
{"a":1}
level=info msg=x
TypeError: y
z`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var raw []string
			var joined []bool
			for line := range strings.SplitSeq(strings.TrimPrefix(tt.text, "\n"), "\n") {
				text, belongs := strings.CutPrefix(line, ">")
				raw, joined = append(raw, text), append(joined, belongs)
			}
			head := NoLevel
			for i, l := range parsed(raw...) {
				if got := l.Flags&Continued != 0; got != joined[i] {
					t.Errorf("%q belongs to the line before: %v", raw[i], got)
				}
				if !joined[i] {
					head = l.Level
				} else if l.Level != head {
					t.Errorf("%q has level %q, its record %q", raw[i], l.Level, head)
				}
			}
		})
	}
}

func TestStamp(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 1, 123456789, time.UTC).UnixNano()
	for _, tt := range []struct {
		line, text string
		at         int64
	}{
		{"2026-11-22T08:00:01.123456789Z hello", "hello", at},
		{"2026-11-22T08:00:01.123456789Z  two", " two", at},
		{"2026-11-22T08:00:01.123456789Z ", "", at},
		{"2026-11-22T08:00:01.123456789Z", "", at},
		{"2026-11-22T13:30:01.123456789+05:30 x", "x", at},
		{"2026-11-22T03:00:01.123456789-05:00 x", "x", at},
		{"2026-11-22T08:00:01Z x", "x", at - 123456789},
		{"2026-11-22T08:00:01.1Z x", "x", at - 23456789},
		{"unable to retrieve container logs", "unable to retrieve container logs", 7},
		{"", "", 7},
		{"2026-13-22T08:00:01Z x", "2026-13-22T08:00:01Z x", 7},
	} {
		p := parser{last: 7}
		got, text := p.stamp([]byte(tt.line))
		if got != tt.at || string(text) != tt.text {
			t.Errorf("%s: %d %q, want %d %q", tt.line, got, text, tt.at, tt.text)
		}
	}
}

func TestColours(t *testing.T) {
	for _, tt := range []struct{ in, raw, text string }{
		{"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", "red"},
		{"a\x1b[1;38:5:3mb\tc", "a\x1b[1;38:5:3mb    c", "ab    c"},
		{"a\x1b[2Jb\x1b]0;t\x07c", "abc", "abc"},
		{"a\x1b\x1b[1mb", "a\x1b[1mb", "ab"},
		{"a\x1b[3\x1b[1mb", "a\x1b[1mb", "ab"},
		{"a\x1b[1", "a", "a"},
		{"50%\r100%", "50% 100%", "50% 100%"},
		{"a\xffb\u202ec", "a\ufffdb\ufffdc", "a\ufffdb\ufffdc"},
		{"한글\t漢字", "한글    漢字", "한글    漢字"},
		{"a\x00\x07b", "ab", "ab"},
	} {
		l := parsed(tt.in)[0]
		if l.Raw != tt.raw || l.Text() != tt.text || (l.Flags&Coloured != 0) != (tt.raw != tt.text) {
			t.Errorf("%q: %q %q %v, want %q %q", tt.in, l.Raw, l.Text(), l.Flags, tt.raw, tt.text)
		}
	}
}

// Whatever a container writes, what is held of it is harmless, and whatever is
// done with it ends.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`{"level":"warn","msg":"a\u001b[31m","x":{"y":[1,{"z":"\n"}]}}`, `level=info msg="a b" c=d`, "\x1b[31mred\x1b[0m\x1b]52;c;x\x07",
		`1.1.1.1 - - [x] "GET / HTTP/1.1" 500 1`, "panic: x\n\ngoroutine 1", "\xff\xfe\x00\u202e", `{"a":`, `"`, "a=\"", "I1122 08:00:00.0 1 a.go:1] b=c", "\x1b[", "{\"\\\":",
	} {
		f.Add(s, "a")
	}
	folder := NewFolder(Fold{})
	f.Fuzz(func(t *testing.T, s, query string) {
		for _, l := range parsed(strings.Split(s, "\n")...) {
			harmless(t, l.Raw, true)
			harmless(t, l.Text(), false)
			text, quiet := folder.Line(&l)
			harmless(t, text, false)
			if quiet < 0 || quiet > len(text) {
				t.Fatalf("quiet from %d of %d", quiet, len(text))
			}
			for _, n := range Tree(&l) {
				harmless(t, n.Key+n.Value+strings.Join(n.Lines, ""), false)
			}
			q, err := ParseQuery(query)
			if err != nil {
				continue
			}
			q.Match(&l, nil)
			for _, span := range q.Spans(l.Text()) {
				if span[0] < 0 || span[1] > len(l.Text()) || span[0] > span[1] {
					t.Fatalf("span %v of %q", span, l.Text())
				}
			}
		}
	})
}

func harmless(t *testing.T, s string, colours bool) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%q is not UTF-8", s)
	}
	for i, r := range s {
		if r == esc && colours && sgr([]byte(s[i:])) > 0 {
			continue
		}
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%q has %U", s, r)
		}
	}
}
