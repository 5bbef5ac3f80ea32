// Command conformance runs the cases that all clients of Holdfast have in common (conformance/README.md of the
// repository) with the Go client: go run ./conformance <cases.ndjson>.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast/holdfast-go"
)

const caseTime = 10 * time.Second

type testCase struct {
	Name   string
	Tasks  []newTask
	Flow   json.RawMessage
	Does   json.RawMessage
	Worker struct {
		Concurrency int
		MaxRetries  *int
	}
	Handles   []string
	Batch     int
	Meanwhile []struct {
		When, Do, Event string
		Data            any
		Task            int
	}
	Expect []map[string]json.RawMessage
	Order  []string
}

type newTask struct {
	Type    string
	Payload json.RawMessage
	Options options
}

// options are the options of an enqueue in the HTTP API.
type options struct {
	ID, IfEnded, Key, PartitionKey, Priority string
	Cost, Version                            int
	DelayMs, TimeoutMs, ExpiresInMs          int64
	MaxRetries                               *int
	Tags                                     []string
	KeepPayload                              *bool
	Unique                                   *struct {
		Key, Scope, OnConflict string
		WindowMs, MaxWaitMs    int64
	}
	Backoff *struct {
		Kind, Jitter  string
		BaseMs, MaxMs int64
	}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (o options) of() *holdfast.TaskOptions {
	made := &holdfast.TaskOptions{ID: o.ID, IfEnded: o.IfEnded, Key: o.Key, PartitionKey: o.PartitionKey, Priority: o.Priority,
		Cost: o.Cost, Version: o.Version, Delay: ms(o.DelayMs), Timeout: ms(o.TimeoutMs), MaxRetries: o.MaxRetries, Tags: o.Tags,
		DropPayload: o.KeepPayload != nil && !*o.KeepPayload}
	if o.ExpiresInMs > 0 {
		made.ExpiresAt = time.Now().Add(ms(o.ExpiresInMs))
	}
	if u := o.Unique; u != nil {
		made.Unique = &holdfast.Unique{Key: u.Key, Scope: u.Scope, OnConflict: u.OnConflict, Window: ms(u.WindowMs), MaxWait: ms(u.MaxWaitMs)}
	}
	if b := o.Backoff; b != nil {
		made.Backoff = &holdfast.Backoff{Fixed: b.Kind == "fixed", NoJitter: b.Jitter == "none", Base: ms(b.BaseMs), Max: ms(b.MaxMs)}
	}
	return made
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./conformance <cases.ndjson>")
		os.Exit(2)
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	failed := false
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		told := map[string]any{"client": "go", "ok": true}
		var c testCase
		err := strict(lines.Bytes(), &c)
		told["case"] = c.Name
		if err == nil {
			err = c.run()
		}
		if err != nil {
			failed = true
			told["ok"], told["why"] = false, err.Error()
		}
		line, _ := json.Marshal(told)
		fmt.Println(string(line))
	}
	if failed || lines.Err() != nil {
		os.Exit(1)
	}
}

// strict decodes JSON and refuses unknown fields. Otherwise a case could pass although the runner ignores a part of
// it.
func strict(text []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(out)
}

// runner runs one test case.
type runner struct {
	c      *testCase
	queue  *holdfast.Queue
	does   map[string][]action // by type; "" is for all types
	ids    []string
	mu     sync.Mutex
	runs   map[string]int
	counts map[string]int
	order  []string
	begun  map[string]chan struct{} // closed when the handler of a task begins
}

func (c *testCase) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), caseTime)
	defer cancel()
	there := holdfast.Connection{URL: os.Getenv("HOLDFAST_URL")}
	name := os.Getenv("QUEUE_PREFIX_CASES") + "-" + c.Name
	r := &runner{c: c, queue: holdfast.NewQueue(name, there), does: map[string][]action{}, runs: map[string]int{},
		counts: map[string]int{}, begun: map[string]chan struct{}{}}
	if bytes.HasPrefix(bytes.TrimSpace(c.Does), []byte("[")) {
		r.does[""] = nil
		var all []action
		if err := strict(c.Does, &all); err != nil {
			return err
		}
		r.does[""] = all
	} else if err := strict(c.Does, &r.does); err != nil {
		return err
	}
	types, err := r.enqueue(ctx)
	if err != nil {
		return err
	}
	for _, id := range r.ids {
		if r.begun[id] == nil {
			r.begun[id] = make(chan struct{})
		}
	}
	if err := r.meanwhile(ctx, "enqueued"); err != nil {
		return err
	}
	there.URL = os.Getenv("HOLDFAST_WORKER_URL")
	// The lease is short, because a worker learns from its heartbeats, three per lease, that a task was cancelled.
	o := holdfast.WorkerOptions{Connection: there, Concurrency: max(10, c.Worker.Concurrency), Lease: time.Second,
		MaxRetries: c.Worker.MaxRetries, Grace: -1, OnError: func(error) {}}
	if c.Worker.Concurrency > 0 {
		o.Concurrency = c.Worker.Concurrency
	}
	worker := holdfast.NewWorker(name, o)
	if c.Handles != nil {
		types = c.Handles
	}
	for _, taskType := range types {
		if c.Batch > 0 {
			worker.HandleBatch(taskType, holdfast.BatchOptions{Max: c.Batch}, r.handleBatch)
		} else {
			worker.Handle(taskType, r.handle)
		}
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(running) }()
	err = errors.Join(r.meanwhile(ctx, "running"), r.meanwhile(ctx, "waiting"))
	if err == nil {
		err = r.compare(ctx)
	}
	stop()
	return errors.Join(err, <-ended)
}

