package answer

import (
	"encoding/json"
	"fmt"
)

// What is taken of JSON that anybody may have written. A few bytes of it can ask for
// a large struct: what it would take in memory is summed up before it is made.
const (
	maxDepth = 32
	maxCost  = 96 << 20 // bytes of memory, of one document
)

// costs are the bytes that an element of the array of that name takes, or a member of
// the object: no less than what it becomes.
var costs = map[string]int{
	// result.json
	"expectations": 128, "connections": 640, "folded": 128, "commands": 192, "listeners": 640, "observations": 320, "missing": 64,
	"alternatives": 128, "history": 32, "calls": 96, "story": 64, "differences": 128, "explained": 128, "argv": 32, "not_compared": 32,
	"before": cheap, "after": cheap, "fullest": cheap, // one struct each, but for the two of a counter
	// lab.Kernel, of a guest
	"facts": 192, "settings": 192,
	// samples.jsonl
	"namespaces": 512, "processes": 384, "threads": 128, "command": 32, "waits_ms": 32, "waiting": cheap,
}

const (
	cheap   = 8   // a member that has its place in its struct
	dear    = 192 // an element or a member of an unknown array or object: of a map
	dearest = 640 // of one whose name may be read as another's: encoding/json is not strict
	tooDear = "it would take more memory than %d MiB"
	tooDeep = "nested more than %d deep"
)

// Cost is how many bytes an element of the array of that name is taken to need: no less than
// the type that it is decoded into.
func Cost(name string) int {
	if cost, known := costs[name]; known {
		return cost
	}
	return dear
}

// Decode decodes a document that may be printed: what a terminal may obey is taken out of
// its texts, too.
func Decode(text []byte, name string, v any) error { return DecodeVerbatim(tame(text), name, v) }

// DecodeVerbatim decodes a document that anybody may have written into v, which errors call by
// that name: one that would take too much memory is refused.
func DecodeVerbatim(text []byte, name string, v any) error {
	m := meter{text: text, cost: len(text), key: dear}
	err := m.run()
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// meter goes through JSON and sums up what it will take in memory.
type meter struct {
	text   []byte
	cost   int
	frames []frame
	name   string // the last in the object, if its cost is known
	key    int    // that cost
}

// frame is an array or an object that is not closed yet.
type frame struct {
	each    int // cost of an element or member
	object  bool
	structs bool // it is a struct, or an array of them: a member has its place
}

func (m *meter) run() error {
	for i := 0; i < len(m.text); i++ {
		switch c := m.text[i]; c {
		case '"':
			i = m.string(i)
		case '{', '[':
			if len(m.frames) == maxDepth {
				return fmt.Errorf(tooDeep, maxDepth)
			}
			m.open(c == '{')
		case '}', ']':
			if len(m.frames) > 0 {
				m.frames = m.frames[:len(m.frames)-1]
			}
		case ',':
			if len(m.frames) > 0 {
				m.cost += m.frames[len(m.frames)-1].each
			}
		}
		if m.cost > maxCost {
			return fmt.Errorf(tooDear, maxCost>>20)
		}
	}
	return nil
}

// open begins an array or an object, and counts its first element. What is in a map may
// be a map, whatever it is called.
func (m *meter) open(object bool) {
	f := frame{each: m.key, object: object, structs: true}
	if n := len(m.frames); n > 0 {
		in := m.frames[n-1]
		switch {
		case !in.structs:
			f.each, f.structs = max(m.key, dear), false
		case !in.object: // it has no name
			f.each = cheap
		default:
			_, known := costs[m.name]
			f.structs = known && (!object || f.each == cheap)
		}
	}
	m.cost += f.each
	m.frames, m.key = append(m.frames, f), dear
}

// string goes through a string to its end, and keeps the cost of what it names if it is
// a name.
func (m *meter) string(from int) int {
	end, strict := from+1, true
	for end < len(m.text) && m.text[end] != '"' {
		c := m.text[end]
		strict = strict && (c >= 'a' && c <= 'z' || c == '_' || c >= '0' && c <= '9')
		if c == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(m.text))
	m.name, m.key = "", dearest
	if name := m.text[min(from+1, end):end]; strict {
		m.key = dear
		if cost, known := costs[string(name)]; known {
			m.name, m.key = string(name), cost
		}
	}
	return end
}
