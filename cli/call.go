package cli

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/config"
	"quarterdeck/kube/sanitize"
)

// callLength is how much of a text a notification shows, in cells.
const callLength = 200

// caller returns what to write to the terminal to call the user to it and tell
// him a line: the bell, and a notification of the desktop where the terminal
// makes one. Terminals that do not know such a sequence may show it, so it is
// written only where the settings or the environment say so.
func caller(bell bool, notify config.Notify, env []string) func(text string) string {
	if notify == config.NotifyAuto {
		notify = notifyBy(env)
	}
	return func(text string) string {
		text = ansi.Truncate(sanitize.Line(text), callLength, "…")
		var sequence string
		switch notify {
		case config.NotifyOSC9:
			// iTerm2's; what begins with a number is taken for something else.
			sequence = ansi.Notify("qd: " + text)
		case config.NotifyOSC777:
			sequence = ansi.URxvtExt("notify", "qd", strings.ReplaceAll(text, ";", ","))
		case config.NotifyAuto, config.NotifyNone:
		}
		if sequence != "" && inTmux(env) {
			sequence = ansi.TmuxPassthrough(sequence)
		}
		if bell {
			sequence += "\a"
		}
		return sequence
	}
}

// notifyBy returns how the terminal of an environment is known to notify the
// desktop. What runs inside tmux or screen does not see the terminal.
func notifyBy(env []string) config.Notify {
	value := func(name string) string {
		for _, e := range slices.Backward(env) {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}
	name := value("TERM")
	is := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case inTmux(env), value("STY") != "", is("screen", "tmux"):
		return config.NotifyNone
	case is("rxvt-unicode", "foot"):
		return config.NotifyOSC777
	case is("xterm-kitty", "xterm-ghostty", "wezterm"),
		value("LC_TERMINAL") == "iTerm2",
		slices.Contains([]string{"iTerm.app", "WezTerm", "ghostty"}, value("TERM_PROGRAM")):
		return config.NotifyOSC9
	}
	return config.NotifyNone
}

func inTmux(env []string) bool {
	return slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "TMUX=") && e != "TMUX=" })
}
