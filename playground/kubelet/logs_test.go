package kubelet

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/playground/kubelet/program"
)

func TestParseLogQuery(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		query string
		want  logQuery
		fails bool
	}{
		{query: "", want: logQuery{tail: -1, limit: -1}},
		{query: "follow=true&previous=true&timestamps=true", want: logQuery{follow: true, previous: true, timestamps: true, tail: -1, limit: -1}},
		{query: "tailLines=0&limitBytes=9", want: logQuery{tail: 0, limit: 9}},
		{query: "sinceSeconds=60", want: logQuery{tail: -1, limit: -1, since: now.Add(-time.Minute)}},
		{query: "sinceTime=2026-11-22T07:00:00Z", want: logQuery{tail: -1, limit: -1, since: now.Add(-time.Hour)}},
		{query: "tailLines=-1", fails: true},
		{query: "limitBytes=0", fails: true},
		{query: "follow=perhaps", fails: true},
		{query: "sinceTime=yesterday", fails: true},
	}
	for _, tt := range tests {
		got, err := parseLogQuery(httptest.NewRequest("GET", "/?"+tt.query, nil), now)
		if (err != nil) != tt.fails || (err == nil && got != tt.want) {
			t.Errorf("%q: %+v, %v; want %+v", tt.query, got, err, tt.want)
		}
	}
}

func TestWhichRun(t *testing.T) {
	at := func(second int) metav1.Time {
		return metav1.NewTime(time.Date(2026, 11, 22, 8, 0, second, 0, time.UTC))
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(30)}}
	crashed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, StartedAt: at(10), FinishedAt: at(12)}}
	backOff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonCrashLoop}}
	creating := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	pull := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonPullBackOff}}
	tests := []struct {
		name     string
		status   corev1.ContainerStatus
		previous bool
		start    metav1.Time
		last     string // of its words
		err      string
	}{
		{name: "running", status: corev1.ContainerStatus{State: running}, start: at(30)},
		{name: "running, the one before", status: corev1.ContainerStatus{State: running, LastTerminationState: crashed, RestartCount: 1}, previous: true, start: at(10), last: "exit status 2"},
		{name: "between two runs", status: corev1.ContainerStatus{State: backOff, LastTerminationState: crashed, RestartCount: 2}, start: at(10), last: "exit status 2"},
		{name: "between two runs, the one before", status: corev1.ContainerStatus{State: backOff, LastTerminationState: crashed, RestartCount: 2}, previous: true, start: at(10), last: "exit status 2"},
		{name: "no run before", status: corev1.ContainerStatus{State: running}, previous: true, err: `previous terminated container "app" in pod "p" not found`},
		{name: "not yet started", status: corev1.ContainerStatus{State: creating}, err: "waiting to start: ContainerCreating"},
		{name: "no image", status: corev1.ContainerStatus{State: pull}, err: "waiting to start: trying and failing to pull image"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := place{
				pod:    &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u"}, Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways}},
				spec:   app("checkout:v2.3.1"),
				status: tt.status,
			}
			run, err := p.run(tt.previous)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !run.Start.Equal(tt.start.Time) {
				t.Fatalf("run %+v, %v; want the one that began at %v", run, err, tt.start)
			}
			if tt.last != "" && (len(run.Words) == 0 || run.Words[len(run.Words)-1] != tt.last) {
				t.Errorf("last words %q, want %q", run.Words, tt.last)
			}
		})
	}
}

func TestLogWriter(t *testing.T) {
	line := program.Line{Time: time.Date(2026, 11, 22, 8, 0, 0, 5000, time.UTC), Text: "결제 ok"}
	tests := []struct {
		writer logWriter
		want   string
		more   bool
	}{
		{logWriter{left: -1}, "결제 ok\n", true},
		{logWriter{left: -1, timestamps: true}, "2026-11-22T08:00:00.000005000Z 결제 ok\n", true},
		{logWriter{left: 4}, "결제 ok\n"[:4], false},
		{logWriter{left: 100}, "결제 ok\n", true},
	}
	for _, tt := range tests {
		recorder := httptest.NewRecorder()
		tt.writer.to = recorder
		if more := tt.writer.write(line); more != tt.more || recorder.Body.String() != tt.want {
			t.Errorf("wrote %q, more %v; want %q, %v", recorder.Body.String(), more, tt.want, tt.more)
		}
	}
}
