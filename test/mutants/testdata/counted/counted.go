// Package counted is changed by the tests of mutants.
package counted

// Next is tested for some numbers.
func Next(a, limit int) int {
	if a < limit {
		return a + 0
	}
	return limit + 1
}

// Never is not tested, and its text is no number.
func Never(a int, text string) (int, string) {
	return a - 1, text + "."
}
