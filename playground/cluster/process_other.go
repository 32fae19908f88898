//go:build !linux

package cluster

import "syscall"

// childAttributes give a child a process group of its own, so that ctrl+c in
// the terminal reaches the supervisor alone and it can stop the parts in
// order. Only Linux can tie a child's life to its parent's.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