// enqueue stores the tasks or the flow of the case. It returns all task types.
func (r *runner) enqueue(ctx context.Context) ([]string, error) {
	var types []string
	add := func(taskType string) {
		if taskType != "" && !slices.Contains(types, taskType) {
			types = append(types, taskType)
		}
	}
	for _, task := range r.c.Tasks {
		o := task.Options.of()
		receipt, err := r.queue.Enqueue(ctx, task.Type, task.Payload, o)
		if err != nil {
			return nil, err
		}
		r.ids = append(r.ids, receipt.ID)
		if o.Version > 0 {
			add(fmt.Sprintf("%s@%d", task.Type, o.Version))
		} else {
			add(task.Type)
		}
	}
	if r.c.Flow != nil {
		var flow struct {
			ID    string
			Nodes []struct{ Name, Type string }
			On    map[string]struct{ Type string }
		}
		if err := json.Unmarshal(r.c.Flow, &flow); err != nil {
			return nil, err
		}
		id, err := r.postFlow(ctx)
		if err != nil {
			return nil, err
		}
		for _, node := range flow.Nodes {
			r.ids = append(r.ids, id+"."+node.Name)
			add(node.Type)
		}
		for _, callback := range flow.On {
			add(callback.Type)
		}
	}
	for taskType := range r.does {
		add(taskType)
	}
	return types, nil
}

func (r *runner) postFlow(ctx context.Context) (string, error) {
	url := os.Getenv("HOLDFAST_URL") + "/v1/queues/" + r.queue.Name + "/flows"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(r.c.Flow))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("HOLDFAST_API_KEY"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var told struct{ ID, Detail string }
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil || told.ID == "" {
		return "", fmt.Errorf("the flow was answered with %d %s: %w", response.StatusCode, told.Detail, err)
	}
	return told.ID, nil
}

// meanwhile does what the case wants an outside caller to do at this moment.
func (r *runner) meanwhile(ctx context.Context, when string) error {
	for _, m := range r.c.Meanwhile {
		if m.When != when {
			continue
		}
		id := r.ids[m.Task]
		if when == "running" {
			select {
			case <-r.begun[id]:
			case <-ctx.Done():
				return fmt.Errorf("task %s did not begin", id)
			}
		}
		for when == "waiting" {
			task, err := r.queue.Get(ctx, id)
			if err != nil {
				return err
			}
			// If a scheduled task waits for signals, its handler has begun and was suspended.
			if task.State == "scheduled" && len(task.WaitsFor) > 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		var err error
		switch m.Do {
		case "cancel":
			_, err = r.queue.Cancel(ctx, id)
		case "signal":
			_, err = r.queue.Signal(ctx, id, m.Event, m.Data)
		default:
			err = fmt.Errorf("%q is not known", m.Do)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare waits for the tasks and compares them with the expected results. The tasks that have to end are compared
// first.
func (r *runner) compare(ctx context.Context) error {
	for _, ends := range []bool{true, false} {
		for i, expected := range r.c.Expect {
			var state string
			if text := expected["state"]; text != nil {
				_ = json.Unmarshal(text, &state)
			}
			if ends != (&holdfast.TaskView{State: state}).Ended() {
				continue
			}
			get := r.queue.Get
			if ends {
				get = r.queue.Wait
			}
			task, err := get(ctx, r.ids[i])
			if err != nil {
				return fmt.Errorf("task %d: %w", i, err)
			}
			for field, want := range expected {
				if err := r.compareField(i, task, field, want); err != nil {
					return fmt.Errorf("task %d: %s: %w", i, field, err)
				}
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c.Order != nil && !slices.Equal(r.c.Order, r.order) {
		return fmt.Errorf("the order is %v, not %v", r.order, r.c.Order)
	}
	return nil
}

func (r *runner) compareField(i int, task *holdfast.TaskView, field string, text json.RawMessage) error {
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		return err
	}
	parsed := func(text json.RawMessage) (value any) {
		_ = json.Unmarshal(text, &value) // null for an empty text
		return value
	}
	var got any
	switch field {
	case "state":
		got = task.State
	case "attempts":
		got = float64(task.Attempts)
	case "result":
		got = parsed(task.Result)
	case "key":
		got = task.Key
	case "priority":
		got = task.Priority
	case "deadReason":
		got = task.DeadReason
	case "lastError":
		line, _, _ := strings.Cut(task.LastError, "\n")
		if got = line; strings.Contains(line, want.(string)) {
			return nil
		}
	case "progress":
		got = parsed(task.Progress)
	case "log":
		lines, _ := json.Marshal(task.Log)
		got = parsed(lines)
	case "sameAs":
		want, got = r.ids[int(want.(float64))], r.ids[i]
	default:
		return errors.New("this field is not known")
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got %v, not %v", got, want)
	}
	return nil
}
