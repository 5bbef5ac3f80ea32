package holdfast

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Handler runs a task. What it returns is the result of the task: any value with at most 64 KiB of JSON, a
// json.RawMessage, which is kept byte for byte, or nil for no result. An error fails the attempt: the task is tried again
// after its backoff, and is a dead letter after its last attempt. A *Decision in the chain of the error says otherwise
// (see Fatal, RetryAfter, Postpone, RateLimited and Cancel). A panic is an error, with its stack.
//
// The context ends when the handler has to stop: context.Cause tells why (see ErrCancelled).
type Handler func(ctx context.Context, t *Task) (any, error)

// BatchHandler runs several tasks in one call. If it returns nil, all tasks complete, except those that got an
// outcome by Task.Complete or Task.Fail. If it returns an error, the worker splits the tasks without an outcome into
// halves and calls the handler again with each half, and so on. A task fails only if a call with this task alone
// fails. So a task may run several times, and the handler has to be safe to repeat.
type BatchHandler func(ctx context.Context, tasks []*Task) error

// BatchOptions say how tasks are grouped into calls.
type BatchOptions struct {
	// Max is the most tasks of one call, 1 to 500, and at most the Concurrency of the worker. The default is 100.
	Max int
	// Wait is how long the first task of a call waits for others. Its lease already runs in this time. By default a
	// call gets the tasks that came together.
	Wait time.Duration
}

// WorkerOptions are the options of a worker. The zero value is a worker of 500 slots at the service on this machine.
type WorkerOptions struct {
	Connection
	// Concurrency is how many tasks can run at the same time, 1 to 10,000. The default is 500.
	Concurrency int
	// Lease is how long tasks stay with the worker without a heartbeat, 1 second to 1 hour. If the process dies, its
	// tasks are given to another worker after this time. The default is 30 seconds.
	Lease time.Duration
	// MaxRetries is how often a task is tried again if it has no such option, 0 to 100. nil means 3.
	MaxRetries *int
	// Types has other retries and time-outs for single types. Its keys are the same texts as in Handle and
	// HandleBatch.
	Types map[string]TypeOptions
	// Grace is how long running tasks may go on after the stop of the worker. Tasks that have not ended then are handed
	// back. The default is 25 seconds; a negative value means no time.
	Grace time.Duration
	// Version is the version of your program, shown to operators.
	Version string
	// OnError is called with errors that no caller can get: the service is away, a lease was lost, a result was too large.
	// It may be called by several goroutines at once. By default they are logged with log/slog.
	OnError func(error)
	// OnSettled is called when the service has answered the verdict of a task. It may be called by several goroutines at
	// once, and delays the next request, so it should return soon.
	OnSettled func(Settled)
}

// Settled is the result of an attempt.
type Settled struct {
	// TaskID, Token and Attempt identify the attempt.
	TaskID, Token string
	Attempt       int
	// Outcome is "acked", "retried", "dead", "cancelled", "released", or "stale" if the lease was lost: then the verdict
	// changed nothing.
	Outcome string
}

// TypeOptions apply to the tasks of one type that do not have these options themselves.
type TypeOptions struct {
	// MaxRetries is how often a task is tried again, 0 to 100. nil means the setting for all types.
	MaxRetries *int
	// Timeout ends an attempt that takes longer, 1 ms to 24 hours. 0 means the setting for all types.
	Timeout time.Duration
}

// Worker takes the tasks of one queue and runs their handlers.
type Worker struct {
	queue   string
	api     *api
	options WorkerOptions
	routes  []*route
	types   map[string]*route
	once    sync.Once
}

// route is a handler with its type or prefix.
type route struct {
	pattern string
	handler Handler
	batch   *batch
}

// NewWorker returns a worker of a queue. Add handlers, then call Run.
func NewWorker(queue string, options WorkerOptions) *Worker {
	if options.Concurrency == 0 {
		options.Concurrency = 500
	}
	if options.Lease == 0 {
		options.Lease = 30 * time.Second
	}
	if options.MaxRetries == nil {
		options.MaxRetries = Ptr(3)
	}
	if options.Grace == 0 {
		options.Grace = 25 * time.Second
	}
	if options.OnError == nil {
		options.OnError = func(err error) { slog.Warn("holdfast worker", "queue", queue, "error", err) }
	}
	return &Worker{queue: queue, options: options, types: map[string]*route{},
		api: newAPI(options.Connection, "HOLDFAST_WORKER_URL", "http://127.0.0.1:3002")}
}

// Handle adds the handler of a task type, of all types with a prefix ("mail.*"), or of all types ("*"). If several
// handlers match, the most specific one runs the task. Handle panics if this type or prefix has a handler already.
func (w *Worker) Handle(typeOrPrefix string, handler Handler) {
	w.add(&route{pattern: typeOrPrefix, handler: handler})
}

// HandleBatch adds a handler that gets several tasks in one call. Sleep, WaitFor and Call do not work in batches.
func (w *Worker) HandleBatch(typeOrPrefix string, options BatchOptions, handler BatchHandler) {
	if options.Max == 0 {
		options.Max = 100
	}
	w.add(&route{pattern: typeOrPrefix, batch: &batch{options: options, handler: handler}})
}

