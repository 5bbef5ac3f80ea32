package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Task is one attempt of a task, as its handler gets it.
type Task struct {
	// ID stays the same over all attempts. Use it as the idempotency key of the services that you call.
	ID string
	// Queue and Type are the queue and the type of the task.
	Queue, Type string
	// Payload is the exact payload of the enqueue. Bind decodes it.
	Payload json.RawMessage
	// Attempt is the number of this attempt, from 1.
	Attempt int
	// Token names the lease. The number before its first "-" grows with each grant of the task, so the
	// database of a handler can refuse the writes of an older attempt.
	Token string
	// EnqueuedAt is when the task was enqueued.
	EnqueuedAt time.Time
	// ExpiresAt is when the task would have expired. It is zero if it never does.
	ExpiresAt time.Time
	// Timeout is how long this attempt may take.
	Timeout time.Duration
	// Key is the key of the task; "" if it has none.
	Key string
	// Tags are the tags of the task.
	Tags []string
	// Traceparent is the W3C trace context of the enqueue; "" without one.
	Traceparent string
	// Schedule is the schedule run for which the task was enqueued. It is nil for other tasks.
	Schedule *Schedule
	// Flow is the place of the task in a flow. It is nil for other tasks.
	Flow *Flow

	worker *run
	route  *route
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	steps  steps

	// The mutex worker.mu guards these fields.
	begun      bool
	ended      bool
	alone      bool
	cancelled  bool
	leaseUntil time.Time
}

// Schedule is the schedule run for which a task was enqueued.
type Schedule struct {
	// ID is the id of the schedule.
	ID string
	// Run is the number of the run, from 1. It is 0 if an operator started the run.
	Run int
	// DueAt is the time for which the run was planned.
	DueAt time.Time
}

// Flow is the place of a task in a flow.
type Flow struct {
	// ID is the id of the flow. Name is the name of the node, or the kind of a callback, such as "done".
	ID, Name string
}

type wireGrant struct {
	ID, Token, Type                string
	Payload                        json.RawMessage
	Attempt                        int
	EnqueuedAt, LeaseMs, TimeoutMs int64
	Tags                           []string
	Key, Traceparent               *string
	ExpiresAt                      *int64
	Schedule                       *struct {
		ID    string
		Run   *int
		DueAt int64
	}
	Flow *Flow
}

func (r *run) newTask(g *wireGrant) *Task {
	t := &Task{ID: g.ID, Queue: r.w.queue, Type: g.Type, Payload: g.Payload, Attempt: g.Attempt, Token: g.Token,
		EnqueuedAt: time.UnixMilli(g.EnqueuedAt), ExpiresAt: epochTime(g.ExpiresAt), Tags: g.Tags, Key: orEmpty(g.Key),
		Timeout: time.Duration(g.TimeoutMs) * time.Millisecond, Traceparent: orEmpty(g.Traceparent), Flow: g.Flow,
		worker: r, leaseUntil: time.Now().Add(time.Duration(g.LeaseMs) * time.Millisecond)}
	if s := g.Schedule; s != nil {
		t.Schedule = &Schedule{ID: s.ID, DueAt: time.UnixMilli(s.DueAt)}
		if s.Run != nil {
			t.Schedule.Run = *s.Run
		}
	}
	parent, cancel := context.WithCancelCause(r.handlers)
	t.ctx, t.cancel = context.WithValue(parent, taskKey{}, t), cancel
	return t
}

type taskKey struct{}

func taskOf(ctx context.Context) (*Task, error) {
	t, ok := ctx.Value(taskKey{}).(*Task)
	if !ok {
		return nil, errors.New("holdfast: this context was not passed to a handler: pass the context that the handler gets")
	}
	return t, nil
}

// Context is the context of the task: the one that its handler got. The handler of a batch uses it for calls about one
// of its tasks.
func (t *Task) Context() context.Context { return t.ctx }

// Bind decodes the payload into a pointer. If the payload does not fit, no retry can help. So a task whose handler
// returns this error becomes a dead letter.
func (t *Task) Bind(payload any) error {
	if err := json.Unmarshal(t.Payload, payload); err != nil {
		return Fatal(fmt.Errorf("the payload does not match the Go type: %w", err))
	}
	return nil
}

