package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// A sleep that is not longer than this keeps its slot. To give up the slot and get it back would cost more.
	sleepInPlace = time.Second
	mostSteps    = 1000
	// How long to wait before a task is suspended. Goroutines that the handler has just started may still begin their
	// own steps.
	suspendPause = 5 * time.Millisecond
)

var badStepName = regexp.MustCompile(`#\d+$`)

// steps are the durable steps of one attempt.
type steps struct {
	mu    sync.Mutex
	known map[string]*storedStep // kind and name -> step; nil until the first step reads the stored steps
	count int
	seen  map[string]int
	ahead time.Duration // how far the clock of Redis is ahead of the clock of this machine

	busy      int
	moves     int // grows with each step that begins, so that a suspension notices new steps
	waiting   []suspension
	suspended *suspension
	asleep    chan struct{} // closed when the task is suspended
}

type suspension struct {
	Until  int64
	Events []string
}

type storedStep struct {
	Place               int
	Kind, Name, Outcome string
	At                  int64
	Result              json.RawMessage
	Large               bool
	Event               string
	Data                json.RawMessage
}

type insideStep struct{}

// Step runs fn once for the task and returns its result. If an earlier attempt has done the step of this name, its
// stored result is returned and fn is not called. The second step of one name in an attempt is stored as "name#2", and
// so on. The result is any value with at most 256 KiB of JSON, and comes back decoded from its JSON.
//
// An error of fn is returned, and nothing is stored. If the process ends between the effect of fn and the store of its
// result, the step runs again.
func Step[T any](ctx context.Context, name string, fn func(ctx context.Context) (T, error)) (T, error) {
	var result T
	t, stored, named, err := begin(ctx, "step", name)
	if err != nil {
		return result, err
	}
	defer t.steps.leave()
	if stored != nil {
		text, err := t.resultOf(ctx, stored)
		if err != nil {
			return result, err
		}
		return result, decode(text, &result)
	}
	place, err := t.newPlace(named)
	if err != nil {
		return result, err
	}
	value, err := fn(context.WithValue(ctx, insideStep{}, true))
	if err != nil {
		return result, err
	}
	text, err := jsonText(value)
	if err != nil {
		return result, Fatal(fmt.Errorf("the result of step %q has no JSON form: %w", named, err))
	}
	body := map[string]any{"place": place, "name": named, "resultText": string(text)}
	if err := t.post(ctx, "steps/write", body, nil); err != nil {
		return result, fmt.Errorf("step %q was not stored: %w", named, err)
	}
	return result, decode(text, &result)
}

// Sleep sleeps, at most 365 days. A sleep of more than a second gives up the slot of the task: Sleep then returns
// ErrSuspended, which the handler has to return, and the task is run again when the sleep is over.
func Sleep(ctx context.Context, d time.Duration) error {
	t, stored, named, err := begin(ctx, "sleep", "sleep")
	if err != nil {
		return err
	}
	until := int64(0)
	switch {
	case stored != nil:
		until = stored.At
	case d > sleepInPlace:
		place, err := t.newPlace(named)
		if err != nil {
			t.steps.leave()
			return err
		}
		var answer struct{ Until int64 }
		if err := t.post(ctx, "steps/sleep", map[string]any{"place": place, "name": named, "ms": millis(d)}, &answer); err != nil {
			t.steps.leave()
			return err
		}
		until = answer.Until
	}
	if until > 0 {
		d = time.UnixMilli(until).Sub(time.Now().Add(t.steps.ahead))
	}
	if d <= sleepInPlace {
		defer t.steps.leave()
		if !sleep(ctx, d) {
			return context.Cause(ctx)
		}
		return nil
	}
	return t.suspend(ctx, suspension{Until: until})
}

// Signal is a signal that a handler waited for.
type Signal struct {
	// Event is the name of the signal.
	Event string
	// Data is what came with it; null or empty if nothing did.
	Data json.RawMessage
}

// Bind decodes the data of the signal into a pointer.
func (s *Signal) Bind(data any) error { return decode(s.Data, data) }

// WaitFor waits for one of 1 to 20 signals, for at most timeout, 0 to 365 days. It returns nil and no error after the
// time-out. If the signal is not there yet, it returns ErrSuspended, which the handler has to return.
func WaitFor(ctx context.Context, timeout time.Duration, events ...string) (*Signal, error) {
	t, stored, named, err := begin(ctx, "wait", strings.Join(events, ","))
	if err != nil {
		return nil, err
	}
	if stored != nil && stored.Outcome == "timed_out" {
		t.steps.leave()
		return nil, nil
	}
	if stored != nil && stored.Outcome == "done" {
		defer t.steps.leave()
		data := stored.Data
		if stored.Large {
			if data, err = t.resultOf(ctx, stored); err != nil {
				return nil, err
			}
		}
		return &Signal{stored.Event, data}, nil
	}
	place, err := t.placeOf(stored, named)
	var answer struct {
		Outcome, Event string
		Data           json.RawMessage
		suspension
	}
	if err == nil {
		body := map[string]any{"place": place, "name": named, "events": events, "timeoutMs": millis(timeout)}
		err = t.post(ctx, "steps/wait", body, &answer)
	}
	if err == nil && answer.Outcome == "open" {
		return nil, t.suspend(ctx, answer.suspension)
	}
	t.steps.leave()
	if err != nil || answer.Outcome == "timed_out" {
		return nil, err
	}
	return &Signal{answer.Event, answer.Data}, nil
}

