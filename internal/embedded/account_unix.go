//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that a process runs as. Nil means: as we do.
type account struct {
	name     string
	uid, gid uint32
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// postgresAccount finds the user for Postgres, which refuses to run as root: the owner of the data
// directory if it exists, else nobody. Nil unless we are root.
func postgresAccount(dataDir string) (*account, error) {
	owner, exists, err := ownerOf(dataDir)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		if exists && int(owner.uid) != os.Geteuid() {
			return nil, fmt.Errorf("%s belongs to %s, not to the user that runs Millrace (uid %d): run as that user or as root, or choose another directory with --data",
				dataDir, owner.name, os.Geteuid())
		}
		return nil, nil
	}
	if exists && owner.uid != 0 {
		return owner, nil
	}
	return nobody()
}

func ownerOf(path string) (*account, bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	a := &account{name: fmt.Sprintf("uid %d", stat.Uid), uid: stat.Uid, gid: stat.Gid}
	if u, err := user.LookupId(strconv.Itoa(int(stat.Uid))); err == nil {
		a.name = u.Username
	}
	return a, true, nil
}

// nobody is the unprivileged user that nearly every system has. A number without a name would not do:
// initdb insists on a name.
func nobody() (*account, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("Postgres does not run as root, and there is no user `nobody` to run it as (%w): "+
			"run Millrace as an ordinary user, or give the address of a running Postgres with --postgres", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("user nobody: %w", err)
	}
	return &account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}, nil
}

// give makes the account the owner of path; nil changes nothing.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("hand %s to user %s, which Postgres runs as: %w", path, a.name, err)
	}
	return nil
}

// barrier returns the first directory above path that the account may not enter, or "". Access lists are
// not looked at, so it may name one that is open after all, never the other way round.
func (a *account) barrier(path string) string {
	if a == nil {
		return ""
	}
	parent := filepath.Dir(path)
	if real, err := filepath.EvalSymlinks(parent); err == nil {
		parent = real
	}
	return a.closedOn(parent)
}

// closedOn returns the topmost directory on the way to and including dir that the account may not enter.
func (a *account) closedOn(dir string) string {
	if above := filepath.Dir(dir); above != dir {
		if closed := a.closedOn(above); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	stat := info.Sys().(*syscall.Stat_t)
	enter := fs.FileMode(0o001)
	switch {
	case stat.Uid == a.uid:
		enter = 0o100
	case stat.Gid == a.gid:
		enter = 0o010
	}
	if info.Mode()&enter == 0 {
		return dir
	}
	return ""
}
