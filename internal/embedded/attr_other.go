//go:build !unix

package embedded

import "syscall"

func processAttr(syscall.Signal, *account) *syscall.SysProcAttr { return nil }
