package journal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// canary must never be written.
const canary = "h0ly-Gra1l"

func split(path string) []string { return strings.Split(path, "/") }

func TestRedact(t *testing.T) {
	container := "spec/template/spec/containers/0/"
	env := []any{
		map[string]any{"name": "DB_PASSWORD", "value": canary},
		map[string]any{"name": "DB_URL", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "db", "key": "url"}}},
	}
	for _, tc := range []struct {
		name  string
		of    schema.GroupVersionResource
		path  string
		value any
		want  string
	}{
		{"replicas", deployments, "spec/replicas", int64(3), "3"},
		{"nothing", deployments, "spec/replicas", nil, "none"},
		{"a switch", deployments, "spec/paused", true, "true"},
		{"an image", deployments, container + "image", "registry/checkout:v2.3.1", "registry/checkout:v2.3.1"},
		{"a label", deployments, "metadata/labels/app", "checkout", "checkout"},
		{"an annotation", deployments, "metadata/annotations/owner", "team-a", "team-a"},
		{"last applied", deployments, "metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", "x", Hidden},
		{"another copy of the object", deployments, "metadata/annotations/tool.example.com~1original", ` {"spec":{}}`, Hidden},
		{"annotations with a copy", deployments, "metadata/annotations", map[string]any{"a": "b", "kubectl.kubernetes.io/last-applied-configuration": canary}, `{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"(hidden)"}`},
		{"who owns which field", deployments, "metadata/managedFields/0/manager", "kubectl", Hidden},
		{"a variable", deployments, container + "env/0/value", canary, Hidden},
		{"the name of a variable", deployments, container + "env/0/name", "DB_PASSWORD", "DB_PASSWORD"},
		{"all variables", deployments, container + "env", env, `[{"name":"DB_PASSWORD","value":"(hidden)"},{"name":"DB_URL","valueFrom":{"secretKeyRef":{"key":"url","name":"db"}}}]`},
		{"variables as a mapping", deployments, "spec/env", map[string]any{"name": canary, "0": canary}, `{"0":"(hidden)","name":"(hidden)"}`},
		{"variables as words", deployments, "spec/envVars", []any{"A=" + canary}, `["(hidden)"]`},
		{"a header of a probe", deployments, container + "livenessProbe/httpGet/httpHeaders/0/value", canary, Hidden},
		{"variables from elsewhere", deployments, container + "envFrom/0/secretRef/name", "db", "db"},
		{"of a type of Go", deployments, container + "env/0", corev1.EnvVar{Name: "A", Value: canary}, `{"name":"A","value":"(hidden)"}`},
		{"a custom kind's password", deployments, "spec/adminPassword", canary, Hidden},
		{"a custom kind's key", deployments, "spec/s3/accessKey", canary, Hidden},
		{"the name of a secret", deployments, "spec/secretName", "db", "db"},
		{"whether there is a token", deployments, "spec/automountServiceAccountToken", false, "false"},
		{"an argument", deployments, container + "args", []any{"--port=80", "--password=" + canary, "--token", canary}, `["--port=80","--password=(hidden)","--token","(hidden)"]`},
		{"a URL", deployments, "spec/url", "postgres://app:" + canary + "@db/x", "postgres://(hidden)@db/x"},
		{"a certificate", deployments, "spec/ca", "-----BEGIN CERTIFICATE----- " + canary, Hidden},
		{"lines", deployments, "spec/script", "a\nb\n", "(2 lines)"},
		{"an escape sequence", deployments, "spec/x", "a\x1b[2Jb\u202ec", "ab\ufffdc"},
		{"data of a secret", secrets, "data/password", canary, Hidden},
		{"all data of a secret", secrets, "data", map[string]any{"a": canary, "b": nil}, `{"a":"(hidden)","b":null}`},
		{"string data of a secret", secrets, "stringData", map[string]any{"a": canary}, `{"a":"(hidden)"}`},
		{"a number in a secret", secrets, "data/pin", int64(1234), Hidden},
		{"a label of a secret", secrets, "metadata/labels/app", "db", "db"},
		{"the type of a secret", secrets, "type", "Opaque", "Opaque"},
		{"a config map", configMaps, "data/app.yaml", canary, Hidden},
		{"data of another kind", deployments, "data/x", "y", "y"},
	} {
		path := split(tc.path)
		for i := range path {
			path[i] = strings.ReplaceAll(path[i], "~1", "/")
		}
		got := Redact(tc.of.GroupResource(), path, tc.value)
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	whole := &corev1.Secret{Data: map[string][]byte{"a": []byte(canary)}, StringData: map[string]string{"b": canary}}
	if got := Redact(secrets.GroupResource(), nil, whole); holds(got) || !strings.Contains(got, Hidden) {
		t.Errorf("a whole secret: %s", got)
	}
}

