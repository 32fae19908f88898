package config

import "time"

// month is how far back a Prometheus can be asked in steps of five minutes.
const month = 30 * 24 * time.Hour

// settings declares every setting, in the order of the docs.
func settings() []field[Config] {
	all := []field[Config]{
		option("default-view", "triage", word(), func(c *Config) *string { return &c.DefaultView },
			"The view or kind to start with, as in `qd VIEW`."),
		option("readonly", false, boolean(), func(c *Config) *bool { return &c.ReadOnly },
			"Refuse everything that changes a cluster. Also `--readonly`."),

		option("ui.theme", "default", oneOf(themeNames()...), func(c *Config) *string { return &c.UI.Theme },
			"The set of colours; see [Themes](#themes)."),
		option("ui.fps", 0, whole(0, 120), func(c *Config) *int { return &c.UI.FPS },
			"How often a second the screen may change. 0 chooses 120, or 15 over SSH."),
		option("ui.ascii", false, boolean(), func(c *Config) *bool { return &c.UI.ASCII },
			"Draw rules, bars and marks with ASCII characters only."),
		option("ui.mouse", false, boolean(), func(c *Config) *bool { return &c.UI.Mouse },
			"Use the mouse. The terminal's own selection then needs shift or option."),
		option("ui.wide", false, boolean(), func(c *Config) *bool { return &c.UI.Wide },
			"Start with the wide columns shown."),
		option("ui.detail", DetailAuto, oneOf(DetailAuto, DetailOn, DetailOff), func(c *Config) *Detail { return &c.UI.Detail },
			"Show the detail pane of a list; `auto` does so on wide terminals."),
		option("ui.clipboard", ClipboardOSC52, oneOf(ClipboardOSC52, ClipboardNone), func(c *Config) *Clipboard { return &c.UI.Clipboard },
			"How to copy. `osc52` asks the terminal to, which works over SSH; tmux needs `set -g set-clipboard on`."),
		option("ui.bell", true, boolean(), func(c *Config) *bool { return &c.UI.Bell },
			"Ring the terminal's bell when something ends that you wait for, such as a rollout."),
		option("ui.notify", NotifyAuto, oneOf(NotifyAuto, NotifyOSC9, NotifyOSC777, NotifyNone), func(c *Config) *Notify { return &c.UI.Notify },
			"How to notify the desktop then. `auto` does so in terminals that are known to take it; tmux needs one of the others and `set -g allow-passthrough on`."),
	}
	for _, tone := range Tones() {
		all = append(all, color(tone))
	}
	all = append(all, logSettings()...)
	return append(all,
		option("metrics.enabled", true, boolean(), func(c *Config) *bool { return &c.Metrics.Enabled },
			"Show CPU and memory in use where the cluster has the metrics API."),
		option("metrics.interval", 15*time.Second, duration(15*time.Second, 5*time.Minute), func(c *Config) *time.Duration { return &c.Metrics.Interval },
			"How often to ask for them."),

		option("triage.always", true, boolean(), func(c *Config) *bool { return &c.Triage.Always },
			"Look for incidents on every screen and show their number in the header; without it only while Triage is open."),

		option("headroom.pool-labels", nil, several(), func(c *Config) *[]string { return &c.Headroom.PoolLabels },
			"Labels of nodes that name their pool, separated by commas; of several the first that a node has counts. Without it, those of the usual clouds and installers."),
		option("headroom.history", 24*time.Hour, duration(time.Hour, month), func(c *Config) *time.Duration { return &c.Headroom.History },
			"Propose other requests for a workload only if its use has been observed for at least so long."),
		option("headroom.prometheus", "", address(), func(c *Config) *string { return &c.Headroom.Prometheus },
			"A server with the HTTP API of Prometheus and the container metrics of the kubelets, which knows the use of before."),
		option("headroom.window", 7*24*time.Hour, duration(time.Hour, month), func(c *Config) *time.Duration { return &c.Headroom.Window },
			"How far back to ask it."),

		option("connection.page-size", 2000, whole(100, 10_000), func(c *Config) *int { return &c.Connection.PageSize },
			"How many objects to ask for at a time when listing. Smaller pages show progress sooner on slow links."),
		option("connection.linger", time.Minute, duration(0, time.Hour), func(c *Config) *time.Duration { return &c.Connection.Linger },
			"How long to keep watching a kind after its last view was closed, so that coming back is instant."),

		option("journal.file", false, boolean(), func(c *Config) *bool { return &c.Journal.File },
			"Write what you do to clusters to `journal.jsonl` too, one JSON object a line; see [Files](#files)."),

		contexts(),
		rules(),
		bindings(),
	)
}

// contextSettings declares what can be set for a context.
func contextSettings() []field[Context] {
	return []field[Context]{
		option("match", "", word(), func(c *Context) *string { return &c.Match },
			"Names of contexts; `*` stands for any text, `?` for one character. Required."),
		option("protected", false, boolean(), func(c *Context) *bool { return &c.Protected },
			"Mark the context in red and ask to type a name before anything destructive."),
		option("readonly", false, boolean(), func(c *Context) *bool { return &c.ReadOnly },
			"Refuse everything that changes the cluster."),
		option("color", "", oneOf(contextTones()...), func(c *Context) *string { return &c.Color },
			"The tone of the context's name; `ui.colors` gives it its style. Without it, one is chosen by the name."),
		option("namespace", "", word(), func(c *Context) *string { return &c.Namespace },
			"The namespace to start in, if `-n` and `-A` are not given. Without it, the kubeconfig's."),
	}
}
