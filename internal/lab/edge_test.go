package lab

import (
	"errors"
	"math/bits"
	"testing"
)

// TestEdge finds every edge from every guess, in few steps.
func TestEdge(t *testing.T) {
	const most = 200
	for limit := range most + 1 {
		for guess := range most + 2 {
			calls := 0
			got, err := edge(guess, most, func(n int) (bool, error) {
				if calls++; n < 1 || n > most {
					t.Fatalf("edge %d from %d: asks for %d", limit, guess, n)
				}
				return n <= limit, nil
			})
			if got != limit || err != nil {
				t.Fatalf("edge %d from %d: got %d, %v", limit, guess, got, err)
			}
			if few := 2*bits.Len(uint(most)) + 2; calls > few {
				t.Errorf("edge %d from %d: %d calls, want at most %d", limit, guess, calls, few)
			}
		}
	}
}

func TestEdgeNear(t *testing.T) {
	var asked []int
	edge(129, 2000, func(n int) (bool, error) {
		asked = append(asked, n)
		return n <= 129, nil
	})
	if len(asked) != 2 {
		t.Errorf("a guess that is right takes %v, want two tries", asked)
	}
}

func TestEdgeFails(t *testing.T) {
	broken := errors.New("broken")
	if _, err := edge(1, 10, func(int) (bool, error) { return false, broken }); err != broken {
		t.Errorf("got %v", err)
	}
}
