package container

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestDetacher(t *testing.T) {
	tests := []struct {
		name  string
		d     detacher
		typed []string
		want  string
		leave bool
	}{
		{"nothing", detacher{}, []string{"\x03\x10\x11"}, "\x03\x10\x11", false},
		{"interrupt", detacher{interrupt: true}, []string{"ab\x03c"}, "ab", true},
		{"sequence", detacher{sequence: true}, []string{"ab\x10\x11c"}, "ab", true},
		{"sequence in two", detacher{sequence: true}, []string{"\x10", "\x11"}, "", true},
		{"one half", detacher{sequence: true}, []string{"\x10", "x"}, "\x10x", false},
		{"first half twice", detacher{sequence: true}, []string{"\x10\x10x\x03"}, "\x10\x10x\x03", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			left := false
			for _, typed := range tt.typed {
				rest, leave := tt.d.take([]byte(typed))
				got.Write(rest)
				left = left || leave
			}
			if got.String() != tt.want || left != tt.leave {
				t.Errorf("%q, left %v; want %q, %v", got.String(), left, tt.want, tt.leave)
			}
		})
	}
}

func TestGate(t *testing.T) {
	var b bytes.Buffer
	g := &gate{to: &b, lines: true}
	for _, text := range []string{"a\nb\r\nc\r", "\nd"} {
		if n, err := io.WriteString(g, text); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	g.close()
	if _, err := io.WriteString(g, "late"); err == nil {
		t.Error("a closed gate takes text")
	}
	if want := "a\r\nb\r\nc\r\nd"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestMissingProgram(t *testing.T) {
	for text, want := range map[string]bool{
		`OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown`: true,
		`exec failed: container_linux.go:380: starting container process caused: exec: "/bin/sh": stat /bin/sh: no such file or directory`: true,
		`container not running`:              false,
		`tar: /x: no such file or directory`: false,
	} {
		if got := missingProgram(io.ErrClosedPipe) || missingProgram(errorText(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestSplit(t *testing.T) {
	for remote, want := range map[string][2]string{
		"/":          {"/", "."},
		".":          {".", "."},
		"/var/log/":  {"/var", "log"},
		"f":          {".", "f"},
		"/a/../b/./": {"/", "b"},
		"../..":      {"../..", "."},
		"/f":         {"/", "f"},
	} {
		if dir, base := split(remote); dir != want[0] || base != want[1] {
			t.Errorf("%q: %q, %q; want %q", remote, dir, base, want)
		}
	}
}