// holds reports whether a text has the canary in one of its forms.
func holds(s string) bool {
	return strings.Contains(s, canary) || strings.Contains(s, base64.StdEncoding.EncodeToString([]byte(canary)))
}

func TestErrorsAreRedacted(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	kind := schema.GroupKind{Kind: "X"}
	invalid := func(path *field.Path, value any) error {
		return fmt.Errorf("patch x: %w", apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(path, value, "is no good")}))
	}
	one := func(path string, after any) []Edit { return []Edit{{Path: split(path), Before: nil, After: after}} }
	for _, tc := range []struct {
		name  string
		of    schema.GroupVersionResource
		edits []Edit
		err   error
		want  string // "" = only not the canary
	}{
		{"an ordinary one", deployments, nil, errors.New("connection refused"), "connection refused"},
		{"a value that may be read", deployments, nil, invalid(field.NewPath("spec", "replicas"), -1), `patch x: X "x" is invalid: spec.replicas: Invalid value: -1: is no good`},
		{"a variable", deployments, nil, invalid(field.NewPath("spec", "containers").Index(0).Child("env").Index(1).Child("value"), canary), `patch x: X "x" is invalid: spec.containers[0].env[1].value: Invalid value: (hidden): is no good`},
		{"an annotation", deployments, nil, invalid(field.NewPath("metadata", "annotations").Key("x/last-applied"), canary), `patch x: X "x" is invalid: metadata.annotations[x/last-applied]: Invalid value: (hidden): is no good`},
		{"a whole object", deployments, nil, invalid(field.NewPath("spec"), map[string]string{"x": canary}), `patch x: X "x" is invalid: spec: Invalid value: (hidden)`},
		{"a whole typed object", deployments, nil, invalid(field.NewPath("spec"), corev1.EnvVar{Value: canary}), ""},
		{"a body that cannot be decoded", deployments, nil, errors.New(`error decoding patch: found in #10 byte of ...|{"x":"` + canary + `"}|..., bigger context ...|` + canary), "error decoding patch: found in #10 byte of (hidden)"},
		{"a webhook that quotes what was set", deployments, one("spec/containers/0/env/0/value", canary), errors.New(`admission webhook denied: "` + canary + `" is too weak`), `admission webhook denied: "(hidden)" is too weak`},
		{"a webhook that quotes base64", secrets, one("data/x", encoded), errors.New("denied: " + canary), "denied: (hidden)"},
		{"a line of what was set", deployments, one("spec/env/0/value", "first\n"+canary), errors.New("bad line " + canary), "bad line (hidden)"},
		{"what was set, escaped", deployments, one("spec/env/0/value", canary+"\t\"x\""), fmt.Errorf("bad %q", canary+"\t\"x\""), `bad "(hidden)"`},
		{"a short value is no part of words", deployments, one("spec/env/0/value", "a"), errors.New("a cat sat"), "(hidden) cat sat"},
		{"a value and a part of it", deployments, append(one("spec/env/0/value", "abcd"), one("spec/env/1/value", "abcdef")...), errors.New("abcdef"), "(hidden)"},
		{"an empty value", deployments, one("spec/env/0/value", ""), errors.New("no"), "no"},
		{"bytes that are no text", deployments, one("spec/env/0/value", "\xff\xfe"+canary), errors.New("bad \xff\xfe" + canary), ""},
		{"a secret that the server rejects", secrets, nil, invalid(field.NewPath("data").Key("x"), canary), "the server answered Invalid"},
		{"a secret without a server", secrets, nil, errors.New("dial tcp: connection refused"), "dial tcp: connection refused"},
		{"a header", deployments, nil, errors.New("Authorization: Bearer " + canary), "Authorization: Bearer (hidden)"},
		{"JSON in JSON", deployments, nil, errors.New(`{"a":"{\"password\":\"` + canary + `\"}"}`), ""},
		{"YAML", deployments, nil, errors.New("dbPassword: " + canary), "dbPassword: (hidden)"},
		{"a quote without end", deployments, nil, errors.New(`password="` + canary + strings.Repeat(" x", 5000)), "password=(hidden)"},
		{"a token", deployments, nil, errors.New("bad eyJhbGciOi.eyJzdWIi." + canary), "bad (hidden)"},
		{"forbidden", secrets, nil, apierrors.NewForbidden(secrets.GroupResource(), "db", errors.New("no")), "the server answered Forbidden"},
		{"forbidden elsewhere", deployments, nil, apierrors.NewForbidden(deployments.GroupResource(), "d", errors.New("no")), `deployments.apps "d" is forbidden: no`},
		{"an escape sequence within", deployments, one("spec/env/0/value", canary), errors.New("bad h0ly\x1b[31m-Gra1l"), "bad (hidden)"},
	} {
		e, err := New(Options{}).Add(Done{Ref: kube.Ref{GVR: tc.of, Name: "x"}, Edits: tc.edits, Err: tc.err})
		if err != nil {
			t.Fatal(err)
		}
		if tc.want != "" && e.Err != tc.want || holds(e.Err) || holds(e.After) {
			t.Errorf("%s:\n got %s, %s\nwant %s", tc.name, e.Err, e.After, tc.want)
		}
	}
}

