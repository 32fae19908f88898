// Package config reads the user's settings: a YAML file, QD_ environment
// variables and flags, merged by viper, which no other package imports.
//
// Every setting is declared once, in settings.go; defaults, validation, the
// check for unknown keys, `qd config` and docs/config.md come from there. A
// setting that is wrong never stops the program: it is reported as a Problem
// and its default holds.
package config

import "time"

// Config is the effective configuration. It is valid whatever the user wrote.
type Config struct {
	DefaultView string // a view or a kind, by any of its names
	ReadOnly    bool   // ask For, which knows the context too
	UI          UI
	Metrics     Metrics
	Triage      Triage
	Headroom    Headroom
	Connection  Connection
	Logs        Logs
	Journal     Journal
	Contexts    []Context
	Rules       []Rule
	Keys        map[string][]string // action ID → keys; empty means none
}

// UI is how the program looks.
type UI struct {
	Theme     string
	Colors    map[string]string // tone → style, for every one of Tones
	FPS       int               // 0: choose by the kind of connection
	ASCII     bool
	Mouse     bool
	Wide      bool
	Clipboard Clipboard
	Bell      bool // when something ends that the user waits for
	Notify    Notify
	Detail    Detail
}

// Metrics is about CPU and memory in use, as the metrics API tells them.
type Metrics struct {
	Enabled  bool
	Interval time.Duration
}

// Triage is about what is wrong in a cluster.
type Triage struct {
	Always bool // it is looked for on every screen
}

// Headroom is about where there is room, and what asks for too much of it.
type Headroom struct {
	PoolLabels []string      // labels of nodes that name their pool; nil: the usual ones
	History    time.Duration // other requests are proposed only from a longer one
	Prometheus string        // address of an endpoint with the history of use, "" for none
	Window     time.Duration // how far back to ask it
}

// Connection is how the program talks to the API server.
type Connection struct {
	PageSize int           // objects per page of a list
	Linger   time.Duration // how long to watch a kind that nobody looks at
}

// Journal is about what the user does to clusters.
type Journal struct {
	File bool // keep it in a file too
}

// Clipboard is how text is copied.
type Clipboard string

// The ways to copy.
const (
	ClipboardOSC52 Clipboard = "osc52" // an escape sequence, which works over SSH
	ClipboardNone  Clipboard = "none"
)

// Notify is how the desktop is told of what ends that the user waits for.
type Notify string

// The ways to notify.
const (
	NotifyAuto   Notify = "auto"   // as the terminal is known to take it
	NotifyOSC9   Notify = "osc9"   // of iTerm2, kitty, WezTerm, Ghostty
	NotifyOSC777 Notify = "osc777" // of urxvt, foot, Ghostty
	NotifyNone   Notify = "none"
)

// Detail says when the detail pane is beside or below a list.
type Detail string

// The choices for the detail pane.
const (
	DetailAuto Detail = "auto" // if the terminal is wide enough
	DetailOn   Detail = "on"
	DetailOff  Detail = "off"
)

// Context holds the settings for the kubeconfig contexts whose name matches.
type Context struct {
	Match     string // a glob
	Protected bool
	ReadOnly  bool
	Color     string // a tone, "" to choose one by the name
	Namespace string // "" for the kubeconfig's
}

// For returns the settings for a kubeconfig context: the first of Contexts that
// matches, made read-only if the whole program is.
func (c Config) For(context string) Context {
	found := Context{Match: context}
	for _, candidate := range c.Contexts {
		if glob(candidate.Match, context) {
			found = candidate
			break
		}
	}
	found.ReadOnly = found.ReadOnly || c.ReadOnly
	return found
}

// glob reports whether the whole name matches a pattern in which * stands for
// any text and ? for any byte. Unlike path.Match, * also matches slashes, which
// the context names of cloud providers are full of.
func glob(pattern, name string) bool {
	p, n := 0, 0
	star, tried := -1, 0 // the last * in the pattern, and where its text ends
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, tried = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			tried++
			p, n = star+1, tried
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
