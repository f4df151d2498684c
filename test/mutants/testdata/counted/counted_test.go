package counted

import "testing"

func TestNext(t *testing.T) {
	if Next(1, 3) != 1 || Next(4, 3) != 4 {
		t.Error("wrong")
	}
}
