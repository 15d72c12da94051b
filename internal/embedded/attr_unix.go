//go:build unix && !linux

package embedded

import "syscall"

// processAttr puts a process into a group of its own, so that Ctrl-C in a terminal reaches only us, and
// runs it as another user when asked to. There is no death signal here: our own engines notice that
// their standard input ends, and a Postgres left behind is stopped by the next start.
func processAttr(_ syscall.Signal, as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
}
