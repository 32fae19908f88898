package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// call is one invocation of an applet.
type call struct {
	*machine
	ctx  context.Context
	args []string
	dir  string
	env  expand.Environ
	streams
}

// applet is a command. Its error is printed and makes it exit with 1.
type applet func(call) error

// applets returns the commands by name.
func applets() map[string]applet {
	return map[string]applet{
		"cat": cat, "clear": clearScreen, "date": date, "df": df, "env": env, "grep": grep, "head": head, "hostname": hostname,
		"id": id, "ls": ls, "mkdir": mkdir, "mv": mv, "printenv": env, "ps": ps, "rm": rm, "sleep": sleep, "stty": stty,
		"tail": tail, "tar": tar, "tee": tee, "touch": touch, "tty": tty, "uname": uname, "wc": wc, "whoami": whoami, "which": which,
	}
}

// flags cuts leading options off: it returns their letters and the operands.
func (c call) flags() (letters string, operands []string) {
	operands = c.args[1:]
	for len(operands) > 0 && len(operands[0]) > 1 && operands[0][0] == '-' {
		option := operands[0]
		operands = operands[1:]
		if option == "--" {
			break
		}
		letters += strings.TrimLeft(option, "-")
	}
	return letters, operands
}

// eachInput calls do for every named file, or for what comes in.
func (c call) eachInput(names []string, do func(name string, r io.Reader) error) error {
	if len(names) == 0 {
		if c.in == nil {
			return nil
		}
		return do("-", c.in)
	}
	for _, name := range names {
		file, err := c.files.open(c.dir, name, os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		err = do(name, file)
		_ = file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func cat(c call) error {
	_, names := c.flags()
	return c.eachInput(names, func(_ string, r io.Reader) error {
		_, err := io.Copy(c.out, r)
		return err
	})
}

func clearScreen(c call) error {
	_, err := io.WriteString(c.out, "\x1b[H\x1b[2J")
	return err
}

func date(c call) error {
	layout := time.UnixDate
	if len(c.args) > 1 && c.args[1] == "+%s" {
		_, err := fmt.Fprintln(c.out, time.Now().Unix())
		return err
	}
	_, err := fmt.Fprintln(c.out, time.Now().UTC().Format(layout))
	return err
}

func df(c call) error {
	_, err := fmt.Fprint(c.out, "Filesystem     Size  Used Avail Use% Mounted on\noverlay         98G   31G   67G  32% /\ntmpfs           64M     0   64M   0% /dev\n")
	return err
}

func env(c call) error {
	if len(c.args) > 1 {
		value := c.env.Get(c.args[1])
		if !value.IsSet() {
			return interp.ExitStatus(1)
		}
		_, err := fmt.Fprintln(c.out, value.String())
		return err
	}
	for name, value := range c.env.Each {
		if value.Exported {
			fmt.Fprintf(c.out, "%s=%s\n", name, value.String())
		}
	}
	return nil
}

func grep(c call) error {
	letters, words := c.flags()
	if len(words) == 0 {
		return errors.New("no pattern given")
	}
	pattern := words[0]
	if strings.Contains(letters, "i") {
		pattern = "(?i)" + pattern
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	found := false
	err = c.eachInput(words[1:], func(_ string, r io.Reader) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if expression.Match(lines.Bytes()) != strings.Contains(letters, "v") {
				found = true
				fmt.Fprintln(c.out, lines.Text())
			}
		}
		return lines.Err()
	})
	if err == nil && !found {
		return interp.ExitStatus(1)
	}
	return err
}

// lineCount takes -n N or -N from the arguments of head and tail.
func (c call) lineCount() (n int, names []string) {
	n, names = 10, c.args[1:]
	if len(names) > 1 && names[0] == "-n" {
		names = append([]string{"-" + names[1]}, names[2:]...)
	}
	if len(names) > 0 && strings.HasPrefix(names[0], "-") {
		if given, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(names[0], "-"), "n")); err == nil {
			n, names = given, names[1:]
		}
	}
	return n, names
}

func head(c call) error {
	n, names := c.lineCount()
	return c.eachInput(names, func(_ string, r io.Reader) error {
		lines := bufio.NewScanner(r)
		for i := 0; i < n && lines.Scan(); i++ {
			fmt.Fprintln(c.out, lines.Text())
		}
		return lines.Err()
	})
}

func tail(c call) error {
	n, names := c.lineCount()
	return c.eachInput(names, func(_ string, r io.Reader) error {
		var last []string
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if last = append(last, lines.Text()); len(last) > n {
				last = last[1:]
			}
		}
		for _, line := range last {
			fmt.Fprintln(c.out, line)
		}
		return lines.Err()
	})
}

