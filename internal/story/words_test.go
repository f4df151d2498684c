package story

import (
	"testing"
	"time"

	"listenq/internal/evidence"
)

// TestRepeated: how often and when something happened, as far as its times were kept.
func TestRepeated(t *testing.T) {
	note := func(n int32, at ...time.Duration) *evidence.Note {
		x := evidence.Note{N: n}
		for i, t := range at {
			x.Times[i] = t * time.Millisecond
		}
		return &x
	}
	for _, test := range []struct {
		name string
		note *evidence.Note
		want string
	}{
		{"once, at once", note(1, 10_000), ""},
		{"once, within what is told", note(1, 10_049), ""},
		{"once, later", note(1, 10_051), ", after 0.1 s"},
		{"twice, at once", note(2, 10_000, 10_010), " twice within 0.1 s"},
		{"twice", note(2, 11_000, 13_000), " twice, after 1.0 and 3.0 s"},
		{"at first and later", note(3, 10_000, 11_000, 13_040), " 3 times, at first and after 1.0 and 3.0 s"},
		{"at first and once", note(2, 10_000, 11_000), " twice, at first and after 1.0 s"},
		{"as many as are kept", note(8, 11_000, 12_000, 13_000, 14_000, 15_000, 16_000, 17_000, 18_000), " 8 times, after 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0 and 8.0 s"},
		{"more than are kept", note(9, 11_000, 12_000, 13_000, 14_000, 15_000, 16_000, 17_000, 18_000), " 9 times, after 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0 s and later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := repeated(test.note, 10*time.Second); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestDurations: what nobody can feel is told as that, and not as a measured zero.
func TestDurations(t *testing.T) {
	for _, test := range []struct {
		d              time.Duration
		seconds, after string
	}{
		{0, "less than 0.1", ""},
		{49 * time.Millisecond, "less than 0.1", ""},
		{50 * time.Millisecond, "0.1", " after 0.1 s"},
		{1249 * time.Millisecond, "1.2", " after 1.2 s"},
		{1250 * time.Millisecond, "1.3", " after 1.3 s"},
		{63 * time.Second, "63.0", " after 63.0 s"},
	} {
		if s, a := seconds(test.d), after(test.d); s != test.seconds || a != test.after {
			t.Errorf("%v: %q and %q, want %q and %q", test.d, s, a, test.seconds, test.after)
		}
	}
	for n, want := range map[int32]string{1: "", 2: " twice", 3: " 3 times"} {
		if got := times(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestMeasure: lengths and limits are told only where they were measured, and of what.
func TestMeasure(t *testing.T) {
	for _, test := range []struct {
		note evidence.Note
		want string
	}{
		{evidence.Note{Witness: evidence.Overflows, Length: 3, Limit: 2}, ""},
		{evidence.Note{Witness: evidence.Overflows, Length: 3, Limit: 2, Measured: true}, " (3 of limit 2)"},
		{evidence.Note{Witness: evidence.QFull, Length: 1, Limit: 0, Measured: true}, " (1 request, limit 0)"},
		{evidence.Note{Witness: evidence.QFull, Length: 2, Limit: 1, Measured: true}, " (2 requests, limit 1)"},
		{evidence.Note{Witness: evidence.DropsReserved, Length: 12, Limit: 16, Measured: true}, " (12 requests, tcp_max_syn_backlog 16)"},
	} {
		if got := measure(&test.note); got != test.want {
			t.Errorf("%+v: %q, want %q", test.note, got, test.want)
		}
	}
}
