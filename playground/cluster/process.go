package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is one run of a part.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone and err is set
	err  error         // how it ended
}

// spawner starts every child from one OS thread that lives as long as the
// spawner: the kernel kills a child that asked for it when the *thread* that
// started it ends, and Go threads come and go.
type spawner struct {
	requests chan func()
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for request := range s.requests {
			request()
		}
		runtime.UnlockOSThread()
	}()
	return s
}

// close ends the thread. All children must be gone.
func (s *spawner) close() { close(s.requests) }

// start runs a part of executable, writing to the end of its log.
func (s *spawner) start(executable string, env []string, p part, log string) (*process, error) {
	output, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", p.name, err)
	}
	defer output.Close() //nolint:errcheck // the child has its own descriptor
	cmd := exec.Command(executable, append([]string{p.name}, p.args...)...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	s.requests <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	proc := &process{name: p.name, log: log, cmd: cmd, done: make(chan struct{})}
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
	}()
	return proc, nil
}

// signal the whole group: a part may have started processes of its own.
func (p *process) signal(sig syscall.Signal) error {
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil {
		return fmt.Errorf("send %v to %s: %w", sig, p.name, err)
	}
	return nil
}

func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process and returns when it is gone. A process that has not
// ended within grace is killed.
func (p *process) stop(grace time.Duration) {
	if !p.gone() {
		// Both fail only if it ends by itself now. One that is paused must
		// go on to see that it shall end.
		_ = p.signal(syscall.SIGTERM)
		_ = p.signal(syscall.SIGCONT)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
		}
	}
	_ = p.signal(syscall.SIGKILL) // also reaches what the part left behind
	<-p.done
}
