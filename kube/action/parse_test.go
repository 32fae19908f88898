package action

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	corev1 "k8s.io/api/core/v1"
)

func TestParseReplicas(t *testing.T) {
	for _, tt := range []struct {
		text    string
		current int64
		want    int64
		err     string
	}{
		{"3", 1, 3, ""},
		{" 0 ", 1, 0, ""},
		{"+2", 3, 5, ""},
		{"-1", 3, 2, ""},
		{"-3", 3, 0, ""},
		{"10000", 1, 10_000, ""},
		{"-4", 3, 0, "less than 0"},
		{"10001", 1, 0, "as far as qd goes"},
		{"+10000", 1, 0, "as far as qd goes"},
		{"99999999999999999999", 1, 0, "qd goes to 10000"},
		{"", 1, 0, "type a number"},
		{"+", 1, 0, "type a number"},
		{"three", 1, 0, "type a number"},
		{"1.5", 1, 0, "type a number"},
		{"0x10", 1, 0, "type a number"},
		{"1_0", 1, 0, "type a number"},
	} {
		got, err := ParseReplicas(tt.text, tt.current)
		if !says(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("ParseReplicas(%q, %d) = %d, %v; want %d, %q", tt.text, tt.current, got, err, tt.want, tt.err)
		}
	}
}

// says reports whether an error has want in it; "" wants none.
func says(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want)
}

func TestParsePairs(t *testing.T) {
	for _, tt := range []struct {
		text   string
		set    map[string]string
		remove []string
		err    string
	}{
		{"a=b", map[string]string{"a": "b"}, nil, ""},
		{"a=b c- d=", map[string]string{"a": "b", "d": ""}, []string{"c"}, ""},
		{`note="two words" x='it"s'`, map[string]string{"note": "two words", "x": `it"s`}, nil, ""},
		{"a=b=c", map[string]string{"a": "b=c"}, nil, ""},
		{"example.com/a=1\nb-", map[string]string{"example.com/a": "1"}, []string{"b"}, ""},
		{"a=b-", map[string]string{"a": "b-"}, nil, ""},
		{"", nil, nil, "nothing typed"},
		{" \t", nil, nil, "nothing typed"},
		{"a", nil, nil, "neither key=value nor key-"},
		{"-", nil, nil, "neither key=value nor key-"},
		{"=v", nil, nil, "neither key=value nor key-"},
		{`""`, nil, nil, "neither key=value nor key-"},
		{`a="b`, nil, nil, "not closed"},
		{"a=1 a-", nil, nil, "twice"},
		{"a=1 a=2", nil, nil, "twice"},
		{"a- a-", nil, nil, "twice"},
	} {
		got, err := ParsePairs(tt.text)
		if !says(err, tt.err) || !maps.Equal(got.Set, tt.set) || !slices.Equal(got.Remove, tt.remove) {
			t.Errorf("ParsePairs(%q) = %v, %v; want %v %v, %q", tt.text, got, err, tt.set, tt.remove, tt.err)
		}
	}
}

func TestCheckPairs(t *testing.T) {
	for _, tt := range []struct {
		text                string
		labels, annotations string
	}{
		{"a=b", "", ""},
		{"a=두", "Invalid value", ""},
		{"a b=c", "", ""},
		{"a/b/c=d", "Invalid value", "Invalid value"},
		{"_=x", "Invalid value", "Invalid value"},
		{"_-", "Invalid value", ""}, // an odd one that is there may go
		{"a=" + strings.Repeat("x", 64), "Too long", ""},
	} {
		p, err := ParsePairs(strings.ReplaceAll(tt.text, "a b=", "a="))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CheckLabels(); (err == nil) != (tt.labels == "") {
			t.Errorf("%q as labels: %v", tt.text, err)
		}
		if err := p.CheckAnnotations(); (err == nil) != (tt.annotations == "") {
			t.Errorf("%q as annotations: %v", tt.text, err)
		}
	}
}

func FuzzParsePairs(f *testing.F) {
	for _, s := range []string{"a=b", "a-", `a="b c" d-`, "a=1 a-", "'", "=", "a=' ' b=\"'\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePairs(text)
		if err != nil {
			return
		}
		if len(p.Set)+len(p.Remove) == 0 {
			t.Fatalf("%q: nothing to do, and no error", text)
		}
		// Written out again, with every value in quotes, it means the same.
		var words []string
		for key, value := range p.Set {
			if strings.ContainsAny(key+value, `"'`) {
				return
			}
			words = append(words, `"`+key+`"="`+value+`"`)
		}
		for _, key := range p.Remove {
			if strings.ContainsAny(key, `"'`) {
				return
			}
			words = append(words, `"`+key+`"-`)
		}
		again, err := ParsePairs(strings.Join(words, " "))
		if err != nil || !maps.Equal(again.Set, p.Set) || !slices.Equal(again.Remove, p.Remove) {
			t.Fatalf("%q is %v, and written again %v, %v", text, p, again, err)
		}
	})
}

