package job

// Failure is an experiment that could not be carried out as written.
type Failure struct{ Message, Hint string }

// Fail returns a Failure with a message and what to do about it.
func Fail(message, hint string) *Failure { return &Failure{message, hint} }

func (f *Failure) Error() string { return f.Message }

// Lack is a Failure because the kernel does not have what a step needs.
type Lack struct {
	Failure
	Err error
}

// Lacks returns a Lack for what the kernel said.
func Lacks(err error, hint string) *Lack { return &Lack{Failure{err.Error(), hint}, err} }

func (l *Lack) Unwrap() []error { return []error{&l.Failure, l.Err} }