func hostname(c call) error {
	_, err := fmt.Fprintln(c.out, c.Hostname)
	return err
}

func id(c call) error {
	_, err := fmt.Fprintln(c.out, "uid=0(root) gid=0(root) groups=0(root)")
	return err
}

func whoami(c call) error {
	_, err := fmt.Fprintln(c.out, "root")
	return err
}

func ls(c call) error {
	letters, names := c.flags()
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		info, err := c.files.stat(c.dir, name)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			c.list(letters, name, info)
			continue
		}
		entries, err := c.files.readDir(c.dir, name)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil && (!strings.HasPrefix(entry.Name(), ".") || strings.Contains(letters, "a")) {
				c.list(letters, entry.Name(), info)
			}
		}
	}
	return nil
}

func (c call) list(letters, name string, info fs.FileInfo) {
	if strings.Contains(letters, "l") {
		fmt.Fprintf(c.out, "%s 1 root root %8d %s ", info.Mode(), info.Size(), info.ModTime().UTC().Format("Jan _2 15:04"))
	}
	fmt.Fprintln(c.out, name)
}

func mkdir(c call) error {
	letters, names := c.flags()
	for _, name := range names {
		create := c.files.root.Mkdir
		if strings.Contains(letters, "p") {
			create = c.files.root.MkdirAll
		}
		if err := create(local(c.dir, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func mv(c call) error {
	_, names := c.flags()
	if len(names) != 2 {
		return errors.New("give a source and a target")
	}
	target := local(c.dir, names[1])
	if info, err := c.files.root.Stat(target); err == nil && info.IsDir() {
		target = path.Join(target, path.Base(names[0]))
	}
	return c.files.root.Rename(local(c.dir, names[0]), target)
}

func ps(c call) error {
	_, err := fmt.Fprintf(c.out, "PID   USER     TIME  COMMAND\n    1 root      0:07 /app/server\n   %2d root      0:00 sh\n", 17)
	return err
}

func rm(c call) error {
	letters, names := c.flags()
	for _, name := range names {
		target := local(c.dir, name)
		if target == "." {
			return errors.New("it is dangerous to remove /")
		}
		remove := c.files.root.Remove
		if strings.ContainsAny(letters, "rR") {
			remove = c.files.root.RemoveAll
		}
		if err := remove(target); err != nil && !strings.Contains(letters, "f") {
			return err
		}
	}
	return nil
}

func sleep(c call) error {
	if len(c.args) < 2 {
		return errors.New("no time given")
	}
	text := c.args[1]
	if !strings.ContainsAny(text, "smh") {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("invalid time %q", c.args[1])
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func stty(c call) error {
	if c.machine.tty == nil {
		return errors.New("standard input is not a terminal")
	}
	size := c.machine.tty.dimensions()
	_, err := fmt.Fprintf(c.out, "%d %d\n", size.Height, size.Width)
	return err
}

func tty(c call) error {
	if c.machine.tty == nil {
		fmt.Fprintln(c.out, "not a tty")
		return interp.ExitStatus(1)
	}
	_, err := fmt.Fprintln(c.out, "/dev/pts/0")
	return err
}

func tee(c call) error {
	_, names := c.flags()
	targets := []io.Writer{c.out}
	for _, name := range names {
		file, err := c.files.open(c.dir, name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // a scratch file
		targets = append(targets, file)
	}
	return c.eachInput(nil, func(_ string, r io.Reader) error {
		_, err := io.Copy(io.MultiWriter(targets...), r)
		return err
	})
}

func touch(c call) error {
	_, names := c.flags()
	for _, name := range names {
		file, err := c.files.open(c.dir, name, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

func uname(c call) error {
	text := "Linux"
	if len(c.args) > 1 && strings.Contains(c.args[1], "a") {
		text = "Linux " + c.Hostname + " 6.12.40 #1 SMP x86_64 GNU/Linux"
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}

func wc(c call) error {
	letters, names := c.flags()
	return c.eachInput(names, func(name string, r io.Reader) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		lines, words := strings.Count(string(text), "\n"), len(strings.Fields(string(text)))
		switch letters {
		case "l":
			_, err = fmt.Fprintln(c.out, lines)
		case "c":
			_, err = fmt.Fprintln(c.out, len(text))
		default:
			_, err = fmt.Fprintf(c.out, "%7d %7d %7d %s\n", lines, words, len(text), strings.TrimPrefix(name, "-"))
		}
		return err
	})
}

func which(c call) error {
	for _, name := range c.args[1:] {
		if !c.knows(name) {
			return interp.ExitStatus(1)
		}
		fmt.Fprintln(c.out, "/bin/"+name)
	}
	return nil
}
