// Package answer holds the documents that listenq gives: what --json prints, what recordings
// keep as result.json, and what every other view draws.
//
//	history  ── NewListing, NewDiagnosis ── Listing, Diagnosis
//	tally    ── NewCheck ── Check
//	captures ── package explain ── Explanation
//	script   ── package lab ── Run, Kernel, Burst
//
// Each has a schema, such as listenq/ls/v1 (Documents). Its fields are added, never changed;
// what is unknown is left out, and never zero. Durations are Milliseconds. A constructor makes
// a document of the model; Read makes one of a text that another listenq has written, or
// anybody. The package is pure: it reads no clock and no file.
package answer