// Call enqueues a task into the same queue, once, and returns its result. If that task has not ended yet, Call returns
// ErrSuspended, which the handler has to return. If it ended without completing, Call returns a *CallError. options may
// be nil; ID, IfEnded, PartitionKey, Unique, Durability and Replicas are refused.
func Call[T any](ctx context.Context, taskType string, payload any, options *TaskOptions) (T, error) {
	var result T
	text, err := jsonText(payload)
	if err != nil {
		return result, Fatal(fmt.Errorf("the payload of a called task has no JSON form: %w", err))
	}
	t, stored, named, err := begin(ctx, "call", taskType)
	if err != nil {
		return result, err
	}
	if stored != nil && stored.Outcome == "done" {
		defer t.steps.leave()
		text, err := t.resultOf(ctx, stored)
		if err != nil {
			return result, err
		}
		return result, decode(text, &result)
	}
	place, err := t.placeOf(stored, named)
	var answer struct {
		Outcome, TaskID, State, Message string
		Result                          json.RawMessage
		suspension
	}
	if err == nil {
		err = t.post(ctx, "steps/call", map[string]any{"place": place, "name": named, "type": taskType, "payloadText": string(text),
			"options": options.fields()}, &answer)
	}
	if err == nil && answer.Outcome == "open" {
		return result, t.suspend(ctx, answer.suspension)
	}
	t.steps.leave()
	if err != nil {
		return result, err
	}
	if answer.Outcome == "failed" {
		return result, &CallError{answer.TaskID, answer.State, answer.Message}
	}
	return result, decode(answer.Result, &result)
}

// begin returns the stored step with this name from an earlier attempt, or nil if there is none. The caller has to
// call leave or suspend.
func begin(ctx context.Context, kind, name string) (t *Task, stored *storedStep, named string, err error) {
	if t, err = taskOf(ctx); err != nil {
		return nil, nil, "", err
	}
	if kind != "step" && ctx.Value(insideStep{}) != nil {
		return nil, nil, "", Fatal(errors.New("a sleep, a wait or a call cannot be inside a step: put it between steps"))
	}
	if kind != "step" && t.route.batch != nil {
		return nil, nil, "", Fatal(errors.New("a batch cannot sleep, wait or call, because its tasks run together"))
	}
	if name == "" || len([]rune(name)) > 128 || badStepName.MatchString(name) {
		return nil, nil, "", Fatal(fmt.Errorf(
			"the name of a step has 1 to 128 characters and does not end with # and a number, got %q", name))
	}
	s := &t.steps
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspended != nil {
		return nil, nil, "", ErrSuspended
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, "", context.Cause(ctx)
	}
	if s.known == nil {
		// The lock is held during the request, because steps that run at the same time need its answer too.
		if err := t.readSteps(ctx); err != nil {
			return nil, nil, "", err
		}
	}
	s.busy++
	s.moves++
	s.seen[kind+name]++
	if n := s.seen[kind+name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	return t, s.known[kind+name], name, nil
}

func (t *Task) readSteps(ctx context.Context) error {
	var answer struct {
		Now   int64
		Count int
		Steps []*storedStep
	}
	if err := t.post(ctx, "steps/read", map[string]any{}, &answer); err != nil {
		return err
	}
	s := &t.steps
	s.known, s.seen = map[string]*storedStep{}, map[string]int{}
	s.count, s.ahead, s.asleep = answer.Count, time.Until(time.UnixMilli(answer.Now)), make(chan struct{})
	for _, step := range answer.Steps {
		s.known[step.Kind+step.Name] = step
	}
	return nil
}

func (t *Task) resultOf(ctx context.Context, step *storedStep) (json.RawMessage, error) {
	if !step.Large {
		return step.Result, nil
	}
	var answer struct{ Result json.RawMessage }
	err := t.post(ctx, "steps/result", map[string]any{"place": step.Place}, &answer)
	return answer.Result, err
}

func (t *Task) placeOf(stored *storedStep, name string) (int, error) {
	if stored != nil {
		return stored.Place, nil
	}
	return t.newPlace(name)
}

// newPlace returns the place of a new step. If the task already has the most steps, newPlace returns an error, so
// that the function of the step does not run.
func (t *Task) newPlace(name string) (int, error) {
	t.steps.mu.Lock()
	defer t.steps.mu.Unlock()
	if t.steps.count >= mostSteps {
		return 0, Fatal(fmt.Errorf("step %q would be step %d of the task, which may have %d", name, mostSteps+1, mostSteps))
	}
	t.steps.count++
	return t.steps.count, nil
}

func (s *steps) leave() {
	s.mu.Lock()
	s.busy--
	s.moves++
	s.mu.Unlock()
}

// suspend waits until no step is running, and then suspends the task. Sleeps and waits in other goroutines end as
// well.
func (t *Task) suspend(ctx context.Context, own suspension) error {
	s := &t.steps
	s.mu.Lock()
	s.waiting = append(s.waiting, own)
	s.busy--
	moves := s.moves
	s.mu.Unlock()
	for {
		select {
		case <-s.asleep:
			return ErrSuspended
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(suspendPause):
		}
		s.mu.Lock()
		if s.suspended == nil && s.busy == 0 && s.moves == moves {
			s.suspended = &suspension{Until: s.waiting[0].Until, Events: []string{}}
			for _, one := range s.waiting {
				s.suspended.Until = min(s.suspended.Until, one.Until)
				for _, event := range one.Events {
					if !slices.Contains(s.suspended.Events, event) {
						s.suspended.Events = append(s.suspended.Events, event)
					}
				}
			}
			close(s.asleep)
		}
		moves = s.moves
		s.mu.Unlock()
	}
}

func decode(text json.RawMessage, out any) error {
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return Fatal(fmt.Errorf("cannot decode a stored step result, call result or signal into the requested Go type: %w", err))
	}
	return nil
}
