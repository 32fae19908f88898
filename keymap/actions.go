package keymap

// The actions that have a binding.
const (
	MoveUp       ActionID = "move.up"
	MoveDown     ActionID = "move.down"
	MovePageUp   ActionID = "move.page-up"
	MovePageDown ActionID = "move.page-down"
	MoveTop      ActionID = "move.top"
	MoveBottom   ActionID = "move.bottom"
	MoveLeft     ActionID = "move.left"
	MoveRight    ActionID = "move.right"

	GoOpen         ActionID = "go.open"
	GoBack         ActionID = "go.back"
	GoOwner        ActionID = "go.owner"
	GoNode         ActionID = "go.node"
	GoPods         ActionID = "go.pods"
	HistoryBack    ActionID = "history.back"
	HistoryForward ActionID = "history.forward"
	GoRollout      ActionID = "go.rollout"
	ViewTriage     ActionID = "view.triage"
	ViewWorkloads  ActionID = "view.workloads"
	ViewRollouts   ActionID = "view.rollouts"
	ViewHeadroom   ActionID = "view.headroom"
	ViewNetwork    ActionID = "view.network"
	ViewChanges    ActionID = "view.changes"
	GoChanges      ActionID = "go.changes"
	GoTrace        ActionID = "go.trace"

	NamespaceSwitch ActionID = "namespace.switch"
	NamespaceAll    ActionID = "namespace.all"
	NamespaceHere   ActionID = "namespace.here"
	ContextSwitch   ActionID = "context.switch"
	ContextLogin    ActionID = "context.login"

	ObjectScale     ActionID = "object.scale"
	ObjectRestart   ActionID = "object.restart"
	ObjectImage     ActionID = "object.image"
	ObjectPause     ActionID = "object.pause"
	ObjectRun       ActionID = "object.run"
	ObjectEdit      ActionID = "object.edit"
	ObjectApply     ActionID = "object.apply"
	ApplyRun        ActionID = "apply.run"
	ObjectLabel     ActionID = "object.label"
	ObjectAnnotate  ActionID = "object.annotate"
	ObjectFinalizer ActionID = "object.finalizer"
	ObjectDelete    ActionID = "object.delete"
	PodShell        ActionID = "pod.shell"
	PodAttach       ActionID = "pod.attach"
	PodDebug        ActionID = "pod.debug"
	PodDownload     ActionID = "pod.download"
	PodUpload       ActionID = "pod.upload"
	ForwardStart    ActionID = "forward.start"
	ForwardList     ActionID = "forward.list"
	ForwardStop     ActionID = "forward.stop"
	PodEvict        ActionID = "pod.evict"
	NodeShell       ActionID = "node.shell"
	NodeCordon      ActionID = "node.cordon"
	NodeDrain       ActionID = "node.drain"
	NodeTaint       ActionID = "node.taint"
	RolloutUndo     ActionID = "rollout.undo"
	RolloutAbort    ActionID = "rollout.abort"
	ActionUndo      ActionID = "action.undo"

	ObjectYAML     ActionID = "object.yaml"
	ObjectDescribe ActionID = "object.describe"
	ObjectEvents   ActionID = "object.events"
	ObjectExplain  ActionID = "object.explain"

	ListFilter  ActionID = "list.filter"
	ListSort    ActionID = "list.sort"
	SortLeft    ActionID = "sort.left"
	SortRight   ActionID = "sort.right"
	SortReverse ActionID = "sort.reverse"
	ListWide    ActionID = "list.wide"
	ListDetail  ActionID = "list.detail"

	TriageDismiss   ActionID = "triage.dismiss"
	TriageDismissed ActionID = "triage.dismissed"
	TriageReport    ActionID = "triage.report"

	NetworkFix   ActionID = "network.fix"
	NetworkProbe ActionID = "network.probe"
	GoPolicies   ActionID = "go.policies"
	PolicyAsk    ActionID = "policies.ask"

	RolloutWait ActionID = "rollout.wait"
	RolloutPane ActionID = "rollout.pane"

	HeadroomGroup ActionID = "headroom.group"
	HeadroomAsk   ActionID = "headroom.what-if"
	HeadroomSize  ActionID = "headroom.right-size"

	TreeToggle   ActionID = "tree.toggle"
	TreeExpand   ActionID = "tree.expand"
	TreeCollapse ActionID = "tree.collapse"

	MarkToggle ActionID = "mark.toggle"
	MarkRange  ActionID = "mark.range"
	MarkNone   ActionID = "mark.none"

	CopyName ActionID = "copy.name"
	CopyCell ActionID = "copy.cell"
	CopyText ActionID = "copy.text"

	TextSearch        ActionID = "text.search"
	TextNext          ActionID = "text.next"
	TextPrevious      ActionID = "text.previous"
	TextWrap          ActionID = "text.wrap"
	TextManagedFields ActionID = "text.managed-fields"
	SecretReveal      ActionID = "secret.reveal"

	LogsOpen     ActionID = "logs.open"
	LogsPrevious ActionID = "logs.previous"
	LogFollow    ActionID = "log.follow"
	LogExpand    ActionID = "log.expand"
	LogSearch    ActionID = "log.search"
	LogNext      ActionID = "log.next"
	LogPrevious  ActionID = "log.previous-match"
	LogFilter    ActionID = "log.filter"
	LogUnfilter  ActionID = "log.unfilter"
	LogAll       ActionID = "log.all"
	LogMore      ActionID = "log.more-around"
	LogLess      ActionID = "log.less-around"
	LogError     ActionID = "log.error"
	LogErrorBack ActionID = "log.error-before"
	LogTime      ActionID = "log.time"
	LogSpan      ActionID = "log.span"
	LogWrap      ActionID = "log.wrap"
	LogFold      ActionID = "log.fold"
	LogClock     ActionID = "log.clock"
	LogSource    ActionID = "log.source"
	LogColours   ActionID = "log.colours"
	LogMark      ActionID = "log.mark"
	LogCopy      ActionID = "log.copy"
	LogSave      ActionID = "log.save"
	LogPager     ActionID = "log.pager"
	LogEditor    ActionID = "log.editor"
	LogRates     ActionID = "log.rates"

	AppPalette  ActionID = "app.palette"
	AppMenu     ActionID = "app.menu"
	AppHelp     ActionID = "app.help"
	AppReadOnly ActionID = "app.read-only"
	AppRefresh  ActionID = "app.refresh"
	AppRedraw   ActionID = "app.redraw"
	AppSuspend  ActionID = "app.suspend"
	AppQuit     ActionID = "app.quit"

	PromptAccept   ActionID = "prompt.accept"
	PromptCancel   ActionID = "prompt.cancel"
	PromptNext     ActionID = "prompt.next"
	PromptPrevious ActionID = "prompt.previous"
	PromptComplete ActionID = "prompt.complete"
	DialogYes      ActionID = "dialog.yes"
	DialogOption   ActionID = "dialog.option"
	DialogCopy     ActionID = "dialog.copy"
	DialogBack     ActionID = "dialog.back"

	TaskCancel ActionID = "task.cancel"
)

