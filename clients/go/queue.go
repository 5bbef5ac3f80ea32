package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Queue enqueues tasks and follows them. It is safe for several goroutines at once.
type Queue struct {
	// Name is the name of the queue.
	Name string
	api  *api
}

// NewQueue returns a client of the queue with this name. It sends nothing: the queue begins to exist with its first
// task.
func NewQueue(name string, options Connection) *Queue {
	return &Queue{Name: name, api: newAPI(options, "HOLDFAST_URL", "http://127.0.0.1:3000")}
}

// Ptr returns a pointer to a value, for options where 0 means something other than "not given".
func Ptr[T any](value T) *T { return &value }

// Backoff is the wait before retry number n: Base * 2^(n-1), at most Max.
type Backoff struct {
	// Fixed makes each wait Base.
	Fixed bool
	// Base is at most 24 hours. The default is 1 second.
	Base time.Duration
	// Max is the longest wait. The default is 1 hour.
	Max time.Duration
	// NoJitter makes the wait exact. By default it is a random part of the computed wait.
	NoJitter bool
}

// Unique accepts a task only if no other task of the queue holds its unique key.
type Unique struct {
	// Key is 1 to 128 bytes long.
	Key string
	// Scope says how long the task holds the key: "waiting", "unfinished" (the default) or "window".
	Scope string
	// Window is the length of the window, with the scope "window": 1 ms to 365 days.
	Window time.Duration
	// OnConflict says what happens if another task holds the key: "existing" (the default), "reject", "replace",
	// "debounce" or "keepLatest".
	OnConflict string
	// MaxWait is the longest time from the first enqueue to the run of the task, with "debounce": 1 ms to 365 days.
	MaxWait time.Duration
}

// Keep says how long a task is kept after its end. It overrides the settings of the queue.
type Keep struct {
	// Completed is 0 to 365 days; nil means the setting of the queue.
	Completed *time.Duration
	// Dead is 1 ms to 365 days; 0 means the setting of the queue.
	Dead time.Duration
	// Count is how many completed tasks of the type are kept, 1 to 10,000; 0 means the setting of the queue.
	Count int
}

// TaskOptions are the options of an enqueue. The zero value has none.
type TaskOptions struct {
	// ID makes the enqueue repeatable: 1 to 128 of A-Z a-z 0-9 _ . : -. Without it, the service makes an id.
	ID string
	// IfEnded says what happens if the task with the ID ended without completing: "again" (the default) or "duplicate".
	IfEnded string
	// Key is the key of the task, such as a tenant or a customer: 1 to 128 bytes. The keys of a queue take turns.
	Key string
	// PartitionKey chooses the partition in a partitioned queue: 1 to 256 characters. It cannot be combined with ID.
	PartitionKey string
	// Cost is how much of a rate limit the task uses, 1 to 1,000,000. The default is 1.
	Cost int
	// Unique is the unique key of the task, or nil.
	Unique *Unique
	// Version is the version of the handler that the task needs, from 1. 0 means any version.
	Version int
	// Priority is "high", "normal" (the default) or "low".
	Priority string
	// Delay is how long the task waits before it may start, at most 365 days. It cannot be combined with RunAt.
	Delay time.Duration
	// RunAt is when the task may start. It cannot be combined with Delay.
	RunAt time.Time
	// MaxRetries is how often the task is tried again, 0 to 100. nil means the setting of the worker.
	MaxRetries *int
	// Backoff is the wait between attempts. nil means the setting of the worker.
	Backoff *Backoff
	// Timeout ends an attempt that takes longer, 1 ms to 24 hours. The default is 30 minutes.
	Timeout time.Duration
	// ExpiresAt is when the task expires if it has not started.
	ExpiresAt time.Time
	// Tags are at most 16 texts of at most 64 characters.
	Tags []string
	// DropPayload drops the payload when the task completes. A dead letter keeps it.
	DropPayload bool
	// Keep says how long the task is kept after its end. nil means the settings of the queue.
	Keep *Keep
	// Durability says how safely the task is stored before the enqueue returns: "memory", "fsynced" or "replicated".
	// The default is the setting of the queue.
	Durability string
	// Replicas is how many replicas have to confirm, with the durability "replicated": 1 to 16. The default is 1.
	Replicas int
}

