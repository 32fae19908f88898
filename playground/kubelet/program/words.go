package program

import "fmt"

// greetings are what a program says when it starts.
func (p Program) greetings() []Message {
	if p.Style == Access {
		return nil
	}
	if p.Style == Postgres {
		return []Message{
			{Text: "starting PostgreSQL on x86_64-pc-linux-gnu, compiled by gcc 14.2.0, 64-bit"},
			{Text: `listening on IPv4 address "0.0.0.0", port 5432`},
			{Text: "database system is ready to accept connections"},
		}
	}
	return []Message{{Text: "starting " + p.Name}, {Text: "configuration loaded"}}
}

// panics are the last words of a program that misses a variable of its
// environment.
func (p Program) panics(variable string) []string {
	return []string{
		fmt.Sprintf("panic: missing env %s", variable),
		"",
		"goroutine 1 [running]:",
		"main.mustEnv({0x8c1f2a, 0x6})",
		fmt.Sprintf("\t/src/%s/main.go:41 +0x9c", p.Name),
		"main.main()",
		fmt.Sprintf("\t/src/%s/main.go:23 +0x4e", p.Name),
		"exit status 2",
	}
}
