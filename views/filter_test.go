package views

import "testing"

// The header says which filter is in force, and that is what the rows show,
// whatever is being typed.
func TestFilterInForce(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("/")
		b.text("age") // a column, no text yet
		b.want("5  ● live", "pod-0", "pod-4", "column age: go on with")
		b.wantNot("pods /")
		b.text("<")
		b.want("a value must follow age<", "pod-4")
		b.text("xyz")
		b.want(`"xyz" is no age`, "5  ● live")
		b.wantNot("pods /")
		b.press("enter") // is refused, and goes on being shown
		b.want(`"xyz" is no age`, "/age<xyz", "5  ● live")
		b.press("esc")
		b.want("5  ● live")

		b.press("/")
		b.text("pod-3 rest")
		b.want("pods /pod-3 rest", "0 of 5")
		b.text("arts")
		b.want("pods /pod-3", "1 of 5", "column restarts")
		b.wantNot("pods /pod-3 rest")
		b.text(">zero")
		b.want("pods /pod-3", "1 of 5", `"zero" is no`)
		b.press("backspace", "backspace", "backspace", "backspace", "backspace", "<", "9", "enter")
		b.want("pods /pod-3 restarts<9", "1 of 5")

		b.press("/", "ctrl+u")
		b.text("node")
		b.want("5  ● live")
		b.press("enter") // who means the text gets it
		b.want("pods /node", "0 of 5")
		b.press("/")
		b.text("<")
		b.press("esc") // back to what was accepted
		b.want("pods /node", "0 of 5")
	})
}
