package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"quarterdeck/kube/logs"
	"quarterdeck/ui/logview"
)

// everything is the span of all that the nodes still have.
func everything() logs.Span { return logs.Span{Tail: -1} }

// parseSpan reads how much of logs to read: an age such as 10m, a time such as
// 14:05, a count of lines, or all.
func (p *logPage) parseSpan(text string) (logs.Span, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "all" {
		return everything(), nil
	}
	count := strings.TrimSuffix(strings.TrimSuffix(text, "lines"), "line")
	if n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(count), ",", ""), 10, 64); err == nil {
		if n < 0 {
			return logs.Span{}, fmt.Errorf("%d lines cannot be read: type a number from 0 on", n)
		}
		return logs.Span{Tail: n}, nil
	}
	if since, ok := parseAge(text); ok {
		return since, nil
	}
	if at, err := p.parseTime(text); err == nil {
		if ago := p.session.Now().Sub(at); ago > 0 {
			return logs.Span{Tail: -1, Since: ago}, nil
		}
		return logs.Span{}, fmt.Errorf("%s is still to come: type a time that was", text)
	}
	return logs.Span{}, fmt.Errorf("%q is no span: type 10m, 2h, 14:05, 500 lines, or all", text)
}

// parseAge reads 90s, 10m, 2h30m, 1d.
func parseAge(text string) (logs.Span, bool) {
	var since time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return logs.Span{}, false
		}
		since, text = time.Duration(n)*24*time.Hour, rest
	}
	if text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return logs.Span{}, false
		}
		since += d
	}
	return logs.Span{Tail: -1, Since: since}, since > 0
}

// spanWords says how much of each log was read at first by who began at a time.
func spanWords(s logs.Span, began time.Time) string {
	var words []string
	if s.Tail >= 0 {
		words = append(words, "last "+logview.Count(uint64(s.Tail))+" of each")
	}
	if s.Since > 0 {
		from, layout := began.Add(-s.Since), "15:04:05"
		if from.YearDay() != began.YearDay() || from.Year() != began.Year() {
			layout = "01-02 15:04:05"
		}
		words = append(words, "since "+from.Format(layout))
	}
	if len(words) == 0 {
		return "from their start"
	}
	return strings.Join(words, ", ")
}