// put adds a field to a JSON object unless the value is zero, which stands for "not given".
func put[T comparable](object map[string]any, name string, value T) {
	var zero T
	if value != zero {
		object[name] = value
	}
}

// fields returns the options as JSON fields of a request.
func (o *TaskOptions) fields() map[string]any {
	f := map[string]any{}
	if o == nil {
		return f
	}
	put(f, "id", o.ID)
	put(f, "ifEnded", o.IfEnded)
	put(f, "key", o.Key)
	put(f, "partitionKey", o.PartitionKey)
	put(f, "cost", o.Cost)
	put(f, "version", o.Version)
	put(f, "priority", o.Priority)
	put(f, "delayMs", millis(o.Delay))
	put(f, "runAt", epochMillis(o.RunAt))
	put(f, "maxRetries", o.MaxRetries)
	put(f, "timeoutMs", millis(o.Timeout))
	put(f, "expiresAt", epochMillis(o.ExpiresAt))
	put(f, "durability", o.Durability)
	put(f, "replicas", o.Replicas)
	if len(o.Tags) > 0 {
		f["tags"] = o.Tags
	}
	if o.DropPayload {
		f["keepPayload"] = false
	}
	if u := o.Unique; u != nil {
		unique := map[string]any{"key": u.Key}
		put(unique, "scope", u.Scope)
		put(unique, "windowMs", millis(u.Window))
		put(unique, "onConflict", u.OnConflict)
		put(unique, "maxWaitMs", millis(u.MaxWait))
		f["unique"] = unique
	}
	if b := o.Backoff; b != nil {
		backoff := map[string]any{}
		if b.Fixed {
			backoff["kind"] = "fixed"
		}
		if b.NoJitter {
			backoff["jitter"] = "none"
		}
		put(backoff, "baseMs", millis(b.Base))
		put(backoff, "maxMs", millis(b.Max))
		f["backoff"] = backoff
	}
	if k := o.Keep; k != nil {
		keep := map[string]any{}
		if k.Completed != nil {
			keep["completedMs"] = millis(*k.Completed)
		}
		put(keep, "deadMs", millis(k.Dead))
		put(keep, "count", k.Count)
		f["keep"] = keep
	}
	return f
}

// text returns the task as the JSON of a request. The payload is inserted unchanged, because json.Marshal would
// change its bytes.
func (t NewTask) text() ([]byte, error) {
	payload, err := jsonText(t.Payload)
	if err != nil {
		return nil, fmt.Errorf("holdfast: the payload of a task %q has no JSON form: %w", t.Type, err)
	}
	fields := t.Options.fields()
	fields["type"] = t.Type
	head := mustJSON(fields)
	return append(append(append(head[:len(head)-1], `,"payload":`...), payload...), '}'), nil
}

// Receipt is the result of an enqueue.
type Receipt struct {
	// ID is the id of the task. With Deduplicated it is the task that holds the unique key.
	ID string
	// State is the state of the task.
	State string
	// Duplicate: an earlier request has stored the task.
	Duplicate bool
	// Deduplicated: another task holds the unique key, and nothing was stored.
	Deduplicated bool
	// Replaced: the task that holds the unique key got the payload and the options of this request.
	Replaced bool
	// WillRun is false if an earlier request has stored the task and it has ended.
	WillRun bool
}

type wireReceipt struct {
	ID, State              string
	Deduplicated, Replaced bool
	WillRun                *bool
}

