// Package holdfasttest runs the handlers of a worker in memory, without services, for tests.
package holdfasttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/holdfast/holdfast-go"
)

// Task is a task of a test.
type Task struct {
	// ID is the id of the task. The default is "test-1", "test-2" and so on.
	ID string
	// Type chooses the handler.
	Type string
	// Payload is any value with a JSON form.
	Payload any
	// Attempt is the number of the first attempt. The default is 1.
	Attempt int
	// MaxRetries is how often the task is tried again. nil: 3.
	MaxRetries *int
	// OneAttempt ends the run after one attempt, even if the task would be tried again.
	OneAttempt bool
	// Key and Tags are those of the task.
	Key  string
	Tags []string
	// Checkpoint is the value that an earlier attempt has stored as a checkpoint, or nil.
	Checkpoint any
	// Signals are the signals that the task gets, in their order. A wait for any other signal times out at once.
	Signals []holdfast.Signal
	// Calls has the answers to Call, by the type of the called task.
	Calls map[string]func(payload json.RawMessage) (any, error)
	// Children are the nodes of a flow that have to end before this task.
	Children []holdfast.Child
}

// Result is the outcome of a task.
type Result struct {
	// State is "completed", "dead" or "cancelled"; or "pending" if another attempt would follow (OneAttempt).
	State string
	// Attempts is the number of the last attempt.
	Attempts int
	// Result is what the handler returned; empty without a result.
	Result json.RawMessage
	// Error is the name and the message of the last error; "" without one. Stack is the stack of a panic.
	Error, Stack string
	// Progress has each progress that the handler reported, and Log each line that it logged.
	Progress []json.RawMessage
	Log      []string
	// Checkpoint is the last checkpoint; empty without one.
	Checkpoint json.RawMessage
	// Steps are the names of the durable steps that are done, in their order.
	Steps []string
}

// Run runs one task with the handlers that register adds to a worker, attempt after attempt until the task has ended.
// Nothing waits: retries follow at once, and sleeps end at once. It returns an error if ctx ends first, or if no handler
// fits.
func Run(ctx context.Context, register func(*holdfast.Worker), task Task) (*Result, error) {
	results, err := RunAll(ctx, register, task)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// RunAll runs several tasks at the same time, like Run. A batch handler gets its tasks in one call.
func RunAll(ctx context.Context, register func(*holdfast.Worker), tasks ...Task) ([]*Result, error) {
	s := &server{answers: map[int]*saved{}, changed: make(chan struct{})}
	results := make([]*Result, len(tasks))
	for i, given := range tasks {
		t := &task{Task: given, attempt: max(1, given.Attempt), result: &Result{State: "pending"}}
		if t.ID == "" {
			t.ID = fmt.Sprintf("test-%d", i+1)
		}
		var err error
		if t.Payload, err = rawJSON(given.Payload); err != nil {
			return nil, fmt.Errorf("holdfasttest: the payload of %s has no JSON form: %w", t.ID, err)
		}
		if given.Checkpoint != nil {
			if t.result.Checkpoint, err = rawJSON(given.Checkpoint); err != nil {
				return nil, fmt.Errorf("holdfasttest: the checkpoint of %s has no JSON form: %w", t.ID, err)
			}
		}
		s.tasks = append(s.tasks, t)
		results[i] = t.result
	}
	worker := holdfast.NewWorker("test", holdfast.WorkerOptions{Grace: -1, Connection: holdfast.Connection{
		URL: "http://holdfasttest", HTTPClient: &http.Client{Transport: s}}})
	register(worker)
	own, stop := context.WithCancel(ctx)
	defer stop()
	var refused error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		refused = worker.Run(own)
	}()
	fault := s.untilOver(own, ended)
	stop()
	<-ended
	if fault == nil {
		fault = refused
	}
	return results, fault
}

func rawJSON(value any) (json.RawMessage, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return raw, nil
	}
	return json.Marshal(value)
}

// untilOver waits until no task is running any more.
func (s *server) untilOver(ctx context.Context, ended <-chan struct{}) error {
	for {
		s.mu.Lock()
		changed, open := s.changed, false
		for _, t := range s.tasks {
			if t.fault != nil {
				s.mu.Unlock()
				return t.fault
			}
			open = open || !t.isOver()
		}
		s.mu.Unlock()
		if !open {
			return nil
		}
		select {
		case <-changed:
		case <-ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