func TestSummaries(t *testing.T) {
	add := func(d Done) Entry {
		e, err := New(Options{}).Add(d)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := add(Done{Ref: kube.Ref{GVR: deployments}, Summary: "replicas 3 → 5", Edits: []Edit{{split("spec/replicas"), int64(3), int64(5)}}})
	if e.Summary != "replicas 3 → 5" || e.Before != "3" || e.After != "5" {
		t.Errorf("one field: %+v", e)
	}
	e = add(Done{Ref: kube.Ref{GVR: deployments}, Summary: "labels", Edits: []Edit{
		{split("metadata/labels/a"), "x", nil}, {[]string{"metadata", "labels", "b/c"}, nil, "y"},
	}})
	if e.Before != "metadata.labels.a x, metadata.labels[b/c] none" || e.After != "metadata.labels.a none, metadata.labels[b/c] y" {
		t.Errorf("two fields: %+v", e)
	}
	e = add(Done{Ref: kube.Ref{GVR: deployments}, Summary: "env " + canary, Edits: []Edit{{split("spec/containers/0/env/0/value"), nil, canary}}})
	if e.Summary != "set spec.containers[0].env[0].value" || e.Before != "none" || e.After != Hidden {
		t.Errorf("a hidden field: %+v", e)
	}
	if e = add(Done{Summary: "ran --password " + canary}); e.Summary != "ran --password (hidden)" {
		t.Errorf("a command: %s", e.Summary)
	}
	if e = add(Done{Summary: strings.Repeat("가", 1000)}); utf8.RuneCountInString(e.Summary) != maxText+1 {
		t.Errorf("a long text has %d characters", utf8.RuneCountInString(e.Summary))
	}
}

// TestNothingSecretIsWritten makes objects of all forms that have the canary
// wherever it must not be read, sets them by edits at all depths, and has errors
// quote them.
func TestNothingSecretIsWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 44))
	for range 600 {
		of := []schema.GroupVersionResource{deployments, secrets, configMaps}[random.IntN(3)]
		object := map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{
				"a": "b", "kubectl.kubernetes.io/last-applied-configuration": wrapped(random), "x": `{"k":"` + canary + `"}`,
			}},
			"spec": grow(random, 4),
		}
		if of != deployments {
			object["data"] = map[string]any{"x": wrapped(random), "y": base64.StdEncoding.EncodeToString([]byte(canary))}
		}
		path, value := descend(random, object)
		var quoted any
		err := errors.New("plain")
		switch random.IntN(3) {
		case 0:
			err = apierrors.NewInvalid(schema.GroupKind{Kind: "X"}, "x", field.ErrorList{field.Invalid(field.NewPath("spec"), object, "no")})
		case 1:
			quoted, _ = json.Marshal(value)
			err = fmt.Errorf("rejected: %s", quoted)
			if _, composite := value.(string); !composite {
				err = apierrors.NewBadRequest("error found in #1 byte of ...|" + fmt.Sprintf("%s", quoted))
			}
		}
		e, addErr := New(Options{}).Add(Done{
			Ref: kube.Ref{GVR: of, Name: "x"}, Summary: fmt.Sprint("set ", path), Edits: []Edit{{Path: path, Before: value, After: value}}, Err: err,
		})
		if addErr != nil {
			t.Fatal(addErr)
		}
		text, jsonErr := json.Marshal(lineOf(e))
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if holds(string(text)) {
			t.Fatalf("%v of %s:\n%v\nwith %v\nis written as %s", path, of.Resource, value, err, text)
		}
	}
}