func (w wireReceipt) receipt() Receipt {
	return Receipt{w.ID, w.State, w.WillRun != nil, w.Deduplicated, w.Replaced, w.WillRun == nil || *w.WillRun}
}

// Enqueue stores a task. Its payload is any value with a JSON form, or a json.RawMessage, which is kept byte for byte.
//
// With an ID the request is sent again if its answer is lost, for up to four seconds. Without an ID, the task may be
// stored although Enqueue returns an error. It returns an *APIError if the service refuses the task, with the code
// "queue_full" for example.
func (q *Queue) Enqueue(ctx context.Context, taskType string, payload any, options *TaskOptions) (*Receipt, error) {
	body, err := NewTask{Type: taskType, Payload: payload, Options: options}.text()
	if err != nil {
		return nil, err
	}
	send := q.api.do
	if options != nil && options.ID != "" {
		send = q.again
	}
	var answer wireReceipt
	if err := send(ctx, http.MethodPost, q.path("tasks"), body, &answer); err != nil {
		return nil, err
	}
	return Ptr(answer.receipt()), nil
}

// NewTask is a task of EnqueueMany.
type NewTask struct {
	// Type chooses the handler.
	Type string
	// Payload is any value with a JSON form, or a json.RawMessage, which is kept byte for byte.
	Payload any
	// Options may be nil.
	Options *TaskOptions
}

// Enqueued is the result for one task of EnqueueMany: a receipt or an error.
type Enqueued struct {
	Receipt
	// Err is nil if the task was stored, now or before. Otherwise it is an *APIError.
	Err error
}

const (
	batchTasks = 1000
	batchBytes = 8 << 20
)

// EnqueueMany stores many tasks, at most 1,000 in one request. It returns one result per task, in the same order. One
// refused task does not stop the others. If a whole request fails, EnqueueMany returns its error, and the results of
// the tasks before it.
func (q *Queue) EnqueueMany(ctx context.Context, tasks []NewTask) ([]Enqueued, error) {
	done := make([]Enqueued, 0, len(tasks))
	for len(done) < len(tasks) {
		body := []byte{'['}
		count := 0
		for _, task := range tasks[len(done):] {
			text, err := task.text()
			if err != nil {
				return done, err
			}
			if count == batchTasks || (count > 0 && len(body)+len(text) > batchBytes) {
				break
			}
			if count > 0 {
				body = append(body, ',')
			}
			body = append(body, text...)
			count++
		}
		var answer struct {
			Results []struct {
				Status       int
				Code, Detail string
				HeldBy       string
				wireReceipt
			}
		}
		if err := q.api.do(ctx, http.MethodPost, q.path("tasks/batch"), append(body, ']'), &answer); err != nil {
			return done, err
		}
		if len(answer.Results) != count {
			return done, fmt.Errorf("holdfast: got %d results for %d tasks", len(answer.Results), count)
		}
		for _, result := range answer.Results {
			one := Enqueued{Receipt: result.receipt()}
			if result.Status >= 300 {
				one.Err = &APIError{Status: result.Status, Code: result.Code, Detail: result.Detail,
					TaskID: result.ID, HeldBy: result.HeldBy}
			}
			done = append(done, one)
		}
	}
	return done, nil
}

// Get returns a task. If there is none, it returns an *APIError with the code "task_not_found".
func (q *Queue) Get(ctx context.Context, id string) (*TaskView, error) {
	view := &TaskView{}
	if err := q.again(ctx, http.MethodGet, q.path("tasks", id), nil, view); err != nil {
		return nil, err
	}
	return view, nil
}

// Wait waits for the end of a task and returns it. It returns the error of ctx if ctx ends first, and an *APIError with
// the code "task_not_kept" if the task has ended and its record is gone.
func (q *Queue) Wait(ctx context.Context, id string) (*TaskView, error) {
	for {
		view := &TaskView{}
		if err := q.again(ctx, http.MethodGet, q.path("tasks", id)+"?waitMs=25000", nil, view); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, err
		}
		if view.Ended() {
			return view, nil
		}
	}
}

