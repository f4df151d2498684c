package script

// verb is one kind of step.
type verb struct {
	name  string
	forms []string // how it is written
	read  func(*statement) Action
}

// verbs lists the language. It is no variable, because what reads a verb looks
// at it in turn.
func verbs() []verb {
	return []verb{
		{"network", []string{"network [wire|loopback] [ipv4|ipv6]"}, readNetwork},
		{"require", []string{"require FACT"}, readRequire},
		{"files", []string{"files NAME…"}, readFiles},
		{"sysctl", []string{"sysctl [may fail] NAME VALUE…"}, readSysctl},
		{"wire", []string{"wire [to server|to client] [delay D] [loss P%] [duplicate P%] [mtu N] [seed N]", "wire [to server|to client] clean"}, readWire},
		{"hold", []string{"hold syn|syn-ack|ack|data|fin|rst|all to server|client [from NAME…]"}, readHold},
		{"release", []string{"release [NAME…]"}, readRelease},
		{"filter", []string{
			"filter as NAME to server|client drop|reject syn|syn-ack|ack|data|fin|rst|all|invalid [above R/s [burst N]|above N connections|P%|one in N] [from NAME…]",
			"filter as NAME at socket [of SERVER] drop syn|syn-ack|ack|data|fin|rst|all [from NAME…]"}, readFilter},
		{"alter", []string{"alter syn|syn-ack|ack|data|fin|rst|all to server|client checksum|ack by N|seq by N|timestamp D back [N times] [from NAME…]", "alter nothing"}, readAlter},
		{"answer", []string{"answer syn|syn-ack|ack|data|fin|rst|all to server|client with rst [both ways]|syn-ack|ack|nothing [N times] [from NAME…]", "answer nothing"}, readAnswer},
		{"route", []string{"route to client none|again"}, readRoute},
		{"lift", []string{"lift NAME…"}, readLift},
		{"server", []string{
			"server [as NAME] [port N] [later] [dualstack] [mptcp] [defer D] [reuseport] [fastopen N] backlog N accept POLICY [read|answer TEXT|close [after D]|reset [after D]]",
			"server [as NAME] [port N] [within D] exec COMMAND…"}, readServer},
		{"accept", []string{"accept never|all|every D|after D|N [on NAME]"}, readAccept},
		{"listen", []string{"listen backlog N [on NAME]"}, readListen},
		{"stop", []string{"stop [NAME] [for D]"}, readStop},
		{"continue", []string{"continue [NAME]"}, readContinue},
		{"connect", []string{"connect NAME… [overlapping|at once|every D] [giving up after D] [mptcp] [fastopen TEXT] [asking TEXT] [reusing NAME] [to SERVER]",
			"connect N as NAME [overlapping|at once|every D] [giving up after D] [mptcp] [fastopen TEXT] [asking TEXT] [to SERVER]"}, readConnect},
		{"send", []string{`send NAME… "text"`, "send NAME… N bytes"}, readSend},
		{"shutdown", []string{"shutdown NAME…"}, readShutdown},
		{"close", []string{"close NAME…"}, readClose},
		{"reset", []string{"reset NAME…"}, readReset},
		{"exec", []string{"exec [as NAME] [may fail] [at most D] [to SERVER] COMMAND…"}, readExec},
		{"flood", []string{"flood N syns at R/s [from client|martians] [to SERVER] [in background]"}, readFlood},
		{"observe", []string{"observe [ss] [netstat] [nstat]"}, readObserve},
		{"wait", []string{"wait D", "wait until EXPR at most D"}, readWait},
		{"expect", []string{"expect EXPR [if FACTS] [from source]"}, readExpect},
	}
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return names
}
