package peers

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
)

// readNstat reads {"kernel":{"IpInReceives":14,…}}.
func readNstat(output string) (table, error) {
	var shown struct {
		Kernel map[string]uint64 `json:"kernel"`
	}
	if err := json.Unmarshal([]byte(output), &shown); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if shown.Kernel == nil {
		return nil, fmt.Errorf("%w: no counters of the kernel", ErrOutput)
	}
	fields := map[string]string{}
	for name, value := range shown.Kernel {
		fields[name] = fmt.Sprint(value)
	}
	return counterTable(fields), nil
}

func asNstat(l Look) table {
	fields := map[string]string{}
	for i, name := range l.Counters.Names {
		fields[name] = fmt.Sprint(l.Counters.Values[i])
	}
	return counterTable(fields)
}

func counterTable(fields map[string]string) table {
	return table{"counters": {fields: fields, numeric: true}}
}

// snmp6 are the counters of /proc/net/snmp6, which listenq does not read: TCP
// counts IPv4 and IPv6 together.
var snmp6 = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(Ip|Icmp|Udp|UdpLite)6`)
})

// family is what a field that is not compared is listed as: those of snmp6 by
// their group, for they are many.
func family(field string) string {
	if group := snmp6().FindString(field); group != "" {
		return group + "*"
	}
	return field
}
