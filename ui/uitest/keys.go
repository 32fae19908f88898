package uitest

// Special keys, as an xterm sends them.
const (
	Enter     = "\r"
	Esc       = "\x1b"
	Tab       = "\t"
	ShiftTab  = "\x1b[Z"
	Space     = " "
	Backspace = "\x7f"
	Up        = "\x1b[A"
	Down      = "\x1b[B"
	Right     = "\x1b[C"
	Left      = "\x1b[D"
	Home      = "\x1b[H"
	End       = "\x1b[F"
	PageUp    = "\x1b[5~"
	PageDown  = "\x1b[6~"
	Delete    = "\x1b[3~"
	CtrlSpace = "\x00"
)

// Ctrl returns a letter, or one of @[\]^_, typed with the control key.
func Ctrl(key byte) string { return string(rune(key & 0x1f)) }

// Alt returns a key typed with the alt key.
func Alt(key string) string { return Esc + key }
