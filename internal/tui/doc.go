// Package tui is `listenq top`: the listeners of a host, live, on a terminal.
//
// It hides the screen: which columns fit, what the keys do, how a course of a
// minute looks in twelve cells. It looks at no kernel: samples come from a function,
// or from a recording. What it shows is a pure function of its model, and every
// text that a process chose is escaped before it is drawn.
package tui
