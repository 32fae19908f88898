package cluster

import "syscall"

// childAttributes give a child a process group of its own, so that ctrl+c in
// the terminal reaches the supervisor alone and it can stop the parts in
// order; and let the kernel kill the child if the supervisor is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
