package record

// The bytes of memory that parts of a sample take, with what is around them.
const (
	sizeSample    = 256
	sizeNamespace = 192
	sizeSysctl    = 96
	sizeListener  = 320
	sizeProcess   = 288
	sizeThread    = 64
	sizeString    = 16
	sizeWait      = 8
)

// size is how many bytes of memory a line takes, once it is a sample. Counters are not
// in it.
func (line *sampleJSON) size() int {
	n := sizeSample + len(line.Kernel)
	for i := range line.Namespaces {
		n += sizeNamespace + len(line.Namespaces[i].Name)
		for name, value := range line.Namespaces[i].Sysctls {
			n += sizeSysctl + len(name) + len(value)
		}
		for _, name := range line.Namespaces[i].Machine {
			n += sizeString + len(name)
		}
	}
	for i := range line.Listeners {
		n += line.Listeners[i].size()
	}
	for _, m := range line.Missing {
		n += 3*sizeString + len(m.What) + len(m.Why) + len(m.Hint)
	}
	return n
}

func (line *listenerJSON) size() int {
	n := sizeListener
	if line.Waiting != nil {
		n += sizeWait * len(line.Waiting.Waits)
	}
	for i := range line.Processes {
		p := &line.Processes[i]
		n += sizeProcess + len(p.Name) + len(p.Cgroup) + len(p.Unit) + len(p.State)
		for _, arg := range p.Command {
			n += sizeString + len(arg)
		}
		for _, t := range p.Threads {
			n += sizeThread + len(t.Name) + len(t.State) + len(t.Wait)
		}
	}
	return n
}
