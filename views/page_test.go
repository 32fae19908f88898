package views

import (
	"strings"
	"testing"
	"time"

	"quarterdeck/kube/detail"
)

func TestEventTable(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	lines, message := eventTable([]detail.Event{
		{Type: "Warning", Reason: "BackOff", Kind: "Pod", Name: "web-1", Message: "Back-off restarting\n", Count: 1234, Last: now.Add(-12 * time.Second)},
		{Type: "Normal", Reason: "ScalingReplicaSet", Kind: "Deployment", Name: "상점", Message: "Scaled up", Last: now.Add(-100 * time.Hour), Gone: true},
		{Type: "Normal", Reason: "Pulled", Kind: "Pod", Name: "a-name-that-is-much-too-long-for-its-column", Message: "Pulled", Count: 1, Last: now},
	}, now)
	want := strings.TrimPrefix(`
 AGE  TYPE     REASON             OBJECT                          COUNT  MESSAGE
 12s  Warning  BackOff            pod/web-1                        1234  Back-off restarting
4d4h  Normal   ScalingReplicaSet  deploy/상점 (deleted)               1  Scaled up
  0s  Normal   Pulled             pod/a-name-that-is-m…ts-column      1  Pulled
`, "\n")
	var got strings.Builder
	for _, line := range lines {
		for _, span := range line {
			got.WriteString(span.Text)
		}
		got.WriteByte('\n')
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	if at := strings.Index(want, "MESSAGE"); message != at {
		t.Errorf("messages begin at %d, want %d", message, at)
	}
}
