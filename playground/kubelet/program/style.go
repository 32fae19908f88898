package program

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Style is how a program formats its log entries.
type Style int

// The styles of log that are common in clusters.
const (
	// Plain is "2026/11/22 08:00:00 INFO text key=value".
	Plain Style = iota
	// Logfmt is "ts=… level=info msg="…" key=value".
	Logfmt
	// JSON is one object a line.
	JSON
	// Klog is the format of the Kubernetes components.
	Klog
	// Java has a thread and a class, and stack traces over many lines.
	Java
	// Access is the combined log of a web server.
	Access
	// Postgres is the format of that database.
	Postgres
)

// Message is something a program says again and again.
type Message struct {
	// Level is debug, info, warn or error.
	Level string
	Text  string
	// Fields are "key=value" pairs separated by blanks. A value may be a
	// placeholder: {n} {ms} {id} {hex} {ip} {path} {sku} {user} {status}.
	Fields string
	// Trace is what follows on lines of its own.
	Trace []string
	// Weight says how often it is said compared to the others; 0 counts as 10.
	Weight int
}

func (m Message) weight() int {
	if m.Weight == 0 {
		return 10
	}
	return m.Weight
}

// render turns a message into the lines of one entry.
func (s Style) render(rng *rand.Rand, at time.Time, name string, m Message) []string {
	// A moment within the second; it is what the program itself prints.
	at = at.Add(time.Duration(rng.Int64N(int64(time.Second)))).UTC()
	text := fill(rng, m.Text)
	fields := strings.Fields(m.Fields)
	for i := range fields {
		fields[i] = fill(rng, fields[i])
	}
	level := m.Level
	if level == "" {
		level = "info"
	}
	head := s.head(rng, at, name, level, text, fields)
	if len(m.Trace) == 0 {
		return []string{head}
	}
	lines := []string{head}
	for _, line := range m.Trace {
		lines = append(lines, fill(rng, line))
	}
	return lines
}

func (s Style) head(rng *rand.Rand, at time.Time, name, level, text string, fields []string) string {
	joined := strings.Join(fields, " ")
	if joined != "" {
		joined = " " + joined
	}
	switch s {
	case Logfmt:
		return fmt.Sprintf("ts=%s level=%s component=%s msg=%q%s", at.Format("2006-01-02T15:04:05.000Z"), level, name, text, joined)
	case JSON:
		return jsonEntry(at, level, name, text, fields)
	case Klog:
		return fmt.Sprintf("%c%s %7d %s.go:%d] %q%s", strings.ToUpper(level)[0], at.Format("0102 15:04:05.000000"), 1, name, 80+rng.IntN(400), text, joined)
	case Java:
		return fmt.Sprintf("%s %-5s [worker-%d] com.example.%s.Service - %s%s", at.Format("2006-01-02 15:04:05,000"), strings.ToUpper(level), 1+rng.IntN(8), name, text, joined)
	case Access:
		return fmt.Sprintf("%s - - [%s] %s", fill(rng, "{ip}"), at.Format("02/Jan/2006:15:04:05 +0000"), text)
	case Postgres:
		return fmt.Sprintf("%s UTC [%d] %s:  %s", at.Format("2006-01-02 15:04:05.000"), 20+rng.IntN(60), postgresLevel(level), text)
	default:
		return fmt.Sprintf("%s %s %s%s", at.Format("2006/01/02 15:04:05"), strings.ToUpper(level), text, joined)
	}
}

func postgresLevel(level string) string {
	if level == "info" {
		return "LOG"
	}
	return strings.ToUpper(level)
}

func jsonEntry(at time.Time, level, name, text string, fields []string) string {
	var b strings.Builder
	quote := func(s string) string {
		// Marshalling a string cannot fail.
		q, _ := json.Marshal(s)
		return string(q)
	}
	fmt.Fprintf(&b, `{"time":%q,"level":%q,"logger":%q,"msg":%s`, at.Format(time.RFC3339Nano), level, name, quote(text))
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		if value != "" && strings.Trim(value, "0123456789") == "" && (value == "0" || value[0] != '0') {
			fmt.Fprintf(&b, `,%q:%s`, key, value)
		} else {
			fmt.Fprintf(&b, `,%q:%s`, key, quote(value))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// fill replaces the placeholders of a text.
func fill(rng *rand.Rand, text string) string {
	for {
		i := strings.IndexByte(text, '{')
		j := strings.IndexByte(text, '}')
		if i < 0 || j < i {
			return text
		}
		text = text[:i] + value(rng, text[i+1:j]) + text[j+1:]
	}
}

func value(rng *rand.Rand, name string) string {
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	switch name {
	case "n":
		return fmt.Sprint(1 + rng.IntN(40))
	case "ms":
		// Most are quick, some are not.
		return fmt.Sprint(2 + int(rng.ExpFloat64()*24))
	case "id":
		return fmt.Sprint(10000 + rng.IntN(89999))
	case "hex":
		return fmt.Sprintf("%016x", rng.Uint64())
	case "ip":
		return fmt.Sprintf("10.42.%d.%d", rng.IntN(12), 2+rng.IntN(250))
	case "path":
		return one("/", "/cart", "/search?q=tea", "/product/4711", "/api/v1/orders", "/static/app.css", "/login")
	case "sku":
		return one("TEA-100", "MUG-012", "POT-007", "TIN-250", "KTL-003")
	case "user":
		return one("ana", "bilal", "chen", "dewi", "민준", "zoë")
	case "status":
		return one("200", "200", "200", "200", "200", "304", "404", "201")
	}
	return name
}