// Cancel cancels a task. It returns "cancelled" if the task waited, and "requested" if it runs: then its handler is told
// to stop. If the task has ended, it returns an *APIError with the code "too_late".
func (q *Queue) Cancel(ctx context.Context, id string) (string, error) {
	return q.outcome(ctx, http.MethodDelete, q.path("tasks", id), nil)
}

// Change has the new values of a task that waits. A field that is nil or zero changes nothing.
type Change struct {
	// RunAt is when the task may start. It cannot be combined with Delay.
	RunAt time.Time
	// Delay is the time until the task may start, 0 to 365 days. 0: now. It cannot be combined with RunAt.
	Delay *time.Duration
	// Priority is "high", "normal" or "low".
	Priority string
	// Key is the new key; "" removes the key of the task.
	Key *string
	// Payload is the new payload, any value with a JSON form. nil leaves the payload as it is.
	Payload any
}

// Change changes a task that waits. It returns "changed", or "unchanged" if the task had these values already. If the
// task runs or has ended, it returns an *APIError with the code "not_waiting".
func (q *Queue) Change(ctx context.Context, id string, change Change) (string, error) {
	body := map[string]any{}
	if !change.RunAt.IsZero() {
		body["runAt"] = change.RunAt.UnixMilli()
	}
	if change.Delay != nil {
		body["delayMs"] = millis(*change.Delay)
	}
	if change.Priority != "" {
		body["priority"] = change.Priority
	}
	if change.Key != nil {
		body["key"] = change.Key
		if *change.Key == "" {
			body["key"] = nil
		}
	}
	if change.Payload != nil {
		payload, err := jsonText(change.Payload)
		if err != nil {
			return "", fmt.Errorf("holdfast: the payload has no JSON form: %w", err)
		}
		body["payloadText"] = string(payload)
	}
	return q.outcome(ctx, http.MethodPatch, q.path("tasks", id), body)
}

// Signal sends a signal to a task, whose handler gets it from WaitFor. data is any value with a JSON form. Signal
// returns "delivered" if the task waited for the signal. Otherwise it returns "kept", and a later WaitFor finds the
// signal. If the task has ended, Signal returns an *APIError with the code "too_late".
func (q *Queue) Signal(ctx context.Context, id, event string, data any) (string, error) {
	text, err := jsonText(data)
	if err != nil {
		return "", fmt.Errorf("holdfast: the data of the signal has no JSON form: %w", err)
	}
	return q.outcome(ctx, http.MethodPost, q.path("tasks", id, "signal"), map[string]any{"event": event, "data": text})
}

func (q *Queue) outcome(ctx context.Context, method, path string, value any) (string, error) {
	var body []byte
	if value != nil {
		var err error
		if body, err = json.Marshal(value); err != nil {
			return "", fmt.Errorf("holdfast: %w", err)
		}
	}
	var answer struct{ Outcome string }
	err := q.api.do(ctx, method, path, body, &answer)
	return answer.Outcome, err
}

// again sends a request that may be repeated without harm. If the service is away, again tries up to five times in
// four seconds. It does not repeat a refused request, for example one with the code "queue_full": the caller decides
// about that.
func (q *Queue) again(ctx context.Context, method, path string, body []byte, out any) error {
	pause := shortestPause
	for try := 1; ; try++ {
		err := q.api.do(ctx, method, path, body, out)
		var told *APIError
		isAnswer := errors.As(err, &told) && told.Status < 500
		if err == nil || isAnswer || try == 5 || !sleep(ctx, pause) {
			return err
		}
		pause *= 4
	}
}

func (q *Queue) path(parts ...string) string {
	path := "/v1/queues/" + url.PathEscape(q.Name)
	for i, part := range parts {
		if i > 0 {
			part = url.PathEscape(part)
		}
		path += "/" + part
	}
	return path
}
