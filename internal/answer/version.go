package answer

// Build is the answer of `version`.
type Build struct {
	Schema  string `json:"schema"`
	Version string `json:"version"`
	Go      string `json:"go"`
	Arch    string `json:"arch"`
}