// Progress stores the progress of the task: any value with at most 8 KiB of JSON. It returns an *APIError with the
// code "conflict" if the lease is lost.
func (t *Task) Progress(ctx context.Context, progress any) error {
	return t.store(ctx, "progress", "progress", progress)
}

// Log adds a line to the log of the task, of which the last 50 lines are kept. It returns an *APIError with the code
// "conflict" if the lease is lost.
func (t *Task) Log(ctx context.Context, line string) error {
	return t.post(ctx, "log", map[string]any{"line": line}, nil)
}

// LogAt is like Log, with the level of the line: "debug", "info", "warn" or "error".
func (t *Task) LogAt(ctx context.Context, level, line string) error {
	return t.post(ctx, "log", map[string]any{"line": line, "level": level}, nil)
}

// Checkpoint stores a value for the next attempt: at most 64 KiB of JSON. It returns an *APIError with the code
// "conflict" if the lease is lost.
func (t *Task) Checkpoint(ctx context.Context, value any) error {
	return t.store(ctx, "progress", "checkpoint", value)
}

// ReadCheckpoint decodes the last checkpoint of the task into a pointer. It reports false if there is none.
func (t *Task) ReadCheckpoint(ctx context.Context, value any) (bool, error) {
	var answer struct{ Checkpoint json.RawMessage }
	if err := t.post(ctx, "checkpoint", map[string]any{}, &answer); err != nil {
		return false, err
	}
	if len(answer.Checkpoint) == 0 || string(answer.Checkpoint) == "null" {
		return false, nil
	}
	return true, json.Unmarshal(answer.Checkpoint, value)
}

// Child is a node of a flow that has to end before a task.
type Child struct {
	// Name is the name of the node, and ID the id of its task.
	Name, ID string
	// State is how the task ended, such as "completed" or "dead".
	State string
	// Result is the result of its handler; empty if there is none.
	Result json.RawMessage
	// SkippedBy is the task because of which this node was skipped; "" if it was not skipped.
	SkippedBy string
}

// Children reads the nodes of a flow that had to end before this task, page by page. If a page cannot be read, the
// last value is an error.
func (t *Task) Children(ctx context.Context) iter.Seq2[Child, error] {
	return func(yield func(Child, error) bool) {
		body := map[string]any{"limit": 100}
		for {
			var page struct {
				Children []struct {
					Name, ID, State string
					Result          json.RawMessage
					SkippedBy       *string
				}
				Next *int
			}
			if err := t.post(ctx, "children", body, &page); err != nil {
				yield(Child{}, err)
				return
			}
			for _, c := range page.Children {
				if string(c.Result) == "null" {
					c.Result = nil
				}
				if !yield(Child{c.Name, c.ID, c.State, c.Result, orEmpty(c.SkippedBy)}, nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			body["after"] = *page.Next
		}
	}
}

// Complete completes one task of a batch at once, with this result. What the handler does later does not change that.
func (t *Task) Complete(result any) { t.worker.succeed(t, result) }

// Fail fails one task of a batch at once. What the handler does later does not change that. The error means the same
// as one that a handler returns.
func (t *Task) Fail(err error) { t.worker.fail(t, err) }

func (t *Task) store(ctx context.Context, path, field string, value any) error {
	text, err := jsonText(value)
	if err != nil {
		return fmt.Errorf("holdfast: the %s has no JSON form: %w", field, err)
	}
	return t.post(ctx, path, map[string]any{field: text}, nil)
}

// post sends a request about this task. While the service is away and the task has its lease, post repeats the
// request.
func (t *Task) post(ctx context.Context, path string, body map[string]any, out any) error {
	body["id"], body["token"] = t.ID, t.Token
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("holdfast: %w", err)
	}
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })()
	_, err = t.worker.w.api.repeat(own, t.worker.w.path(path), text, out, requestTimeout, nil)
	if err != nil && own.Err() != nil {
		return context.Cause(own)
	}
	return err
}
