package shell

import (
	"io/fs"
	"strings"
	"testing"
)

// Whatever is asked for, the path stays inside the root.
func FuzzLocal(f *testing.F) {
	for _, name := range []string{"", "/", "..", "../../etc", "/../x", "a/./b", "a//b", "~", "./..", "/a/../../b"} {
		f.Add("/tmp", name)
	}
	f.Fuzz(func(t *testing.T, dir, name string) {
		got := local("/"+dir, name)
		if strings.HasPrefix(got, "/") || got == ".." || strings.HasPrefix(got, "../") {
			t.Errorf("local(%q, %q) = %q leaves the root", dir, name, got)
		}
		if clean := strings.ToValidUTF8(got, ""); clean == got && !fs.ValidPath(got) {
			t.Errorf("local(%q, %q) = %q is not a clean path", dir, name, got)
		}
	})
}