// wrapped returns the canary in some text.
func wrapped(random *rand.Rand) string {
	return []string{canary, "x " + canary, canary + "\n", "{" + canary}[random.IntN(4)]
}

// grow returns a tree with the canary below names that hide it.
func grow(random *rand.Rand, depth int) map[string]any {
	out := map[string]any{"replicas": int64(random.IntN(9)), "image": "a:b"}
	for range 1 + random.IntN(3) {
		switch random.IntN(7) {
		case 0:
			out["env"] = []any{map[string]any{"name": "A", "value": wrapped(random)}}
		case 1:
			out["env"] = map[string]any{"A": wrapped(random), "name": wrapped(random)}
		case 2:
			out["dbPassword"] = wrapped(random)
		case 3:
			out["env"] = []any{wrapped(random)}
		case 4:
			out["args"] = []any{"--api-key=" + canary, "--secret", canary, "sh", "-c", "PGPASSWORD=" + canary + " psql"}
		case 5:
			out["url"] = "https://u:" + canary + "@h/"
		default:
			if depth > 0 {
				out["template"] = grow(random, depth-1)
				out["containers"] = []any{grow(random, depth-1), grow(random, depth-1)}
			}
		}
	}
	return out
}

// descend returns some part of an object and the path to it.
func descend(random *rand.Rand, value any) (path []string, part any) {
	for random.IntN(4) > 0 {
		switch v := value.(type) {
		case map[string]any:
			keys := make([]string, 0, len(v))
			for key := range v {
				keys = append(keys, key)
			}
			key := keys[random.IntN(len(keys))]
			path, value = append(path, key), v[key]
		case []any:
			i := random.IntN(len(v))
			if s, isText := v[i].(string); isText && s == canary {
				return path, value // alone, an argument says nothing of itself
			}
			path, value = append(path, fmt.Sprint(i)), v[i]
		default:
			return path, value
		}
	}
	return path, value
}

func FuzzWords(f *testing.F) {
	f.Add("x", "bad x", "spec/env/0/value")
	f.Add("\xff", "\x1b[31m", "data/a")
	f.Add("(hidden)", "password=(hidden)", "")
	f.Fuzz(func(t *testing.T, value, text, path string) {
		e, err := New(Options{}).Add(Done{
			Ref: kube.Ref{GVR: secrets, Name: text, Namespace: value}, Verb: text, Context: text, User: text, Summary: text,
			Edits: []Edit{{split(path), value, text}}, Err: &apierrors.StatusError{ErrStatus: metav1.Status{Message: text}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{e.Summary, e.Before, e.After, e.Err, e.Verb, e.Context, e.User, e.Ref.Name, e.Ref.Namespace} {
			if !utf8.ValidString(s) || sanitize.Line(s) != s || utf8.RuneCountInString(s) > maxText+1 {
				t.Errorf("not fit to show: %q", s)
			}
		}
	})
}
