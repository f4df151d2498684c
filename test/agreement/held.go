package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// held are the experiments on which the rules are judged and not tuned: the servers, clients
// and filters of the built-in ones, in numbers that none of those has. Nobody looks at them
// before a change of the rules is done.
func held() map[string]string {
	all := map[string]string{}
	put := func(format string, args ...any) {
		all[fmt.Sprintf("held%02d", len(all)+1)] = fmt.Sprintf(format, args...)
	}
	for _, s := range []struct {
		before, server string
		clients, gap   int // so many, each so many ms after the one before
		wire           string
	}{
		{"", "backlog 3 accept every 40ms answer \"ok\"", 35, 12, "delay 20ms"},
		{"", "backlog 7 accept every 17ms answer \"ok\"", 60, 5, "delay 8ms"},
		{"", "backlog 16 accept every 33ms answer \"ok\"", 70, 7, "delay 12ms"},
		{"", "backlog 5 accept every 50ms close after 20ms", 30, 15, "delay 25ms"},
		{"sysctl net.ipv4.tcp_abort_on_overflow 1", "backlog 6 accept every 35ms answer \"ok\"", 45, 9, "delay 18ms"},
		{"sysctl net.ipv4.tcp_syncookies 0", "backlog 12 accept every 28ms answer \"ok\"", 60, 8, "delay 5ms"},
		{"network ipv6", "backlog 4 accept every 45ms answer \"ok\"", 35, 11, "delay 22ms"},
		{"", "backlog 6 accept every 30ms answer \"ok\"", 50, 9, "delay 10ms loss 1% seed 3"},
	} {
		put("%s\nwire %s\nserver %s\nconnect %d as a every %dms asking \"GET /\"\nwait 2200ms\n", s.before, s.wire, s.server, s.clients, s.gap)
	}
	for _, f := range []string{
		"syn above 25/s burst 4", "syn above 60/s burst 9", "syn above 7 connections", "syn 25%", "syn one in 4",
		"ack above 45/s burst 5", "ack 20%", "data 15%", "all above 120/s burst 8", "all 7%", "all one in 9", "all above 75/s burst 20",
	} {
		for _, does := range []string{"accept every 22ms answer \"ok\"", "accept all close after 45ms"} {
			put("require has_filters\nwire delay 11ms\nserver backlog 300 %s\nfilter as f to server drop %s\nconnect 45 as a every 8ms asking \"GET /\"\nwait 2200ms\n", does, f)
		}
	}
	for _, f := range []string{"syn 4%", "all 2%", "syn above 90/s burst 10", "ack 5%"} {
		put("require has_filters\nwire delay 14ms\nserver backlog 5 accept every 36ms answer \"ok\"\nfilter as f to server drop %s\nconnect 45 as a every 9ms asking \"GET /\"\nwait 2200ms\n", f)
	}
	return all
}

// writeHeld writes them as scripts into a folder.
func writeHeld(dir string) error {
	for name, script := range held() {
		text := "# Held back for judging.\n#\n# Source: listenq\n# Takes: 3s\n\n" + strings.TrimLeft(script, "\n")
		if err := os.WriteFile(filepath.Join(dir, name+".lab"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
