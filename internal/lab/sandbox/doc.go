// Package sandbox hides how an experiment is cut off from the host: the
// namespaces it lives in, whose ids it has, what it sees of the file system,
// and what a command of the experiment may do.
//
// A program starts itself again as the first process of a sandbox:
//
//	box, err := sandbox.Start(sandbox.Spec{Args: []string{"inside"}, Stderr: os.Stderr})
//	…
//	err = box.Wait()
//
// The new process enters it, and from then on has all rights in there and none
// outside. What it starts has no rights at all:
//
//	in, err := sandbox.Enter()
//	netns, err := in.NewNetns()
//	cmd, err := in.Command([]string{"python3", "-m", "http.server"})
//	err = in.Start(cmd) // on a thread that is in netns
//
// Its main function must hand DropArg on to Drop.
//
// Two nested PID namespaces keep the sides apart: the runner is the first
// process of the outer one, commands live in the inner one, where the runner
// does not exist. The end of the process that called Start ends everything, by
// whatever it dies: the kernel kills the runner with its parent, and with the
// runner, the init of its PID namespace, all the rest.
//
// Behind namespaces, mounts and ids there are second walls: what runs inside is
// executed from a sealed copy of this program in memory, seccomp and Landlock forbid
// commands once more what they could not do anyway, and of the caller's files they see
// copies (Pack), not the files.
//
// The package does not connect network namespaces, limit CPU or memory beyond
// what is said at Drop, or isolate what Linux has only one of (see Shared).
// It needs Linux 5.10.
package sandbox
