package embedded

import "syscall"

// processAttr puts a process into a group of its own, so that Ctrl-C in a terminal reaches only us and we
// stop the engines in order; has the kernel send it a signal when we die, however we die; and runs it as
// another user when asked to.
func processAttr(whenWeDie syscall.Signal, as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: whenWeDie, Credential: as.credential()}
}