// The groups, in the order of the help.
const (
	groupMove    Group = "Move"
	groupGo      Group = "Go"
	groupObject  Group = "Object"
	groupChange  Group = "Change"
	groupList    Group = "List"
	groupMark    Group = "Mark"
	groupCopy    Group = "Copy"
	groupText    Group = "Text"
	groupLog     Group = "Logs"
	groupProgram Group = "Program"
	groupPrompt  Group = "Prompts and dialogs"
)

// declared lists every binding. The order is that of the help and the footer.
//
// Keys are chosen to arrive through tmux and SSH: no key needs a terminal that
// tells ctrl+i from tab.
func declared() []Binding {
	return []Binding{
		{ID: MoveUp, Keys: keys("k", "up"), Title: "up", Help: "Move up one row or line", Group: groupMove, Scope: Global | Confirm},
		{ID: MoveDown, Keys: keys("j", "down"), Title: "down", Help: "Move down one row or line", Group: groupMove, Scope: Global | Confirm},
		{ID: MovePageUp, Keys: keys("pgup", "ctrl+b"), Title: "page up", Help: "Move up one screenful", Group: groupMove, Scope: Global | Confirm},
		{ID: MovePageDown, Keys: keys("pgdown", "ctrl+f"), Title: "page down", Help: "Move down one screenful", Group: groupMove, Scope: Global | Confirm},
		{ID: MoveTop, Keys: keys("g", "home"), Title: "top", Help: "Move to the first row or line", Group: groupMove, Scope: Global | Confirm},
		{ID: MoveBottom, Keys: keys("G", "end"), Title: "bottom", Help: "Move to the last row or line", Group: groupMove, Scope: Global | Confirm},
		{ID: MoveLeft, Keys: keys("left"), Title: "left", Help: "Scroll to the columns on the left", Group: groupMove, Scope: Global | Confirm},
		{ID: MoveRight, Keys: keys("right"), Title: "right", Help: "Scroll to the columns on the right", Group: groupMove, Scope: Global | Confirm},

		{ID: GoOpen, Keys: keys("enter"), Title: "open", Help: "Open what the cursor is on", Group: groupGo, Scope: List},
		{ID: GoBack, Keys: keys("esc"), Title: "back", Help: "Clear the filter or the search, then go back to the view before", Group: groupGo, Scope: Global},
		{ID: HistoryBack, Keys: keys("["), Title: "history back", Help: "Go back to the place visited before, in any view, namespace or context", Group: groupGo, Scope: Global},
		{ID: HistoryForward, Keys: keys("]"), Title: "history forward", Help: "Go forward again after history back", Group: groupGo, Scope: Global},
		{ID: GoOwner, Keys: keys("J"), Title: "owner", Help: "Jump to the object that owns this one", Group: groupGo, Scope: List},
		{ID: GoNode, Keys: keys("N"), Title: "node", Help: "Jump to the node this pod runs on", Group: groupGo, Scope: List, Subject: "pod"},
		{ID: GoPods, Keys: keys("P"), Title: "pods", Help: "List the pods this object owns or selects", Group: groupGo, Scope: List},
		{ID: GoRollout, Keys: keys("o"), Title: "rollout", Help: "Open the rollout that this object is of", Group: groupGo, Scope: Objects},
		{ID: GoChanges, Keys: keys("t"), Title: "changes", Help: "Show what was changed of this object and of what belongs to it", Group: groupGo, Scope: Objects, Subject: "object"},
		{ID: GoTrace, Keys: keys("T"), Title: "trace", Help: "Trace every way to this object or through it, hop by hop, to where it breaks", Group: groupGo, Scope: Objects, Subject: "object"},
		{ID: GoPolicies, Keys: keys("I"), Title: "policies", Help: "Show who may reach this pod and whom it may reach, and which network policy decides", Group: groupGo, Scope: Objects, Subject: "pod"},
		{ID: ViewTriage, Keys: keys("1"), Title: "triage", Help: "Open Triage: what is wrong, why, and what to do now", Group: groupGo, Scope: Global},
		{ID: ViewWorkloads, Keys: keys("2"), Title: "workloads", Help: "Open Workloads", Group: groupGo, Scope: Global},
		{ID: ViewRollouts, Keys: keys("3"), Title: "rollouts", Help: "Open Rollouts", Group: groupGo, Scope: Global},
		{ID: ViewHeadroom, Keys: keys("4"), Title: "headroom", Help: "Open Headroom: where is room, what would happen if", Group: groupGo, Scope: Global},
		{ID: ViewNetwork, Keys: keys("5"), Title: "network", Help: "Open Network: who is reachable from where, and where it breaks", Group: groupGo, Scope: Global},
		{ID: ViewChanges, Keys: keys("6"), Title: "changes", Help: "Open Changes: what was changed, when and by whom", Group: groupGo, Scope: Global},
		{ID: NamespaceSwitch, Keys: keys("n"), Title: "namespace", Help: "Choose the namespace to look at", Group: groupGo, Scope: List},
		{ID: NamespaceAll, Keys: keys("0"), Title: "all namespaces", Help: "Look at all namespaces", Group: groupGo, Scope: List},
		{ID: NamespaceHere, Keys: keys("."), Title: "this namespace", Help: "Look only at the namespace of this object", Group: groupGo, Scope: List},
		{ID: ContextSwitch, Keys: keys("@"), Title: "context", Help: "Choose the kubeconfig context to look at", Group: groupGo, Scope: Global},

		{ID: ContextLogin, Keys: keys("L"), Title: "log in", Help: "Leave the screen for the credential plugin, which may ask for a password or a code", Group: groupGo, Scope: Global},

		{ID: ObjectYAML, Keys: keys("y"), Title: "YAML", Help: "Show the object as YAML", Group: groupObject, Scope: Objects},
		{ID: ObjectDescribe, Keys: keys("d"), Title: "describe", Help: "Describe the object", Group: groupObject, Scope: Objects},
		{ID: ObjectEvents, Keys: keys("E"), Title: "events", Help: "Show the events of the object and of its children", Group: groupObject, Scope: Objects},
		{ID: ObjectExplain, Keys: keys("x"), Title: "explain", Help: "Explain the object: what is wrong with it and why, or what was checked", Group: groupObject, Scope: Objects},

		{ID: PodShell, Keys: keys("s"), Title: "shell", Help: "Open a shell in a container", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: NodeShell, Keys: keys("s"), Title: "shell", Help: "Open a shell on the node, in a pod that is deleted afterwards", Group: groupChange, Scope: Objects, Subject: "node"},
		{ID: PodAttach, Title: "attach", Help: "Attach to the process of a container", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: PodDebug, Title: "debug", Help: "Add a container with tools to the pod, for images that have no shell", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: PodDownload, Title: "copy from", Help: "Copy a file or directory out of a container", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: PodUpload, Title: "copy to", Help: "Copy a local file or directory into a container", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: ForwardStart, Keys: keys("f"), Title: "forward", Help: "Forward a local port to a pod, service or workload; it follows from pod to pod", Group: groupChange, Scope: Objects},
		{ID: NetworkProbe, Keys: keys("B"), Title: "probe", Help: "Ask a port once, by HTTP, HTTPS or a mere connection, whether anybody answers", Group: groupChange, Scope: Objects},
		{ID: ForwardList, Keys: keys("F"), Title: "forwards", Help: "List the port-forwards that run", Group: groupGo, Scope: Global},
		{ID: ForwardStop, Keys: keys("ctrl+d"), Title: "stop", Help: "Stop a port-forward", Group: groupChange, Scope: List, Subject: "forward"},
		{ID: ObjectScale, Keys: keys("s"), Title: "scale", Help: "Change the count of replicas", Group: groupChange, Scope: Objects, Subject: "workload"},
		{ID: ObjectRestart, Keys: keys("r"), Title: "restart", Help: "Start all pods anew, as a rollout", Group: groupChange, Scope: Objects, Subject: "workload"},
		{ID: ObjectImage, Keys: keys("i"), Title: "set image", Help: "Set the image of a container; those of its history are offered", Group: groupChange, Scope: Objects, Subject: "workload"},
		{ID: ObjectPause, Keys: keys("z"), Title: "pause", Help: "Pause or resume the rollout of a Deployment, suspend or unsuspend a CronJob or a Job", Group: groupChange, Scope: Objects, Subject: "workload"},
		{ID: ObjectRun, Keys: keys("t"), Title: "run now", Help: "Start a job of a CronJob now, or a Job again", Group: groupChange, Scope: Objects, Subject: "job"},
		{ID: PodEvict, Title: "evict", Help: "Delete the pod if its disruption budgets allow", Group: groupChange, Scope: Objects, Subject: "pod"},
		{ID: NodeCordon, Keys: keys("C"), Title: "cordon", Help: "Place no new pods on the node, or place them again", Group: groupChange, Scope: Objects, Subject: "node"},
		{ID: NodeDrain, Keys: keys("D"), Title: "drain", Help: "Cordon the node and move its pods elsewhere, after showing what goes, stays and blocks", Group: groupChange, Scope: Objects, Subject: "node"},
		{ID: NodeTaint, Title: "taint", Help: "Set or remove taints of the node", Group: groupChange, Scope: Objects, Subject: "node"},
		{ID: ObjectEdit, Keys: keys("e"), Title: "edit", Help: "Edit the object in your editor; what changes is shown and tried before it is made", Group: groupChange, Scope: Objects, Subject: "object"},
		{ID: ObjectApply, Title: "apply", Help: "Apply a file or a directory of manifests, after showing what would change", Group: groupChange, Scope: Objects},
		{ID: ApplyRun, Keys: keys("A"), Title: "apply these", Help: "Apply the manifests that are shown, after asking", Group: groupChange, Scope: List, Subject: "manifest"},
		{ID: ObjectLabel, Title: "label", Help: "Set or remove labels", Group: groupChange, Scope: Objects},
		{ID: ObjectAnnotate, Title: "annotate", Help: "Set or remove annotations", Group: groupChange, Scope: Objects},
		{ID: ObjectFinalizer, Title: "remove finalizer", Help: "Take a finalizer away, so that an object which is stuck can go", Group: groupChange, Scope: Objects},
		{ID: ObjectDelete, Keys: keys("ctrl+d"), Title: "delete", Help: "Delete the object, after asking", Group: groupChange, Scope: Objects, Subject: "object"},
		{ID: RolloutUndo, Keys: keys("u"), Title: "undo rollout", Help: "Go back to the selected revision, or to the one before, after showing what would change", Group: groupChange, Scope: Objects, Subject: "rollout"},
		{ID: RolloutAbort, Keys: keys("U"), Title: "abort rollout", Help: "Go back to the last revision that was rolled out to the end", Group: groupChange, Scope: Objects, Subject: "rollout"},
		{ID: ActionUndo, Keys: keys("u"), Title: "undo", Help: "Take back what you did last in this cluster, if nobody has changed it since", Group: groupChange, Scope: Objects, Subject: "change"},

		{ID: ListFilter, Keys: keys("/"), Title: "filter", Help: "Filter the rows by text, label or column", Group: groupList, Scope: List},
		{ID: ListSort, Keys: keys("S"), Title: "sort", Help: "Choose the column to sort by", Group: groupList, Scope: List},
		{ID: SortLeft, Keys: keys("<"), Title: "sort left", Help: "Sort by the column to the left of the sorted one", Group: groupList, Scope: List},
		{ID: SortRight, Keys: keys(">"), Title: "sort right", Help: "Sort by the column to the right of the sorted one", Group: groupList, Scope: List},
		{ID: SortReverse, Keys: keys("R"), Title: "reverse", Help: "Reverse the order of the rows", Group: groupList, Scope: List},
		{ID: TriageDismiss, Keys: keys("m"), Title: "dismiss", Help: "Hide the incident until it changes", Group: groupList, Scope: List, Subject: "incident"},
		{ID: TriageDismissed, Keys: keys("M"), Title: "dismissed", Help: "Show or hide the incidents that were dismissed", Group: groupList, Scope: List, Subject: "incident"},
		{ID: TriageReport, Keys: keys("W"), Title: "report", Help: "Write a report of the incident to a file or to the clipboard, without secrets", Group: groupList, Scope: List, Subject: "incident"},
		{ID: NetworkFix, Keys: keys("A"), Title: "fix", Help: "Mend the way by the change that is shown, after asking and trying it", Group: groupChange, Scope: List, Subject: "way"},
		{ID: PolicyAsk, Keys: keys("A"), Title: "may it?", Help: "Ask whether the network policies let this pod and another end talk", Group: groupList, Scope: List, Subject: "policy"},
		{ID: RolloutWait, Keys: keys("w"), Title: "wait", Help: "Wait in the background until the rollout is over, and tell then, wherever you are", Group: groupList, Scope: List, Subject: "rollout"},
		{ID: RolloutPane, Keys: keys("tab"), Title: "next pane", Help: "Go from the revisions of a rollout to its pods, to its events", Group: groupList, Scope: List, Subject: "rollout"},
		{ID: HeadroomAsk, Keys: keys("w"), Title: "what if", Help: "Ask what would happen if: pods come, nodes are drained, lost or added; nothing is changed", Group: groupList, Scope: List, Subject: "headroom"},
		{ID: HeadroomGroup, Keys: keys("tab"), Title: "by zone", Help: "Add up by node, zone, pool, namespace or workload, one after the other", Group: groupList, Scope: List, Subject: "headroom"},
		{ID: HeadroomSize, Keys: keys("T"), Title: "right-size", Help: "Compare what containers ask for with what they use", Group: groupList, Scope: List, Subject: "headroom"},
		{ID: ListWide, Keys: keys("w"), Title: "wide", Help: "Show or hide the wide columns", Group: groupList, Scope: List, Subject: "table"},
		{ID: ListDetail, Keys: keys("v"), Title: "detail", Help: "Show or hide the detail pane", Group: groupList, Scope: List},
		{ID: TreeToggle, Keys: keys("tab"), Title: "fold", Help: "Show or hide what belongs to this row, in place", Group: groupList, Scope: List, Subject: "row"},
		{ID: TreeExpand, Keys: keys("+"), Title: "unfold", Help: "Show what belongs to this row, in place", Group: groupList, Scope: List},
		{ID: TreeCollapse, Keys: keys("-"), Title: "fold up", Help: "Hide what belongs to this row, or fold the row it belongs to", Group: groupList, Scope: List},

		{ID: MarkToggle, Keys: keys("space"), Title: "mark", Help: "Mark or unmark this row", Group: groupMark, Scope: List},
		{ID: MarkRange, Keys: keys("ctrl+space"), Title: "mark range", Help: "Mark every row from the last one marked to this one", Group: groupMark, Scope: List},
		{ID: MarkNone, Keys: keys(`ctrl+\`), Title: "unmark all", Help: "Remove every mark", Group: groupMark, Scope: List},

		{ID: CopyName, Keys: keys("c"), Title: "copy name", Help: "Copy the name of the object, or of the marked ones", Group: groupCopy, Scope: Objects},
		{ID: CopyCell, Keys: keys("Y"), Title: "copy cell", Help: "Choose a cell of this row and copy it", Group: groupCopy, Scope: List},
		{ID: CopyText, Keys: keys("Y"), Title: "copy all", Help: "Copy the whole text as shown", Group: groupCopy, Scope: Text},

		{ID: TextSearch, Keys: keys("/"), Title: "search", Help: "Search the text", Group: groupText, Scope: Text},
		{ID: TextNext, Keys: keys("n"), Title: "next", Help: "Go to the next match", Group: groupText, Scope: Text},
		{ID: TextPrevious, Keys: keys("N"), Title: "previous", Help: "Go to the match before", Group: groupText, Scope: Text},
		{ID: TextWrap, Keys: keys("w"), Title: "wrap", Help: "Wrap long lines or cut them", Group: groupText, Scope: Text},
		{ID: TextManagedFields, Keys: keys("m"), Title: "managed fields", Help: "Show or hide metadata.managedFields in YAML", Group: groupText, Scope: Text},
		{ID: SecretReveal, Keys: keys("v"), Title: "reveal", Help: "Show or mask the values of this Secret", Group: groupText, Scope: Text, Subject: "secret"},

		{ID: LogsOpen, Keys: keys("l"), Title: "logs", Help: "Read the logs of the pods of what is selected, as one", Group: groupLog, Scope: List},
		{ID: LogsPrevious, Keys: keys("p"), Title: "previous logs", Help: "Read the logs that the containers wrote before their last restart", Group: groupLog, Scope: List},
		{ID: LogFollow, Keys: keys("space"), Title: "follow", Help: "Hold the log still, or show what comes", Group: groupLog, Scope: Log},
		{ID: LogSearch, Keys: keys("/"), Title: "search", Help: "Search the lines; nothing is hidden", Group: groupLog, Scope: Log},
		{ID: LogNext, Keys: keys("n"), Title: "next", Help: "Go to the next match", Group: groupLog, Scope: Log},
		{ID: LogPrevious, Keys: keys("N"), Title: "match before", Help: "Go to the match before", Group: groupLog, Scope: Log},
		{ID: LogFilter, Keys: keys("&"), Title: "only", Help: "Show only the lines that match, of those that are shown", Group: groupLog, Scope: Log},
		{ID: LogUnfilter, Keys: keys("backspace"), Title: "last filter off", Help: "Take the last filter away", Group: groupLog, Scope: Log},
		{ID: LogAll, Keys: keys("0"), Title: "all lines", Help: "Take all filters away", Group: groupLog, Scope: Log},
		{ID: LogMore, Keys: keys("+"), Title: "more around", Help: "Show more of the lines before and after those that match the filters", Group: groupLog, Scope: Log},
		{ID: LogLess, Keys: keys("-"), Title: "less around", Help: "Show fewer of the lines around those that match the filters", Group: groupLog, Scope: Log},
		{ID: LogError, Keys: keys("e"), Title: "error", Help: "Go to the next line that is an error", Group: groupLog, Scope: Log},
		{ID: LogErrorBack, Keys: keys("E"), Title: "error before", Help: "Go to the error before", Group: groupLog, Scope: Log},
		{ID: LogTime, Keys: keys("T"), Title: "time", Help: "Go to a time, such as 14:05 or 10m ago", Group: groupLog, Scope: Log},
		{ID: LogSpan, Keys: keys("R"), Title: "read again", Help: "Read more of the logs, or less: 10m, 2h, 14:05, 500 lines, all", Group: groupLog, Scope: Log},
		{ID: LogExpand, Keys: keys("enter"), Title: "expand", Help: "Show all of a record: its other lines, or its fields as a tree", Group: groupLog, Scope: Log},
		{ID: LogWrap, Keys: keys("w"), Title: "wrap", Help: "Wrap long lines or cut them", Group: groupLog, Scope: Log},
		{ID: LogFold, Keys: keys("z"), Title: "fold", Help: "Show repeated lines once, with their number", Group: groupLog, Scope: Log},
		{ID: LogClock, Keys: keys("t"), Title: "clock", Help: "Show times as local, UTC, how long ago, or not", Group: groupLog, Scope: Log},
		{ID: LogSource, Keys: keys("s"), Title: "source", Help: "Show or hide the column of pods and containers", Group: groupLog, Scope: Log},
		{ID: LogRates, Keys: keys("r"), Title: "rates", Help: "List the containers with their lines and errors over time, to show only those of one", Group: groupLog, Scope: Log},
		{ID: LogColours, Keys: keys("C"), Title: "colours", Help: "Show or hide the application's own colours", Group: groupLog, Scope: Log},
		{ID: LogMark, Keys: keys("m"), Title: "mark", Help: "Start a block of lines to copy", Group: groupLog, Scope: Log},
		{ID: LogCopy, Keys: keys("c"), Title: "copy", Help: "Copy the line under the cursor, or the marked block", Group: groupLog, Scope: Log},
		{ID: LogSave, Keys: keys("S"), Title: "save", Help: "Save what is shown to a file", Group: groupLog, Scope: Log},
		{ID: LogPager, Keys: keys("P"), Title: "pager", Help: "Open what is shown in your pager", Group: groupLog, Scope: Log},
		{ID: LogEditor, Keys: keys("v"), Title: "editor", Help: "Open what is shown in your editor", Group: groupLog, Scope: Log},

		{ID: AppPalette, Keys: keys(":"), Title: "go to", Help: "Open the palette: kinds, views, namespaces, contexts and actions by name", Group: groupProgram, Scope: Global},
		{ID: AppMenu, Keys: keys("a"), Title: "actions", Help: "List every action on the selection, with its key or why it is unavailable", Group: groupProgram, Scope: Global},
		{ID: AppHelp, Keys: keys("?"), Title: "help", Help: "List every key", Group: groupProgram, Scope: Global},
		{ID: AppRefresh, Keys: keys("ctrl+r"), Title: "list again", Help: "Ask the server again for what is on screen", Group: groupProgram, Scope: Global},
		{ID: AppRedraw, Keys: keys("ctrl+l"), Title: "redraw", Help: "Draw the whole screen again", Group: groupProgram, Scope: Everywhere},
		{ID: AppSuspend, Keys: keys("ctrl+z"), Title: "suspend", Help: "Go back to the shell until fg", Group: groupProgram, Scope: Everywhere},
		{ID: AppReadOnly, Keys: keys("!"), Title: "read-only", Help: "Refuse every change of this cluster, or allow changes again", Group: groupProgram, Scope: Global},
		{ID: TaskCancel, Keys: keys("X"), Title: "cancel", Help: "Cancel what runs in the background, the newest first", Group: groupProgram, Scope: Global},
		{ID: AppQuit, Keys: keys("q", "ctrl+c"), Title: "quit", Help: "Quit", Group: groupProgram, Scope: Global, required: true},

		{ID: PromptAccept, Keys: keys("enter"), Title: "accept", Help: "Accept what is typed or chosen", Group: groupPrompt, Scope: Prompt | Dialog, required: true},
		{ID: PromptCancel, Keys: keys("esc", "ctrl+c"), Title: "cancel", Help: "Leave without choosing", Group: groupPrompt, Scope: Prompt | Dialog | Confirm, required: true},
		{ID: PromptNext, Keys: keys("down", "ctrl+n"), Title: "next", Help: "Move to the next choice", Group: groupPrompt, Scope: Prompt | Dialog},
		{ID: PromptPrevious, Keys: keys("up", "ctrl+p"), Title: "previous", Help: "Move to the choice before", Group: groupPrompt, Scope: Prompt | Dialog},
		{ID: PromptComplete, Keys: keys("tab"), Title: "complete", Help: "Complete what is typed with the first choice", Group: groupPrompt, Scope: Prompt},
		{ID: DialogYes, Keys: keys("y", "ctrl+y"), Title: "yes", Help: "Do what the question asks; where a name is typed, the key that is no letter", Group: groupPrompt, Scope: Confirm, required: true},
		{ID: DialogOption, Keys: keys("tab"), Title: "option", Help: "Go to the next option of the question; left and right change it", Group: groupPrompt, Scope: Confirm},
		{ID: DialogCopy, Keys: keys("c", "ctrl+t"), Title: "copy command", Help: "Copy the kubectl command that does the same", Group: groupPrompt, Scope: Confirm},
		{ID: DialogBack, Keys: keys("e", "ctrl+e"), Title: "edit again", Help: "Open the editor again, where a text is asked about", Group: groupPrompt, Scope: Confirm},
	}
}

func keys(k ...string) []string { return k }
