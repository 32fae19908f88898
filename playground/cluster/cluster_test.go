package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once.
const patience = 90 * time.Second

// TestMain lets the test binary be the parts of a cluster, as the playground's
// own binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains(Parts(), os.Args[1]) {
		pretend(os.Args[1], os.Args[2], os.Args[3:]...)
		return
	}
	os.Exit(m.Run())
}

// pretend to be a part: note start and end in the journal. With "die", it
// does not wait to be told.
func pretend(name, journal string, orders ...string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	note(journal, "start "+name)
	if slices.Contains(orders, "die") {
		fmt.Println("cannot go on")
		os.Exit(3)
	}
	<-asked
	note(journal, "stop "+name)
}

func note(journal, text string) {
	file, err := os.OpenFile(journal, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Fprintln(file, text); err != nil {
		panic(err)
	}
}

// testCluster is made of pretended parts that are ready once they have noted
// their start.
type testCluster struct {
	*Cluster
	journal string
}

func newTestCluster(t *testing.T) *testCluster {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := openTestDir(t)
	cluster, err := New(dir, Options{Executable: executable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	cluster.grace = patience // a part that ends late still ends by itself
	c := &testCluster{Cluster: cluster, journal: dir.Join("journal")}
	for _, name := range Parts() {
		c.set(name)
	}
	return c
}

// set decides how a part behaves from its next start on.
func (c *testCluster) set(name string, orders ...string) {
	before := c.count("start " + name)
	c.layout.parts[name] = part{
		name: name,
		args: append([]string{c.journal}, orders...),
		ready: func(context.Context) error {
			if c.count("start "+name) == before {
				return errors.New("not yet")
			}
			return nil
		},
	}
}

func (c *testCluster) lines() []string {
	text, err := os.ReadFile(c.journal)
	if err != nil {
		return nil
	}
	return strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(text)), " ", ":"))
}

func (c *testCluster) count(line string) int {
	n := 0
	for _, l := range c.lines() {
		if l == strings.ReplaceAll(line, " ", ":") {
			n++
		}
	}
	return n
}

func TestStopOrder(t *testing.T) {
	c := newTestCluster(t)
	if err := c.Start(t.Context(), Parts()...); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	c.Stop() // once more does no harm
	lines := c.lines()
	if len(lines) != 2*len(Parts()) {
		t.Fatalf("journal: %v", lines)
	}
	if last := lines[len(lines)-2:]; !slices.Equal(last, []string{"stop:" + APIServer, "stop:" + Etcd}) {
		t.Errorf("stopped last: %v", last)
	}
	for _, proc := range c.running {
		if !proc.gone() {
			t.Errorf("%s is still running", proc.name)
		}
	}
	select {
	case err := <-c.Failed():
		t.Errorf("stopping was reported as a failure: %v", err)
	default:
	}
	if err := c.Start(t.Context(), Etcd); err == nil {
		t.Error("a part started after the end")
	}
}

func TestStopOrderNamesEveryPart(t *testing.T) {
	got := slices.Concat(stopOrder()...)
	want := Parts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDeathOfAPartIsReported(t *testing.T) {
	c := newTestCluster(t)
	if err := c.Start(t.Context(), Etcd); err != nil {
		t.Fatal(err)
	}
	if err := c.running[Etcd].signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-c.Failed():
		for _, want := range []string{Etcd, "killed", c.dir.Log(Etcd)} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	case <-time.After(patience):
		t.Fatal("nobody noticed")
	}
}

func TestPartThatDiesWhileStarting(t *testing.T) {
	c := newTestCluster(t)
	c.set(APIServer, "die")
	part := c.layout.parts[APIServer]
	part.ready = func(context.Context) error { return errors.New("not yet") }
	c.layout.parts[APIServer] = part
	err := c.Start(t.Context(), Etcd, APIServer)
	if err == nil {
		t.Fatal("it started")
	}
	for _, want := range []string{APIServer, "exit status 3", "cannot go on", c.dir.Log(APIServer)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestStartCanBeGivenUp(t *testing.T) {
	c := newTestCluster(t)
	part := c.layout.parts[Etcd]
	ctx, cancel := context.WithCancel(t.Context())
	part.ready = func(context.Context) error { cancel(); return errors.New("not yet") }
	c.layout.parts[Etcd] = part
	if err := c.Start(ctx, Etcd); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOrders(t *testing.T) {
	c := newTestCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	if err := c.Start(ctx, Etcd, APIServer); err != nil {
		t.Fatal(err)
	}
	awaitSocket(t, c.dir)
	tell := func(order, part string) error { return Tell(ctx, c.dir.Path(), order, part) }

	first := c.running[APIServer]
	if err := tell(OrderStop, APIServer); err != nil {
		t.Fatal(err)
	}
	if !first.gone() {
		t.Error("it goes on")
	}
	if err := tell(OrderStop, APIServer); err == nil || err.Error() != APIServer+" is not running" {
		t.Errorf("stopping it again: %v", err)
	}
	if err := tell(OrderPause, APIServer); err == nil {
		t.Error("a dead part was paused")
	}
	c.set(APIServer)
	if err := tell(OrderStart, APIServer); err != nil {
		t.Fatal(err)
	}
	if n := c.count("start " + APIServer); n != 2 {
		t.Errorf("started %d times", n)
	}
	if err := tell(OrderStart, APIServer); err == nil || err.Error() != APIServer+" is running already" {
		t.Errorf("starting it again: %v", err)
	}
	if err := tell(OrderPause, APIServer); err != nil {
		t.Error(err)
	}
	if err := tell(OrderResume, APIServer); err != nil {
		t.Error(err)
	}
	if err := tell(OrderStop, "kubelet"); err == nil || !strings.Contains(err.Error(), APIServer) {
		t.Errorf("an unknown part: %v", err)
	}
	if err := tell("polish", Etcd); err == nil {
		t.Error("an unknown order was carried out")
	}
	select {
	case err := <-c.Failed():
		t.Errorf("orders were reported as a failure: %v", err)
	default:
	}
}

// A paused part cannot end by itself until it goes on.
func TestStopEndsPausedParts(t *testing.T) {
	c := newTestCluster(t)
	if err := c.Start(t.Context(), Etcd); err != nil {
		t.Fatal(err)
	}
	if err := c.PausePart(Etcd); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if n := c.count("stop " + Etcd); n != 1 {
		t.Errorf("it ended by itself %d times", n)
	}
}

func TestTellWithoutPlayground(t *testing.T) {
	err := Tell(t.Context(), t.TempDir(), OrderStop, Etcd)
	if err == nil || !strings.Contains(err.Error(), "qd-playground up") {
		t.Errorf("got %v", err)
	}
}

func awaitSocket(t *testing.T, dir *Dir) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if info, err := os.Stat(dir.Join(socketName)); err == nil && info.Mode().Perm() == 0o600 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no socket")
		}
	}
}
