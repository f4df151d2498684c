package sandbox

import (
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// sealedPrograms are copies of this program in memory, by their owner.
var sealedPrograms = struct {
	sync.Mutex
	by map[owner]*os.File
}{by: map[owner]*os.File{}}

// owner is the host's ids of the first process of a sandbox; -1: the caller's.
type owner struct{ uid, gid int }

// sealedProgram is a copy of this program in memory, from which everything in sandboxes
// is executed: /proc/PID/exe of a process inside leads to it, and not to the file on
// the host, whose owner could change its mode through that link. Nobody can write to
// it, and who has no rights over it can execute and not read it: then the kernel lets
// others of the same user not look into the process (would_dump, fs/exec.c). Its owner
// is the first process of the sandbox, which may.
func sealedProgram(of owner) (*os.File, error) {
	sealedPrograms.Lock()
	defer sealedPrograms.Unlock()
	if program := sealedPrograms.by[of]; program != nil {
		return program, nil
	}
	program, err := sealSelf(of)
	if err != nil {
		return nil, err
	}
	sealedPrograms.by[of] = program
	return program, nil
}

func sealSelf(of owner) (*os.File, error) {
	self, err := os.Open(Self)
	if err != nil {
		return nil, err
	}
	defer self.Close()
	fd, err := memoryFile("listenq")
	if err != nil {
		return nil, err
	}
	program := os.NewFile(uintptr(fd), "listenq")
	defer program.Close()
	if _, err := io.Copy(program, self); err != nil {
		return nil, err
	}
	if err := seal(fd, of); err != nil {
		return nil, err
	}
	return high(program)
}

// programNumber is the lowest descriptor of a program, where the limit allows it. It is
// executed by its number in the child, which has others from 3 on by then, and while it
// puts them there some above the highest of them (forkAndExecInChild1,
// syscall/exec_linux.go).
const programNumber = 4000

// programs is more than how many there are: a plain one, and copies by owner.
const programs = 8

// high returns another descriptor of a file, out of the way of a child's.
func high(f *os.File) (*os.File, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, int(min(limit.Cur-programs, programNumber)))
	return os.NewFile(uintptr(fd), f.Name()), err
}

// inTheWay reports whether a child that is given those files may put another one in the
// place of the program.
func inTheWay(program *os.File, files []*os.File) bool {
	var highest uintptr
	for _, f := range files {
		highest = max(highest, f.Fd())
	}
	return highest+uintptr(2*len(files))+8 >= program.Fd()
}

// plainProgram is this program's own file.
var plainProgram = sync.OnceValues(func() (*os.File, error) {
	self, err := os.Open(Self)
	if err != nil {
		return nil, err
	}
	defer self.Close()
	return high(self)
})

// program is what is executed inside.
func (s *Spec) program(who identity) (*os.File, error) {
	if s.Throwaway {
		return plainProgram()
	}
	return sealedProgram(who.first())
}

// memoryFile makes a file in memory that can be executed. Kernels before 6.3 do not
// know the flag, and need none.
func memoryFile(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

// seal makes a file in memory unchangeable for good, its permission to be executed
// included where the kernel can (6.3).
func seal(fd int, of owner) error {
	if err := errors.Join(unix.Fchmod(fd, 0o111), unix.Fchown(fd, of.uid, of.gid)); err != nil {
		return err
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals|unix.F_SEAL_EXEC)
	if errors.Is(err, unix.EINVAL) {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	return err
}
