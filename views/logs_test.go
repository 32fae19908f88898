package views

import "time"

// shopLogs are the logs of the shop.
func shopLogs() *logServer {
	s := newLogServer()
	const app = "payments/checkout-68cb6c9f4-"
	s.say(app+"p1m2n/app", 3*time.Minute, "INFO ready on :8080", "INFO charge ok order=8123 ms=41", "WARN retry 1 of 5 upstream=ledger", "INFO charge ok order=8125 ms=44")
	s.say(app+"t7r8s/app", 3*time.Minute-500*time.Millisecond, "INFO ready on :8080", "INFO charge ok order=8124 ms=39", "ERROR charge failed order=8126 err=timeout", "INFO charge ok order=8127 ms=40")
	return s
}

func withLogs(s *logServer, start string) func(*settings) {
	return func(set *settings) { set.start, set.answer, set.Logs = start, s.answer, logSettings() }
}
