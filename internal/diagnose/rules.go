package diagnose

import "embed"

// rule is one kind of finding. It looks at listeners one by one, or at a whole
// namespace.
type rule struct {
	code      string
	listener  func(*situation) (Finding, bool)
	namespace func(*netns) (Finding, bool)
}

// rules are all of them. A code is never used again for something else.
var rules = []rule{
	{code: "LQ001", listener: stopped},
	{code: "LQ002", listener: stuck},
	{code: "LQ003", listener: slow},
	{code: "LQ004", listener: burst},
	{code: "LQ005", listener: small},
	{code: "LQ006", listener: overflow, namespace: overflowSomewhere},
	{code: "LQ007", listener: clamped},
	{code: "LQ008", namespace: cookiesSent},
	{code: "LQ009", namespace: requestsDropped},
	{code: "LQ010", namespace: cookiesOff},
	{code: "LQ011", namespace: cookiesAlways},
	{code: "LQ012", namespace: abortOnOverflow},
	{code: "LQ013", listener: skewed},
	{code: "LQ014", listener: gaveUp},
	{code: "LQ015", listener: servingTheDead},
	{code: "LQ016", namespace: pastOverflows},
	{code: "LQ017", listener: unfinished},
	{code: "LQ018", namespace: otherSomaxconn},
	{code: "LQ019", namespace: otherDrops},
	{code: "LQ020", listener: refused},
	{code: "LQ021", listener: filesUsedUp},
	{code: "LQ022", listener: frozen},
	{code: "LQ023", listener: partlyStopped},
}

func (r rule) findings(p *netns) []Finding {
	var all []Finding
	keep := func(f Finding, found bool) {
		if found {
			f.Code, f.Netns = r.code, p.id
			all = append(all, f)
		}
	}
	if r.namespace != nil && p.trend != nil {
		keep(r.namespace(p))
	}
	if r.listener != nil {
		for _, s := range p.listeners {
			keep(r.listener(s))
		}
	}
	return all
}

//go:embed rules/*.md
var texts embed.FS

// Codes are the codes of all rules, in order.
func Codes() []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.code)
	}
	return all
}

// Explain returns the text of a rule, in Markdown of at most 80 columns: what it
// means, what clients feel, why, how to check by hand, what to do and what not.
func Explain(code string) (text string, ok bool) {
	b, err := texts.ReadFile("rules/" + code + ".md")
	return string(b), err == nil
}
