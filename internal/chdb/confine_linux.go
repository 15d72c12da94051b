package chdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The engine was made to run inside of a program with the user's own rights, and many of its parts
// read files without asking for a grant: the function file(), templates of formats, disks named in
// a table's settings. The kernel's Landlock is the wall behind the grants: the process can read and
// write its data directory, read what the C library and the engine need, start no program but
// itself, open no TCP connection and signal nobody else.
//
// Landlock holds for a thread and what it starts. The runtime's threads exist already, so the
// process restricts one thread and executes itself again from there, with the arguments and the
// environment it was started with.

// confinedEnv marks the second life of the process.
const confinedEnv = "MILLRACE_CHDB_CONFINED"

const (
	readFiles  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	executable = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	// fileRights are those that a rule on a plain file may name.
	fileRights = executable | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// confine restricts the process. It returns where Landlock is absent or holds already, else the
// process begins anew.
func confine(cfg Config) error {
	if os.Getenv(confinedEnv) != "" {
		return nil
	}
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || int(abi) < 3 {
		cfg.Logger.Warn("the kernel offers no Landlock: only grants keep statements from the machine's files")
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o750); err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	environ, err := startEnviron()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // and never unlock: the thread is of no use to others
	if err := restrict(int(abi), landlockRules(cfg, self)); err != nil {
		return fmt.Errorf("confine the engine with Landlock: %w", err)
	}
	err = unix.Exec(self, os.Args, append(environ, confinedEnv+"=1"))
	return fmt.Errorf("start the confined engine: %w", err)
}

// startEnviron is the environment as the process was given it: callers may have taken the mark of
// their own child out of it since.
func startEnviron() ([]string, error) {
	text, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return nil, fmt.Errorf("read this process's environment: %w", err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == 0 }), nil
}

type landlockRule struct {
	path   string
	rights uint64
}

// landlockRules lists what stays open. Paths that do not exist on a machine are left out.
func landlockRules(cfg Config, self string) []landlockRule {
	rules := []landlockRule{
		{cfg.DataDir, ^uint64(unix.LANDLOCK_ACCESS_FS_EXECUTE)},
		{self, executable},
		{filepath.Dir(cfg.Library), readFiles},
		{"/sys", readFiles},
		{"/dev/null", unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE},
	}
	for _, dir := range []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"} {
		rules = append(rules, landlockRule{dir, readFiles})
	}
	for _, file := range []string{"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/hosts", "/etc/nsswitch.conf",
		"/dev/urandom", "/dev/random", "/dev/zero", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/filesystems",
		"/proc/self/stat", "/proc/self/statm", "/proc/self/status", "/proc/self/io", "/proc/self/maps", "/proc/self/mountinfo", "/proc/self/mounts",
		"/proc/self/cgroup", "/proc/self/limits", "/proc/self/cmdline", "/proc/self/schedstat", "/proc/sys"} {
		rules = append(rules, landlockRule{file, readFiles})
	}
	return append(rules, mappedRules()...)
}

// mappedRules keep open what the process is made of: the loader of shared programs, which is
// executed along with them, and the directories of the libraries it has loaded.
func mappedRules() []landlockRule {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil // a static program on a system without /proc
	}
	seen := map[string]bool{}
	var rules []landlockRule
	for line := range strings.Lines(string(text)) {
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := strings.TrimSpace(line[at:])
		if name := filepath.Base(path); seen[path] || !strings.Contains(name, ".so") {
			continue
		}
		seen[path] = true
		rules = append(rules, landlockRule{path, executable}, landlockRule{filepath.Dir(path), readFiles})
	}
	return rules
}

func restrict(abi int, rules []landlockRule) error {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handledRights(abi)}
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("create ruleset: %w", errno)
	}
	defer unix.Close(int(fd))
	for _, r := range rules {
		if err := addRule(int(fd), r, attr.Handled_access_fs); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("restrict: %w", errno)
	}
	return nil
}

// handledRights are all the rights that a version of Landlock knows for files.
func handledRights(abi int) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_TRUNCATE)<<1 - 1
	if abi >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

func addRule(ruleset int, r landlockRule, handled uint64) error {
	fd, err := unix.Open(r.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	rights := r.rights & handled
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("allow %s: %w", r.path, errno)
	}
	return nil
}
