package views

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC           // times are written out in goldens
	utilruntime.ErrorHandlers = nil // as in the program; one of them sleeps with a lock held, which stops a bubble
	os.Exit(m.Run())
}

// loadShop puts the objects of testdata into a server.
func loadShop(t testing.TB, s *apitest.Server) {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		o, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), doc)
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		s.Put(o.(apitest.Object))
	}
	tables, err := filepath.Glob("testdata/tables/*.json")
	if err != nil || len(tables) == 0 {
		t.Fatal("no tables", err)
	}
	for _, path := range tables {
		loadTable(t, s, path)
	}
}

// loadTable puts the rows of a recorded table into a server.
func loadTable(t testing.TB, s *apitest.Server, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Group, Version, Resource, Kind string
		Namespaced                     bool
		ColumnDefinitions              []metav1.TableColumnDefinition
		Rows                           []struct {
			Cells  []any
			Object map[string]any
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&table); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	gvr := schema.GroupVersionResource{Group: table.Group, Version: table.Version, Resource: table.Resource}
	s.Define(gvr, apitest.Kind{Kind: table.Kind, Namespaced: table.Namespaced}, table.ColumnDefinitions...)
	for _, r := range table.Rows {
		u := &unstructured.Unstructured{Object: r.Object}
		u.SetGroupVersionKind(gvr.GroupVersion().WithKind(table.Kind))
		s.PutRow(u, r.Cells...)
	}
}

// bench is a program in a bubble: the server, the program's model, and what runs
// its Cmds. Time passes only when the test sleeps.
type bench struct {
	*apitest.Server
	t       *testing.T
	program *Program
	session *Session
	app     *ui.App

	mu   sync.Mutex // held while the model updates or draws
	msgs chan tea.Msg
	done chan struct{}
	quit bool
}

// settings may be changed before the program starts.
type settings struct {
	namespace string
	all       bool
	context   string
	start     string // view to begin with, "" for home
	Settings
	theme    *theme.Theme
	guard    func(string) *guard.Guard
	answer   func(apitest.Request) *apitest.Answer
	prepare  func(*apitest.Server)
	contexts string // more of them, in YAML
	empty    bool   // no objects but those that prepare makes
}

func pipe(t *testing.T, change func(*settings), f func(b *bench)) {
	t.Helper()
	path, cache, drafts := filepath.Join(t.TempDir(), "config"), t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		set := &settings{all: true, theme: theme.Plain(theme.Options{}), Settings: Settings{
			Editor: "true", Drafts: drafts,
			Refresh: 250 * time.Millisecond, MetricsInterval: 15 * time.Second, Detail: DetailOff,
			Context: func(name string) ContextStyle { return ContextStyle{Protected: name == "prod-eu"} },
		}}
		if change != nil {
			change(set)
		}
		s := apitest.NewPipe(t)
		if !set.empty {
			loadShop(t, s)
		}
		if set.prepare != nil {
			set.prepare(s)
		}
		s.OnRequest(set.answer)
		b := &bench{Server: s, t: t, msgs: make(chan tea.Msg, 1000), done: make(chan struct{})}
		b.start(set, path, cache)
		defer b.stop()
		f(b)
	})
}

// now is a fixed instant at the begin of every bubble; it goes on as the bubble
// does.
func (b *bench) now() func() time.Time {
	begin, fixed := time.Now(), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return func() time.Time { return fixed.Add(time.Since(begin)) }
}

