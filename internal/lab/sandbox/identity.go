package sandbox

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity says as whom a sandbox runs. There are four kinds: strangers (a
// range of ids that nobody on the host has), own (the caller's id and no
// other), renamed (the same, as 0), and bare (no user namespace, for root where it is
// forbidden).
type identity struct {
	Userns   bool
	Uids     []syscall.SysProcIDMap
	Gids     []syscall.SysProcIDMap
	Stranger bool // the first process is 0 inside, mapped to an id that nobody has
	Uid, Gid int  // of commands, as seen inside
}

// The ids of commands: of the first ordinary user where there is a range of
// ids, of nobody where the ids are the host's.
const (
	userID   = 1000
	nobodyID = 65534
)

// identities returns the ways to run a sandbox here, best first.
func identities() []identity {
	own := ownAs(os.Getuid(), os.Getgid())
	if os.Geteuid() != 0 {
		return []identity{own, ownAs(0, 0)}
	}
	bare := identity{Uid: nobodyID, Gid: nobodyID}
	uids, gids := spareIDs(readSetting("/proc/self/uid_map")), spareIDs(readSetting("/proc/self/gid_map"))
	if uids == nil || gids == nil { // root of a few ids, which may have no nobody
		bare.Uid, bare.Gid = os.Getuid(), os.Getgid()
		return []identity{own, bare}
	}
	stranger := identity{Userns: true, Uids: uids, Gids: gids, Stranger: true, Uid: userID, Gid: userID}
	return []identity{stranger, bare}
}

// ownAs maps the caller's ids to those, and no other. Where the 0 of a user namespace is
// nobody, its network settings are nobody's in kernels without "sysctl: always initialize
// i_uid/i_gid" (6.11; 5.10.224), and cannot be written (HAS_UNMAPPED_ID,
// include/linux/fs.h): renamed the caller is 0.
func ownAs(uid, gid int) identity {
	return identity{
		Userns: true,
		Uids:   []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		Gids:   []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getgid(), Size: 1}},
		Uid:    uid,
		Gid:    gid,
	}
}

// spareIDs picks ids for a sandbox from a uid_map or gid_map of its parent
// (user_namespaces(7)): the last 65,536 below 2³¹ of the largest range, or the
// upper half of a smaller one. It returns nil if there are too few.
func spareIDs(idMap string) []syscall.SysProcIDMap {
	var best []syscall.SysProcIDMap
	for line := range strings.Lines(idMap) {
		field := strings.Fields(line)
		if len(field) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(field[0], 10, 32)
		count, err2 := strconv.ParseUint(field[2], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		end := min(first+count, 1<<31)
		if end <= first {
			continue
		}
		size := min((end-first)/2, 1<<16)
		if size > userID && (best == nil || int(size) > best[0].Size) {
			best = []syscall.SysProcIDMap{{HostID: int(end - size), Size: int(size)}}
		}
	}
	return best
}

// first is who the first process is to the host, if that is somebody else than we are.
func (who identity) first() owner {
	if who.Stranger {
		return owner{who.Uids[0].HostID, who.Gids[0].HostID}
	}
	return owner{-1, -1}
}

// attr returns how to clone the first process. The ids are changed before the
// death signal is set (forkAndExecInChild1, syscall/exec_linux.go), since a
// change of ids clears it (commit_creds, kernel/cred.c).
func (who identity) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true,
		Pdeathsig:  unix.SIGKILL,
	}
	if _, err := os.Stat("/proc/self/ns/cgroup"); err == nil {
		attr.Cloneflags |= unix.CLONE_NEWCGROUP
	}
	if !who.Userns {
		return attr
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings, attr.GidMappings = who.Uids, who.Gids
	if who.Stranger {
		attr.GidMappingsEnableSetgroups = true
		attr.Credential = &syscall.Credential{}
		return attr
	}
	if who.Uid == 0 { // who keeps them when it executes something
		return attr
	}
	for c := range lastCapability() + 1 {
		attr.AmbientCaps = append(attr.AmbientCaps, uintptr(c))
	}
	return attr
}
