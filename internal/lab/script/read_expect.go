package script

func readWait(s *statement) Action {
	if !s.accept("until") {
		return Wait{For: s.duration(MaxWait)}
	}
	begin, n := s.next, len(s.words)
	if n < begin+3 || s.words[n-3].text != "at" || s.words[n-2].text != "most" {
		s.fail(s.end(), s.usage, "expected at most and a duration at the end of the line")
		return nil
	}
	s.next = n - 1
	do := WaitUntil{AtMost: s.period(MaxWait)}
	do.That = s.expression(begin, n-3, scope{names: s.names})
	return do
}

func readExpect(s *statement) Action {
	begin, end := s.next, len(s.words)
	var do Expect
	if n := end; n >= begin+2 && s.words[n-2].text == "from" && s.words[n-1].text == "source" {
		do.FromSource = true
		end -= 2
	}
	for i := begin; i < end; i++ {
		if w := s.words[i]; w.text == "if" && !w.quoted {
			do.If = s.expression(i+1, end, scope{names: s.names, facts: true})
			end = i
		}
	}
	do.That = s.expression(begin, end, scope{names: s.names})
	s.next = len(s.words)
	return do
}
