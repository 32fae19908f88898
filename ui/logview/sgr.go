package logview

import "strings"

// maxSGR is how many bytes of parameters are kept. Whoever sets more, without
// ever a reset, loses the older ones.
const maxSGR = 64

// Split takes the SGR sequences out of a line: text is what is left, styles how
// it was to be drawn. Other escape sequences must have been removed before.
func Split(line string) (text string, styles []Style) {
	const start = "\x1b["
	i := strings.Index(line, start)
	if i < 0 {
		return line, nil
	}
	var b strings.Builder
	b.Grow(len(line))
	now := ""
	for ; i >= 0; i = strings.Index(line, start) {
		b.WriteString(line[:i])
		line = line[i+len(start):]
		end := strings.IndexByte(line, 'm')
		if end < 0 {
			line = "" // the line was cut within it
			break
		}
		if now = add(now, line[:end]); len(styles) > 0 && styles[len(styles)-1].At == b.Len() {
			styles[len(styles)-1].SGR = now
		} else {
			styles = append(styles, Style{At: b.Len(), SGR: now})
		}
		line = line[end+1:]
	}
	b.WriteString(line)
	return b.String(), styles
}

// add returns the parameters in force after more follow those before, which
// stay in force unless there is a reset.
func add(before, more string) string {
	if more == "" {
		return ""
	}
	for more == "0" || strings.HasPrefix(more, "0;") {
		before, more = "", strings.TrimPrefix(more[1:], ";")
	}
	switch {
	case more == "":
		return before
	case before == "" || len(before)+1+len(more) > maxSGR:
		return more
	}
	return before + ";" + more
}
