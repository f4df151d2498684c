package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
)

// captured is a packet of a file.
type captured struct {
	data   []byte
	length int       // on the link
	stamp  time.Time // zero if the file does not say
	link   int
	iface  string // name of the interface; empty if the file does not say
}

// source gives one packet after the other.
type source func() (captured, error)

// frames reads pcap or pcapng, plain or gzip.
func frames(file io.Reader) (source, error) {
	in := bufio.NewReader(file)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		plain, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(plain)
	}
	magic, err := in.Peek(4)
	switch {
	case err != nil:
		return nil, err
	case string(magic) == "\n\r\r\n":
		return pcapng(in)
	}
	return pcap(in)
}

// pcap reads the older format. pcapgo reads it, too, but none of its odd files: with
// packets longer than the snap length, or fractions of a second over a second.
func pcap(in io.Reader) (source, error) {
	header := make([]byte, 24)
	if _, err := io.ReadFull(in, header); err != nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if header[0] == 0xa1 {
		order = binary.BigEndian
	}
	unit := map[uint32]time.Duration{0xa1b2c3d4: time.Microsecond, 0xa1b23c4d: time.Nanosecond}[order.Uint32(header)]
	if unit == 0 {
		return nil, errors.New("no capture")
	}
	link := int(order.Uint32(header[20:]) & 0xffff)
	return func() (captured, error) {
		record := make([]byte, 16)
		if _, err := io.ReadFull(in, record); err != nil {
			return captured{}, err
		}
		size := order.Uint32(record[8:])
		if size > 1<<24 {
			return captured{}, io.ErrUnexpectedEOF
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return captured{}, io.ErrUnexpectedEOF
		}
		stamp := time.Unix(int64(order.Uint32(record)), 0).UTC().Add(time.Duration(order.Uint32(record[4:])) * unit)
		return captured{data, int(order.Uint32(record[12:])), stamp, link, ""}, nil
	}, nil
}

func pcapng(in io.Reader) (source, error) {
	r, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return nil, err
	}
	return func() (captured, error) {
		data, info, err := r.ReadPacketData()
		if err != nil {
			return captured{}, err
		}
		iface, err := r.Interface(info.InterfaceIndex)
		return captured{data, info.Length, info.Timestamp, int(iface.LinkType), iface.Name}, err
	}, nil
}
