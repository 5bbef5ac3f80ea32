package holdfast

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// These are the causes with which the context of a handler ends (context.Cause).
var (
	// ErrCancelled: somebody asked to cancel the task. Return an error soon; the task then ends as cancelled.
	ErrCancelled = errors.New("the task was cancelled")
	// ErrTimedOut: the attempt took longer than the time-out of the task. It has failed already.
	ErrTimedOut = errors.New("the time-out of the attempt has passed")
	// ErrLeaseLost: another worker may run the task now, so what the handler returns does not count.
	ErrLeaseLost = errors.New("the lease of the task is lost")
	// ErrStopping: the worker stops and its grace is over. The task was handed back.
	ErrStopping = errors.New("the worker stops")
)

// ErrSuspended is returned by Sleep, WaitFor and Call when the task goes to sleep. A handler has to return it: the task
// is run again later, from the beginning of the handler, and finds its steps.
var ErrSuspended = errors.New("the task is suspended: return this error from the handler")

// Decision is an error that says what happens to the task, instead of the usual retry. A handler may wrap it, because
// the worker looks for it with errors.As.
type Decision struct {
	// Verdict is "fatal", "fail", "postpone", "rate_limit" or "cancel", as in the worker protocol.
	Verdict string
	// Delay is the wait before the next attempt, or how long a rate limit holds. It is sent in milliseconds.
	Delay time.Duration
	// Scope says which tasks a rate limit stops: those of the same "key", "type" or "queue"; "" for the default.
	Scope string
	// Err is the cause. It may be nil.
	Err error

	text string
}

func (d *Decision) Error() string {
	if d.Err != nil {
		return d.Err.Error()
	}
	return d.text
}

// Unwrap returns the cause.
func (d *Decision) Unwrap() error { return d.Err }

// Fatal makes an error after which no retry helps: the task becomes a dead letter at once.
func Fatal(err error) error { return &Decision{Verdict: "fatal", Err: err, text: "fatal"} }

// RetryAfter makes an error after which the task is tried again after this time, 0 to 365 days. The attempt counts as
// failed. err may be nil.
func RetryAfter(after time.Duration, err error) error {
	return &Decision{Verdict: "fail", Delay: after, Err: err, text: fmt.Sprintf("retry after %s", after)}
}

// Postpone makes an error after which the task is tried again after this time, 1 ms to 365 days, without the loss of an
// attempt. A task that is postponed too often fails instead.
func Postpone(after time.Duration) error {
	return &Decision{Verdict: "postpone", Delay: after, text: fmt.Sprintf("postponed for %s", after)}
}

// RateLimited makes an error for a rate limit that the handler met, such as an HTTP 429. No attempt is lost. No task of
// the same key, type or queue starts for this time, 1 ms to 24 hours. scope is "key", "type", "queue", or "" for the
// default: the key of the task, or its queue if it has no key.
func RateLimited(hold time.Duration, scope string) error {
	return &Decision{Verdict: "rate_limit", Delay: hold, Scope: scope, text: fmt.Sprintf("rate-limited for %s", hold)}
}

// Cancel makes an error after which the task ends as cancelled, with this reason in its history: it is not tried again
// and leaves no dead letter.
func Cancel(reason string) error { return &Decision{Verdict: "cancel", text: reason} }

// CallError is returned by Call if the called task ended without completing.
type CallError struct {
	// TaskID is the called task.
	TaskID string
	// State is "dead", "cancelled", "expired", or "gone" if its record was removed.
	State string
	// Message says in English what happened.
	Message string
}

func (e *CallError) Error() string { return e.Message }

// ErrorName is "CallFailed".
func (e *CallError) ErrorName() string { return "CallFailed" }

// panicked is the failure of a handler that panics.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string     { return fmt.Sprint(p.value) }
func (p *panicked) ErrorName() string { return "panic" }

func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

type wireError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Stack   string `json:"stack,omitempty"`
	Code    string `json:"code,omitempty"`
}

// Longer errors are cut before they are sent, because the record of a task keeps only 1,024 characters.
const errorBytes = 4096

func describe(err error) *wireError {
	told := &wireError{Name: cut(errorName(err), 256), Message: cut(err.Error(), errorBytes)}
	var own *panicked
	if errors.As(err, &own) {
		told.Stack = cut(own.stack, errorBytes)
	}
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		told.Code = cut(coded.ErrorCode(), 64)
	}
	return told
}

// errorName returns the name by which dead letters are grouped. If an error in the chain has a method ErrorName, that
// method gives the name. Otherwise the name is the first type in the chain that is more specific than the general
// error types.
func errorName(err error) string {
	var named interface{ ErrorName() string }
	if errors.As(err, &named) {
		return named.ErrorName()
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimedOut) {
		return "TimeoutError"
	}
	for ; err != nil; err = errors.Unwrap(err) {
		name := strings.TrimLeft(reflect.TypeOf(err).String(), "*")
		if _, isDecision := err.(*Decision); !isDecision && !strings.HasPrefix(name, "errors.") &&
			!strings.HasPrefix(name, "fmt.") {
			return name
		}
	}
	return "Error"
}

func cut(text string, bytes int) string {
	if len(text) > bytes {
		text = text[:bytes]
	}
	return strings.ToValidUTF8(text, "")
}
