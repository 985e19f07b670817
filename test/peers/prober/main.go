// Tells what a program in a container finds around it, as one JSON object: which system calls are refused, capabilities, mounts,
// devices, environment. Two engines whose containers see the same can't be told apart by what is started in them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

const lastCall = 470

// Ended by these, or held up, is the process that makes them: pause, rt_sigreturn, exit, fork, vfork, exit_group, sync, uretprobe, uprobe.
var skipped = map[uintptr]bool{34: true, 15: true, 60: true, 57: true, 58: true, 231: true, 162: true, 335: true, 336: true}

// Calls whose first argument decides, by a name for what is asked.
var byArgument = []struct {
	name   string
	number uintptr
	first  uintptr
}{
	{"clone, new user namespace", 56, 0x10000000},
	{"clone, new network namespace", 56, 0x40000000},
	{"personality 0", 135, 0}, {"personality 8", 135, 8}, {"personality 0x20000", 135, 0x20000},
	{"personality 0x20008", 135, 0x20008}, {"personality, asked", 135, 0xffffffff}, {"personality ADDR_NO_RANDOMIZE", 135, 0x40000},
	{"personality 0 again", 135, 0},
}

const families = 46

type found struct {
	Calls       map[string]string `json:"calls"`
	Arguments   map[string]string `json:"arguments"`
	Status      map[string]string `json:"status"`
	Mounts      []string          `json:"mounts"`
	Devices     []string          `json:"devices"`
	Environment []string          `json:"environment"`
	Namespaces  map[string]string `json:"namespaces"`
	Files       map[string]string `json:"files"`
	Writable    map[string]bool   `json:"writable"`
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	result := found{
		Calls: map[string]string{}, Arguments: map[string]string{}, Status: status(), Mounts: mounts(), Devices: devices(),
		Environment: os.Environ(), Namespaces: namespaces(),
		Files: map[string]string{}, Writable: map[string]bool{},
	}
	for _, path := range []string{
		"/proc/self/oom_score_adj", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/proc/self/cgroup", "/proc/self/comm", "/proc/1/cmdline", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
		"/proc/sys/net/ipv4/ping_group_range", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/hostname",
		"/proc/sys/kernel/domainname", "/proc/self/attr/current", "/proc/self/sessionid", "/proc/self/coredump_filter", "/proc/self/timerslack_ns",
	} {
		result.Files[path] = read(path)
	}
	for _, path := range []string{"/proc/sys/kernel/hostname", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/etc/hosts", "/dev/null"} {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		result.Writable[path] = err == nil
		if err == nil {
			file.Close()
		}
	}
	for _, each := range byArgument {
		result.Arguments[each.name] = call(each.number, each.first)
	}
	for family := uintptr(0); family < families; family++ {
		fd, _, errno := syscall.RawSyscall(syscall.SYS_SOCKET, family, ^uintptr(0), ^uintptr(0))
		if errno == 0 {
			syscall.Close(int(fd))
		}
		result.Arguments[fmt.Sprintf("socket %d", family)] = refusal(errno)
	}
	for number := uintptr(0); number <= lastCall; number++ {
		if !skipped[number] {
			result.Calls[fmt.Sprint(number)] = call(number, ^uintptr(0))
		}
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

// A call whose arguments nothing can come of: no such descriptor, no such address.
func call(number, first uintptr) string {
	const bad = ^uintptr(0)
	_, _, errno := syscall.RawSyscall6(number, first, bad, bad, bad, bad, bad)
	return refusal(errno)
}

func refusal(errno syscall.Errno) string {
	switch errno {
	case syscall.EPERM:
		return "EPERM"
	case syscall.ENOSYS:
		return "ENOSYS"
	}
	return "allowed"
}

func read(path string) string {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err.(*os.PathError).Err.Error()
	}
	return string(bytes)
}

func status() map[string]string {
	result := map[string]string{}
	for _, line := range strings.Split(read("/proc/self/status"), "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Uid", "Gid", "Groups", "Umask", "SigIgn", "SigBlk", "SigCgt":
			result[name] = strings.TrimSpace(value)
		}
	}
	delete(result, "SigCgt") // Go's own
	return result
}

// Root of the mount, mount point, options, type, options of the file system: without ids and devices.
func mounts() []string {
	var result []string
	for _, line := range strings.Split(strings.TrimSpace(read("/proc/self/mountinfo")), "\n") {
		fields := strings.Fields(line)
		at := 6
		for fields[at] != "-" {
			at++
		}
		propagation := strings.Join(fields[6:at], ",")
		result = append(result, strings.Join([]string{fields[4], fields[3], fields[5], propagation, fields[at+1], fields[at+2], fields[at+3]}, " "))
	}
	return result
}

func devices() []string {
	var result []string
	filepath.Walk("/dev", func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return nil
		}
		link, _ := os.Readlink(path)
		stat := info.Sys().(*syscall.Stat_t)
		result = append(result, fmt.Sprintf("%s %s %d:%d %#x %s", path, info.Mode(), stat.Uid, stat.Gid, stat.Rdev, link))
		return nil
	})
	return result
}

func namespaces() map[string]string {
	result := map[string]string{}
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"} {
		result[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	return result
}
