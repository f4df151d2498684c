package answer

// Rules is the answer of `explain CODE`: what there is to say of findings.
type Rules struct {
	Schema string `json:"schema"`
	Rules  []Rule `json:"rules"`
}

// NewRules is a document of them.
func NewRules(all []Rule) Rules { return Rules{RulesSchema, all} }

// Rule is what there is to say of one kind of finding.
type Rule struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"` // Markdown
}
