//go:build linux

package e2e

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// footprint is what a playground occupies of the machine.
type footprint struct {
	processes []process
	listening []netip.AddrPort
}

// process is known by its start time too: process ids are used again.
type process struct {
	pid     int
	start   string
	command string
}

// footprintOf finds the processes that have dir in their command line, which
// all parts have, and what they listen on.
func footprintOf(t *testing.T, dir string) footprint {
	t.Helper()
	var f footprint
	sockets := map[string]bool{}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range commands {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), dir) {
			continue // gone already, or another's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		start, ok := startOf(pid)
		if !ok || pid == os.Getpid() {
			continue
		}
		f.processes = append(f.processes, process{pid: pid, start: start, command: strings.ReplaceAll(string(text), "\x00", " ")})
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, descriptor := range descriptors {
			if target, err := os.Readlink(descriptor); err == nil && strings.HasPrefix(target, "socket:[") {
				sockets[strings.Trim(target[len("socket:"):], "[]")] = true
			}
		}
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f.listening = append(f.listening, listeners(t, table, sockets)...)
	}
	return f
}

// alive is false for one that waits for its parent to notice its end.
func (p process) alive() bool {
	start, ok := startOf(p.pid)
	return ok && start == p.start
}

// startOf returns when a process started, in the kernel's own unit.
func startOf(pid int) (string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	// The name in parentheses may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const state, startTime = 0, 19
	if len(fields) <= startTime || fields[state] == "Z" || fields[state] == "X" {
		return "", false
	}
	return fields[startTime], true
}

// listeners reads from one of the kernel's tables where the given sockets
// listen.
func listeners(t *testing.T, table string, sockets map[string]bool) []netip.AddrPort {
	t.Helper()
	text, err := os.ReadFile(table)
	if err != nil {
		return nil // no IPv6
	}
	var found []netip.AddrPort
	for _, line := range strings.Split(string(text), "\n")[1:] {
		fields := strings.Fields(line)
		const local, state, inode = 1, 3, 9
		const listening = "0A"
		if len(fields) <= inode || fields[state] != listening || !sockets[fields[inode]] {
			continue
		}
		found = append(found, kernelAddress(t, fields[local]))
	}
	return found
}

// kernelAddress reads an address as the kernel prints it: in words of four
// bytes, the lowest byte first.
func kernelAddress(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		t.Fatalf("no address: %s", text)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number))
}

func portIsOpen(address netip.AddrPort) bool {
	conn, err := net.DialTimeout("tcp", address.String(), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
