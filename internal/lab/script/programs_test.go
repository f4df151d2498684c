package script

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrograms(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"server backlog 3 accept never\n", nil},
		{"server exec nginx -p .\nexec as a curl http://{address}/\n", []string{"curl", "nginx"}},
		{"server exec ./mine\n", []string{"./mine"}},
		{"server exec redis-server\nexec sh -c \"echo '?' | nc -N {host} {port} && exec ab -n 1; (wrk x)\"\n", []string{"ab", "echo", "nc", "redis-server", "sh", "wrk"}},
		{"server exec sh -c \"x=1 y\"\n", []string{"sh"}},
	} {
		s, err := Parse("a.lab", []byte("# A.\n"+tt.text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, s.Programs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, diff)
		}
	}
}
