package answer

import "fmt"

// Schemas of the documents.
const (
	ListingSchema     = "listenq/ls/v1"
	DiagnosisSchema   = "listenq/doctor/v1"
	CheckSchema       = "listenq/check/v1"
	ExplanationSchema = "listenq/explain/v1"
	ExperimentsSchema = "listenq/lab/v1"
	KernelSchema      = "listenq/kernel/v1"
	BurstSchema       = "listenq/burst/v1"
	RulesSchema       = "listenq/rules/v1"
	ScenariosSchema   = "listenq/scenarios/v1"
	BuildSchema       = "listenq/version/v1"
)

// Document is a schema, an empty document of it, and the command that prints it.
type Document struct {
	Schema string
	Empty  any
	By     string
}

// Documents are all that there are.
var Documents = []Document{
	{ListingSchema, Listing{}, "listenq ls --json"},
	{DiagnosisSchema, Diagnosis{}, "listenq doctor --json"},
	{CheckSchema, Check{}, "listenq check --json FILE -- COMMAND"},
	{ExplanationSchema, Explanation{}, "listenq explain --json FILE"},
	{RulesSchema, Rules{}, "listenq explain --json CODE"},
	{ExperimentsSchema, Experiments{}, "listenq lab run --json"},
	{ScenariosSchema, Scenarios{}, "listenq lab list --json"},
	{BurstSchema, Burst{}, "listenq lab burst --json"},
	{KernelSchema, Kernel{}, "listenq kernel --json"},
	{BuildSchema, Build{}, "listenq version --json"},
}

// Read decodes a document that anybody may have written, as Decode does. It fails if the
// document has another schema.
func Read[T any](text []byte, schema string) (document T, err error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := Decode(text, schema, &head); err != nil {
		return document, err
	}
	if head.Schema != schema {
		return document, fmt.Errorf("read %s: the document's schema is %q", schema, head.Schema)
	}
	return document, Decode(text, schema, &document)
}