func (b *bench) start(set *settings, path, cache string) {
	t := b.t
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: prod-eu
contexts:
- {name: prod-eu, context: {cluster: c, user: ada}}
- {name: staging, context: {cluster: c, user: ada, namespace: web}}
%s
clusters: [{name: c, cluster: {server: %q}}]
users: [{name: ada, user: {token: t}}]
`, set.contexts, b.URL)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.CacheDir = &path, &cache
	now := b.now()
	b.program = &Program{
		Theme: set.theme, Keys: keymap.Default(), Now: now, Settings: set.Settings, Journal: journal.New(journal.Options{Now: now}), Forwards: forward.New(), Lent: &atomic.Int32{},
		Connector: &kube.Connector{
			Flags: flags, UserAgent: "quarterdeck/test", Dial: b.Dial, Guard: set.guard, Store: store.Options{Now: now},
		},
	}
	client, err := b.program.Connect(set.context)
	if err != nil {
		t.Fatal(err)
	}
	b.session = b.program.Session(client, set.namespace, set.all)
	if set.namespace != "" {
		b.session.Namespace = set.namespace
	}
	first := b.session.home().Frame(b.session, Scope{})
	if set.start != "" {
		if first, err = b.session.Start(set.start); err != nil {
			t.Fatal(err)
		}
	}
	b.app = ui.New(ui.Options{
		Theme: set.theme, Keys: b.program.Keys, Clipboard: true,
		Primary: b.program.Primary(),
		Palette: b.program.Palette, Start: first, Notices: b.program.Notices,
	})
	go b.loop()
	b.run(b.app.Init())
	b.resize(80, 24)
	b.settle()
}

// loop gives messages to the model, one after the other.
func (b *bench) loop() {
	for {
		select {
		case msg := <-b.msgs:
			b.update(msg)
		case <-b.done:
			return
		}
	}
}

func (b *bench) update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			b.run(cmd)
		}
		return
	case tea.QuitMsg:
		b.quit = true
		return
	}
	b.mu.Lock()
	_, cmd := b.app.Update(msg)
	b.mu.Unlock()
	b.run(cmd)
}

func (b *bench) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		if msg := cmd(); msg != nil {
			select {
			case b.msgs <- msg:
			case <-b.done:
			}
		}
	}()
}

// send gives the model a message and waits until nothing more comes of it.
func (b *bench) send(msg tea.Msg) {
	b.t.Helper()
	b.msgs <- msg
	synctest.Wait()
}

// settle lets what was asked for arrive: answers of the server at once, changes
// that are collected for a while a little later.
func (b *bench) settle() {
	b.t.Helper()
	synctest.Wait()
	time.Sleep(300 * time.Millisecond)
	synctest.Wait()
}

func (b *bench) resize(w, h int) { b.send(tea.WindowSizeMsg{Width: w, Height: h}) }

// open shows the list of a resource, in place of all that is open.
func (b *bench) open(o Opener) {
	b.t.Helper()
	b.send(ui.RootMsg{Frames: []ui.Frame{o.Frame(b.session, Scope{})}})
	b.settle()
}

// press types keys, each by its name as in the key bindings.
func (b *bench) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.send(keyPress(k))
	}
	b.settle()
}

// text types a text letter by letter.
func (b *bench) text(s string) {
	b.t.Helper()
	for _, r := range s {
		b.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	b.settle()
}

func keyPress(name string) tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft,
		"right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace,
	}
	var k tea.KeyPressMsg
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		k.Mod, name = tea.ModCtrl, rest
	}
	switch code, ok := special[name]; {
	case ok:
		k.Code = code
	case name == "space":
		k.Code = ' '
		if k.Mod == 0 {
			k.Text = " "
		}
	default:
		k.Code = []rune(name)[0]
		if k.Mod == 0 {
			k.Text = name
		}
	}
	return k
}

// frame returns what the model draws.
func (b *bench) frame() tea.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.app.View()
}

// screen returns what the model draws, without colours.
func (b *bench) screen() string { return ansi.Strip(b.frame().Content) }

// stop ends everything in the bubble.
func (b *bench) stop() {
	b.send(ui.RootMsg{Frames: []ui.Frame{{Place: "end", Open: func() ui.View { return blank{} }}}})
	close(b.done)
	b.program.Close()
	time.Sleep(20 * time.Second) // messages that fade, the clock
}

// want checks that texts are on the screen.
func (b *bench) want(texts ...string) {
	b.t.Helper()
	screen := b.screen()
	for _, s := range texts {
		if !strings.Contains(screen, s) {
			b.t.Fatalf("no %q on the screen:\n%s", s, screen)
		}
	}
}

// wantNot checks that texts are not on the screen.
func (b *bench) wantNot(texts ...string) {
	b.t.Helper()
	screen := b.screen()
	for _, s := range texts {
		if strings.Contains(screen, s) {
			b.t.Fatalf("%q is on the screen:\n%s", s, screen)
		}
	}
}

// blank is a view of nothing.
type blank struct{}

func (blank) Title() string          { return "" }
func (blank) Header() ui.Header      { return ui.Header{} }
func (blank) Scope() keymap.Scope    { return keymap.List }
func (blank) Actions() []ui.Action   { return nil }
func (blank) Move(keymap.ActionID)   {}
func (blank) Show() tea.Cmd          { return nil }
func (blank) Hide()                  {}
func (blank) Update(tea.Msg) tea.Cmd { return nil }
func (blank) View(_, h int) string   { return strings.Repeat("\n", h-1) }
func (blank) Close()                 {}
