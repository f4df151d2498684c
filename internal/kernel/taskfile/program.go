package taskfile

import (
	"bytes"
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
)

// Offsets of what the kernel hands to the program, which is part of its interface:
// struct bpf_iter__task_file (kernel/bpf/task_iter.c), struct bpf_iter_meta
// (include/linux/bpf.h).
const (
	contextMeta = 0
	contextTask = 8
	contextFD   = 16
	contextFile = 24
	metaSeq     = 0
)

const (
	tcpListen = 10 // TCP_LISTEN, include/net/tcp_states.h; other families use it, too
	none      = "none"
	record    = -recordSize // on the stack
)

// program writes a record for each file that is a listening socket. R6 is the
// context, R7 the file, R8 the task.
func program(l layout) ([]byte, error) {
	all := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R7, asm.R6, contextFile, asm.DWord),
		asm.JEq.Imm(asm.R7, 0, none),
		asm.LoadMem(asm.R8, asm.R6, contextTask, asm.DWord),
		asm.JEq.Imm(asm.R8, 0, none),

		asm.Mov.Reg(asm.R1, asm.R7),
		asm.FnSockFromFile.Call(),
		asm.JEq.Imm(asm.R0, 0, none),
		asm.LoadMem(asm.R1, asm.R0, l.socketSk, asm.DWord),
		asm.JEq.Imm(asm.R1, 0, none),
		asm.LoadMem(asm.R1, asm.R1, l.sockState, asm.Byte),
		asm.JNE.Imm(asm.R1, tcpListen, none),

		asm.LoadMem(asm.R1, asm.R7, l.fileInode, asm.DWord),
		asm.LoadMem(asm.R1, asm.R1, l.inodeNumber, asm.DWord),
		asm.StoreMem(asm.RFP, record, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.R8, l.taskTgid, asm.Word),
		asm.StoreMem(asm.RFP, record+8, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R8, l.taskPid, asm.Word),
		asm.StoreMem(asm.RFP, record+12, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R6, contextFD, asm.Word),
		asm.StoreMem(asm.RFP, record+16, asm.R1, asm.DWord),

		asm.LoadMem(asm.R1, asm.R6, contextMeta, asm.DWord),
		asm.LoadMem(asm.R1, asm.R1, metaSeq, asm.DWord),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, record),
		asm.Mov.Imm(asm.R3, recordSize),
		asm.FnSeqWrite.Call(),

		asm.Mov.Imm(asm.R0, 0).WithSymbol(none),
		asm.Return(),
	}
	var code bytes.Buffer
	err := all.Marshal(&code, byteOrder())
	return code.Bytes(), err
}

// byteOrder is the machine's, by its own name, as the assembler wants it.
func byteOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}