func TestParseTaints(t *testing.T) {
	no, prefer, execute := corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute
	for _, tt := range []struct {
		text        string
		set, remove []corev1.Taint
		err         string
	}{
		{"a=b:NoSchedule", []corev1.Taint{{Key: "a", Value: "b", Effect: no}}, nil, ""},
		{"a:noexecute", []corev1.Taint{{Key: "a", Effect: execute}}, nil, ""},
		{"a=:PreferNoSchedule", []corev1.Taint{{Key: "a", Effect: prefer}}, nil, ""},
		{"example.com/a-", nil, []corev1.Taint{{Key: "example.com/a"}}, ""},
		{"a:NoSchedule- a:NoExecute", []corev1.Taint{{Key: "a", Effect: execute}}, []corev1.Taint{{Key: "a", Effect: no}}, ""},
		{"", nil, nil, "nothing typed"},
		{"a", nil, nil, "says no effect"},
		{"a=b", nil, nil, "says no effect"},
		{"a:", nil, nil, "the effect is"},
		{"a:Never", nil, nil, "the effect is"},
		{"a:Never-", nil, nil, "the effect is"},
		{"=b:NoSchedule", nil, nil, "no key of a taint"},
		{"-", nil, nil, "no key of a taint"},
		{"a=b!:NoSchedule", nil, nil, "no value of a taint"},
		{"a:NoSchedule a=b:NoSchedule", nil, nil, "twice"},
		{"a:NoSchedule a:NoSchedule-", nil, nil, "twice"},
	} {
		got, err := ParseTaints(tt.text)
		if !says(err, tt.err) || !slices.Equal(got.Set, tt.set) || !slices.Equal(got.Remove, tt.remove) {
			t.Errorf("ParseTaints(%q) = %v, %v; want %v %v, %q", tt.text, got, err, tt.set, tt.remove, tt.err)
		}
	}
}

func FuzzParseTaints(f *testing.F) {
	for _, s := range []string{"a=b:NoSchedule", "a-", "a:NoExecute-", "a:b:c", ":-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		taints, err := ParseTaints(text)
		if err != nil {
			return
		}
		var words []string
		for _, s := range taints.Set {
			words = append(words, s.ToString())
		}
		for _, r := range taints.Remove {
			words = append(words, r.ToString()+"-")
		}
		again, err := ParseTaints(strings.Join(words, " "))
		if err != nil || !slices.Equal(again.Set, taints.Set) || !slices.Equal(again.Remove, taints.Remove) {
			t.Fatalf("%q is %v, and written again %v, %v", text, taints, again, err)
		}
	})
}

func TestParseImage(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct{ text, current, want, err string }{
		{"nginx", "", "nginx", ""},
		{" registry.example.com:5000/shop/app:v2 ", "", "registry.example.com:5000/shop/app:v2", ""},
		{":v2", "registry.example.com:5000/shop/app:v1", "registry.example.com:5000/shop/app:v2", ""},
		{":v2", "registry.example.com:5000/shop/app", "registry.example.com:5000/shop/app:v2", ""},
		{":v2", "app@" + digest, "app:v2", ""},
		{"@" + digest, "app:v1", "app@" + digest, ""},
		{"app:v1@" + digest, "", "app:v1@" + digest, ""},
		{"", "app", "", "no image"},
		{":", "app", "", "is no image"},
		{"App:v1", "", "", "is no image"},
		{"a b", "", "", "is no image"},
		{"app:v1:v2", "", "", "is no image"},
		{"app@sha256:short", "", "", "is no image"},
		{"https://example.com/app", "", "", "is no image"},
	} {
		got, err := ParseImage(tt.text, tt.current)
		if !says(err, tt.err) || got != tt.want {
			t.Errorf("ParseImage(%q, %q) = %q, %v; want %q, %q", tt.text, tt.current, got, err, tt.want, tt.err)
		}
	}
}

func FuzzParseImage(f *testing.F) {
	f.Add(":v2", "registry.example.com:5000/app:v1")
	f.Add("@sha256:0", "app")
	f.Add("a/b:c", "")
	f.Fuzz(func(t *testing.T, text, current string) {
		got, err := ParseImage(text, current)
		if err != nil {
			return
		}
		if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			t.Fatalf("ParseImage(%q, %q) = %q", text, current, got)
		}
		if again, err := ParseImage(got, current); err != nil || again != got {
			t.Fatalf("%q is an image, then %q, %v", got, again, err)
		}
	})
}