var patternShape = regexp.MustCompile(`^(\*|[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,127}\*?)$`)

func (w *Worker) add(r *route) {
	if !patternShape.MatchString(r.pattern) {
		panic(fmt.Sprintf("holdfast: %q is neither a task type nor a prefix with a star, such as mail.*", r.pattern))
	}
	if w.types[r.pattern] != nil {
		panic(fmt.Sprintf("holdfast: %q has two handlers", r.pattern))
	}
	w.types[r.pattern] = r
	w.routes = append(w.routes, r)
}

// find returns the most specific route for a type, or nil if there is none.
func (w *Worker) find(taskType string) *route {
	if r := w.types[taskType]; r != nil {
		return r
	}
	var best *route
	for _, r := range w.routes {
		prefix, isPrefix := strings.CutSuffix(r.pattern, "*")
		if isPrefix && strings.HasPrefix(taskType, prefix) && (best == nil || len(r.pattern) > len(best.pattern)) {
			best = r
		}
	}
	return best
}

func (w *Worker) path(call string) string {
	return "/v1/queues/" + url.PathEscape(w.queue) + "/work/" + call
}

// check returns an error if an option or handler of the worker is wrong.
func (w *Worker) check() error {
	o := w.options
	switch {
	case len(w.routes) == 0:
		return errors.New("holdfast: the worker has no handler")
	case o.Concurrency < 1 || o.Concurrency > 10_000:
		return fmt.Errorf("holdfast: Concurrency has to be 1 to 10,000, got %d", o.Concurrency)
	case o.Lease < time.Second || o.Lease > time.Hour:
		return fmt.Errorf("holdfast: Lease has to be 1 second to 1 hour, got %s", o.Lease)
	}
	for pattern := range o.Types {
		if w.types[pattern] == nil {
			return fmt.Errorf("holdfast: Types has %q, which has no handler", pattern)
		}
	}
	for _, r := range w.routes {
		if most := min(500, o.Concurrency); r.batch != nil && (r.batch.options.Max < 1 || r.batch.options.Max > most) {
			return fmt.Errorf("holdfast: Max of the batch %q has to be 1 to 500 and at most Concurrency, got %d", r.pattern,
				r.batch.options.Max)
		}
	}
	return nil
}

// Run takes and runs tasks until ctx ends. Then it takes no more tasks, and gives the running ones the time Grace to
// end. It hands back those that have not ended, and returns nil. The contexts of the handlers have the values of ctx,
// but do not end with it.
//
// Run returns an error if an option is wrong, or if the service refuses the worker, for example because its key may
// not use the queue. If the service is away or connections break, Run repeats its requests until the service is back.
// A worker can run only once.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.check(); err != nil {
		return err
	}
	err := errors.New("holdfast: the worker has run already; make a new one")
	w.once.Do(func() { err = w.newRun(ctx).serve(ctx) })
	return err
}

// settings are the parts of a request that are always the same.
type settings struct {
	worker, types, info, same []byte
}

func (w *Worker) newRun(ctx context.Context) *run {
	host, _ := os.Hostname()
	random := make([]byte, 6)
	_, _ = rand.Read(random) // crypto/rand never fails on the systems that Go supports
	host = regexp.MustCompile(`[^A-Za-z0-9_.-]`).ReplaceAllString(host, "-")
	id := fmt.Sprintf("%s:%d:%s", host[:min(len(host), 36)], os.Getpid(), hex.EncodeToString(random))
	types := make([]string, len(w.routes))
	for i, r := range w.routes {
		types[i] = r.pattern
	}
	terms := map[string]map[string]any{}
	for pattern, o := range w.options.Types {
		terms[pattern] = map[string]any{}
		if o.MaxRetries != nil {
			terms[pattern]["maxRetries"] = *o.MaxRetries
		}
		if o.Timeout > 0 {
			terms[pattern]["timeoutMs"] = millis(o.Timeout)
		}
	}
	r := &run{w: w, id: id, held: map[string]*Task{}}
	r.changed.L = &r.mu
	// After the end of ctx, handlers may go on for as long as Grace allows.
	r.handlers = context.WithoutCancel(ctx)
	r.requests, r.endRequests = context.WithCancel(context.WithoutCancel(ctx))
	r.polls, r.endPolls = context.WithCancel(r.requests)
	info := map[string]any{"host": host, "pid": os.Getpid(), "version": w.options.Version, "slots": w.options.Concurrency,
		"queues": []string{w.queue}, "types": types, "startedAt": time.Now().UnixMilli()}
	r.fixed.worker = mustJSON(id)
	r.fixed.types = mustJSON(types)
	r.fixed.info = mustJSON(info)
	r.fixed.same = fmt.Appendf(nil, `"leaseMs":%d,"maxRetries":%d,"terms":%s,"info":%s`, millis(w.options.Lease),
		*w.options.MaxRetries, mustJSON(terms), r.fixed.info)
	return r
}

// mustJSON encodes values that always have a JSON form.
func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
