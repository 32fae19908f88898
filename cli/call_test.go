package cli

import (
	"strings"
	"testing"

	"quarterdeck/config"
)

func TestCaller(t *testing.T) {
	for name, test := range map[string]struct {
		bell   bool
		notify config.Notify
		env    []string
		want   string
	}{
		"bell alone":            {true, config.NotifyNone, []string{"TERM=xterm-kitty"}, "\a"},
		"nothing":               {false, config.NotifyNone, nil, ""},
		"unknown terminal":      {true, config.NotifyAuto, []string{"TERM=xterm-256color"}, "\a"},
		"kitty":                 {true, config.NotifyAuto, []string{"TERM=xterm-kitty"}, "\x1b]9;qd: a, b; c\a\a"},
		"iTerm2 over SSH":       {false, config.NotifyAuto, []string{"TERM=xterm-256color", "LC_TERMINAL=iTerm2"}, "\x1b]9;qd: a, b; c\a"},
		"WezTerm":               {false, config.NotifyAuto, []string{"TERM=xterm-256color", "TERM_PROGRAM=WezTerm"}, "\x1b]9;qd: a, b; c\a"},
		"urxvt":                 {false, config.NotifyAuto, []string{"TERM=rxvt-unicode-256color"}, "\x1b]777;notify;qd;a, b, c\a"},
		"tmux hides it":         {true, config.NotifyAuto, []string{"TERM=tmux-256color", "TMUX=/tmp/s,1,0", "TERM_PROGRAM=WezTerm"}, "\a"},
		"screen hides it":       {false, config.NotifyAuto, []string{"TERM=screen", "STY=1.pts", "LC_TERMINAL=iTerm2"}, ""},
		"through tmux, if told": {false, config.NotifyOSC9, []string{"TERM=tmux-256color", "TMUX=/tmp/s,1,0"}, "\x1bPtmux;\x1b\x1b]9;qd: a, b; c\a\x1b\\"},
		"TMUX that is empty":    {false, config.NotifyOSC777, []string{"TMUX="}, "\x1b]777;notify;qd;a, b, c\a"},
		"the last one counts":   {false, config.NotifyAuto, []string{"TERM=foot", "TERM=xterm"}, ""},
	} {
		if got := caller(test.bell, test.notify, test.env)("a, b; c"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What comes from a cluster ends no sequence and begins none.
func TestCallerIsHarmless(t *testing.T) {
	evil := "x\x1b]0;title\a\x07\u009d52;c;AAAA\u009c\n" + strings.Repeat("long ", 1000)
	for _, notify := range []config.Notify{config.NotifyOSC9, config.NotifyOSC777} {
		got := caller(false, notify, nil)(evil)
		inner := strings.TrimSuffix(strings.TrimPrefix(got, "\x1b]"), "\a")
		if strings.ContainsFunc(inner, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) || len(got) > 400 {
			t.Errorf("%s: %q", notify, got)
		}
	}
}
