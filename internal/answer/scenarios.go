package answer

// Scenarios is the answer of `lab list`: the built-in experiments.
type Scenarios struct {
	Schema    string     `json:"schema"`
	Scenarios []Scenario `json:"scenarios"`
}

// NewScenarios is a document of them.
func NewScenarios(rows []Scenario) Scenarios { return Scenarios{ScenariosSchema, rows} }

// Scenario is one row of `lab list`.
type Scenario struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Title    string       `json:"title"`
	Topic    string       `json:"topic"`  // what it is about, with others
	Source   string       `json:"source"` // where it was published
	Expected Milliseconds `json:"expected_ms"`
}
