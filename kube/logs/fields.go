package logs

import "bytes"

// eachJSON calls yield with the name and the raw value of each field of the
// object that b is, until it returns false or b is no JSON. It takes b for what
// it seems to be: it is for finding, not for checking. A name with escapes in
// it is given as it is written.
func eachJSON(b []byte, yield func(key, value []byte) bool) {
	i := skipBlank(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	i = skipBlank(b, i+1)
	for i < len(b) && b[i] == '"' {
		end := skipString(b, i)
		if end < 0 {
			return
		}
		key := b[i+1 : end-1]
		i = skipBlank(b, end)
		if i >= len(b) || b[i] != ':' {
			return
		}
		i = skipBlank(b, i+1)
		end = skipValue(b, i)
		if end <= i {
			return
		}
		if !yield(key, b[i:end]) {
			return
		}
		i = skipBlank(b, end)
		if i >= len(b) || b[i] != ',' {
			return
		}
		i = skipBlank(b, i+1)
	}
}

func skipBlank(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at b[i], -1 if it
// does not end.
func skipString(b []byte, i int) int {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n + 1
		escapes := 0
		for k := i - 2; k >= 0 && b[k] == '\\'; k-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// skipValue returns the index after the value that begins at b[i], -1 if it
// does not end.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// skipPair returns what follows the pair key=value that b begins with.
func skipPair(b []byte) (rest []byte, ok bool) {
	n := keyLen(b)
	if n == 0 || n >= len(b) || b[n] != '=' {
		return nil, false
	}
	return b[n+1+valueLen(b[n+1:]):], true
}

// keyLen returns the length of the name that b begins with.
func keyLen(b []byte) int {
	n := 0
	for n < len(b) && isKeyByte(b[n]) {
		n++
	}
	return n
}

func isKeyByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' || c == '@' || c == '/'
}

// valueLen returns the length of the value that b begins with, quotes included.
func valueLen(b []byte) int {
	if len(b) > 0 && b[0] == '"' {
		if end := skipString(b, 0); end > 0 {
			return end
		}
	}
	if n := bytes.IndexByte(b, ' '); n >= 0 {
		return n
	}
	return len(b)
}

// eachPair calls yield with each pair key=value of b and steps over the words
// between them, until yield returns false. Values keep their quotes.
func eachPair(b []byte, yield func(key, value []byte) bool) {
	for len(b) > 0 {
		eq := bytes.IndexByte(b, '=')
		if eq < 0 {
			return
		}
		start := eq
		for start > 0 && isKeyByte(b[start-1]) {
			start--
		}
		value := b[eq+1:]
		if start == eq || start > 0 && b[start-1] != ' ' && b[start-1] != '[' && b[start-1] != '(' && b[start-1] != ',' && b[start-1] != '{' {
			b = value
			continue
		}
		n := valueLen(value)
		if !yield(b[start:eq], value[:n]) {
			return
		}
		b = value[n:]
	}
}

// isAccessField reports whether a line of an access log has a field of this
// name.
func isAccessField(key string) bool {
	switch key {
	case "status", "method", "path", "size", "remote":
		return true
	}
	return false
}

// accessField returns a field of a line of an access log.
func accessField(b []byte, key string) ([]byte, bool) {
	quote := bytes.IndexByte(b, '"')
	request, rest, _ := bytes.Cut(b[quote+1:], []byte{'"'})
	method, request, _ := bytes.Cut(request, []byte{' '})
	path, _, _ := bytes.Cut(request, []byte{' '})
	status, rest, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	size, _, _ := bytes.Cut(rest, []byte{' '})
	remote, _, _ := bytes.Cut(b, []byte{' '})
	switch key {
	case "status":
		return status, true
	case "method":
		return method, true
	case "path":
		return path, true
	case "size":
		return size, true
	case "remote":
		return remote, true
	}
	return nil, false
}

// fieldOf returns the value of a field of a line, without quotes: of an object
// by its name, in an object within by names with dots between; of an access log;
// else of the pairs key=value that are in the line, whatever stands around them.
func fieldOf(text []byte, format Format, key string) (value []byte, ok bool) {
	switch format {
	case JSON:
		return jsonField(text, key)
	case Access:
		return accessField(text, key)
	}
	eachPair(text, func(k, v []byte) bool {
		if string(k) != key {
			return true
		}
		value, ok = unquoted(v), true
		return false
	})
	return value, ok
}

func jsonField(text []byte, key string) (value []byte, ok bool) {
	eachJSON(text, func(k, v []byte) bool {
		switch {
		case string(k) == key:
			value, ok = unquoted(v), true
			return false
		case len(key) > len(k) && key[len(k)] == '.' && key[:len(k)] == string(k) && len(v) > 0 && v[0] == '{':
			value, ok = jsonField(v, key[len(k)+1:])
		}
		return !ok
	})
	return value, ok
}
