package holdfast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
	"github.com/holdfast/holdfast-go/holdfasttest"
)

// inMemory runs a task in memory, with one handler for all types.
func inMemory(t *testing.T, task holdfasttest.Task, handler holdfast.Handler) *holdfasttest.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if task.Type == "" {
		task.Type = "t"
	}
	result, err := holdfasttest.Run(ctx, func(w *holdfast.Worker) { w.Handle("*", handler) }, task)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestResultIsKeptAsItIs(t *testing.T) {
	for _, c := range []struct {
		returned any
		stored   string
	}{
		{nil, ""},
		{map[string]string{"to": "<a&b>"}, `{"to":"<a&b>"}`},
		{json.RawMessage(`{"n": 12345678901234567890}`), `{"n": 12345678901234567890}`},
		{[]int(nil), "null"},
	} {
		got := inMemory(t, holdfasttest.Task{}, func(context.Context, *holdfast.Task) (any, error) { return c.returned, nil })
		equal(t, "state", got.State, "completed")
		equal(t, "result", string(got.Result), c.stored)
	}
}

func TestEachErrorHasItsOutcome(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name     string
		err      error
		state    string
		attempts int
		text     string
	}{
		{"an error", bad, "dead", 4, "Error: bad"},
		{"a wrapped error", fmt.Errorf("send: %w", &json.SyntaxError{}), "dead", 4, "json.SyntaxError: send: "},
		{"fatal", fmt.Errorf("outside: %w", holdfast.Fatal(bad)), "dead", 1, "Error: outside: bad"},
		{"cancel", holdfast.Cancel("the account is closed"), "cancelled", 1, "Error: the account is closed"},
		{"retry after", holdfast.RetryAfter(time.Second, bad), "dead", 4, "Error: bad"},
		{"postpone", holdfast.Postpone(time.Minute), "dead", 4, "Error: postponed for 1m0s"},
		{"no JSON form", nil, "dead", 1, "json.UnsupportedTypeError: the result has no JSON form: json: unsupported type: func()"},
	} {
		got := inMemory(t, holdfasttest.Task{}, func(context.Context, *holdfast.Task) (any, error) { return func() {}, c.err })
		equal(t, c.name+": state", got.State, c.state)
		equal(t, c.name+": attempts", got.Attempts, c.attempts)
		equal(t, c.name+": error", got.Error, c.text)
	}
	if !errors.Is(fmt.Errorf("x: %w", holdfast.Fatal(bad)), bad) {
		t.Fatal("Fatal hides its cause")
	}
}

func TestPanicIsAFailureWithTheStackOfTheHandler(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{MaxRetries: holdfast.Ptr(0)}, func(context.Context, *holdfast.Task) (any, error) {
		var none map[string]int
		none["a"] = 1
		return nil, nil
	})
	equal(t, "state", got.State, "dead")
	equal(t, "error", got.Error, "panic: assignment to entry in nil map")
	if !strings.Contains(got.Stack, "memory_test.go") || strings.Contains(got.Stack, "debug.Stack") ||
		strings.Contains(got.Stack, "(*run)") || strings.Count(got.Stack, "\n") != 1 {
		t.Fatalf("the stack is not that of the handler:\n%s", got.Stack)
	}
}

func TestHandlerThatEndsItsGoroutineFails(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{MaxRetries: holdfast.Ptr(0)}, func(context.Context, *holdfast.Task) (any, error) {
		runtime.Goexit()
		return nil, nil
	})
	equal(t, "state", got.State, "dead")
	results, err := holdfasttest.RunAll(context.Background(), func(w *holdfast.Worker) {
		w.HandleBatch("*", holdfast.BatchOptions{}, func(context.Context, []*holdfast.Task) error { runtime.Goexit(); return nil })
	}, holdfasttest.Task{Type: "t", OneAttempt: true}, holdfasttest.Task{Type: "t", OneAttempt: true})
	if err != nil || !strings.Contains(results[1].Error, "runtime.Goexit") {
		t.Fatalf("got %v, %+v", err, results)
	}
}

func TestPayloadThatDoesNotFitIsNotTriedAgain(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{Payload: "text"}, func(_ context.Context, task *holdfast.Task) (any, error) {
		var payload struct{ To string }
		return nil, task.Bind(&payload)
	})
	equal(t, "state", got.State, "dead")
	equal(t, "attempts", got.Attempts, 1)
}

func TestReportsAndCheckpointAreStored(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{Checkpoint: map[string]int{"row": 5}},
		func(ctx context.Context, task *holdfast.Task) (any, error) {
			var at struct{ Row int }
			found, err := task.ReadCheckpoint(ctx, &at)
			if err != nil || !found {
				return nil, fmt.Errorf("no checkpoint: %w", err)
			}
			at.Row++
			return at.Row, errors.Join(task.Progress(ctx, 50), task.Log(ctx, "half"), task.Checkpoint(ctx, at))
		})
	equal(t, "state", got.State, "completed")
	equal(t, "result", string(got.Result), "6")
	equal(t, "progress", string(got.Progress[0]), "50")
	equal(t, "log", got.Log[0], "half")
	equal(t, "checkpoint", string(got.Checkpoint), `{"Row":6}`)
}

func TestMostExactHandlerRunsATask(t *testing.T) {
	says := func(text string) holdfast.Handler {
		return func(context.Context, *holdfast.Task) (any, error) { return text, nil }
	}
	register := func(w *holdfast.Worker) {
		w.Handle("mail.*", says("prefix"))
		w.Handle("*", says("all"))
		w.Handle("mail.bulk.*", says("longer prefix"))
		w.Handle("mail.send", says("exact"))
	}
	for taskType, want := range map[string]string{"mail.send": "exact", "mail.bulk.x": "longer prefix", "mail.x": "prefix", "x": "all"} {
		got, err := holdfasttest.Run(context.Background(), register, holdfasttest.Task{Type: taskType})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, taskType, string(got.Result), `"`+want+`"`)
	}
	_, err := holdfasttest.Run(context.Background(), func(w *holdfast.Worker) { w.Handle("a", says("a")) }, holdfasttest.Task{Type: "b"})
	if err == nil || !strings.Contains(err.Error(), `no handler for the type "b"`) {
		t.Fatalf("got %v", err)
	}
}

func TestStepsRunOnce(t *testing.T) {
	charged := 0
	got := inMemory(t, holdfasttest.Task{
		Signals: []holdfast.Signal{{Event: "approved", Data: json.RawMessage(`{"by":"Ada"}`)}},
		Calls: map[string]func(json.RawMessage) (any, error){
			"pdf.render": func(payload json.RawMessage) (any, error) { return "pdf of " + string(payload), nil },
		},
	}, func(ctx context.Context, task *holdfast.Task) (any, error) {
		payment, err := holdfast.Step(ctx, "charge", func(context.Context) (int, error) {
			charged++
			return 17, nil
		})
		if err != nil {
			return nil, err
		}
		if task.Attempt == 1 {
			return nil, errors.New("the warehouse does not answer")
		}
		if err := holdfast.Sleep(ctx, 72*time.Hour); err != nil {
			return nil, err
		}
		answer, err := holdfast.WaitFor(ctx, time.Hour, "refused", "approved")
		if err != nil {
			return nil, err
		}
		nobody, err := holdfast.WaitFor(ctx, time.Hour, "refused")
		if err != nil {
			return nil, err
		}
		pdf, err := holdfast.Call[string](ctx, "pdf.render", payment, nil)
		if err != nil {
			return nil, err
		}
		for range 2 {
			if _, err = holdfast.Step(ctx, "page", func(context.Context) (string, error) { return "p", nil }); err != nil {
				return nil, err
			}
		}
		return []any{payment, answer.Event, answer.Data, nobody == nil, pdf}, nil
	})
	equal(t, "error", got.Error, "Error: the warehouse does not answer")
	equal(t, "state", got.State, "completed")
	equal(t, "result", string(got.Result), `[17,"approved",{"by":"Ada"},true,"pdf of 17"]`)
	equal(t, "charged", charged, 1)
	equal(t, "attempts", got.Attempts, 2)
	equal(t, "steps", strings.Join(got.Steps, " "), "charge refused,approved pdf.render page page#2")
}

func TestParallelWaitsSuspendTogether(t *testing.T) {
	var runs, firstRun atomic.Int32
	got := inMemory(t, holdfasttest.Task{}, func(ctx context.Context, _ *holdfast.Task) (any, error) {
		run := runs.Add(1)
		ended := make(chan error, 3)
		for n := range 3 {
			go func() {
				_, err := holdfast.Step(ctx, fmt.Sprint("before ", n), func(context.Context) (int, error) {
					if run == 1 {
						firstRun.Add(1)
					}
					return n, nil
				})
				if err == nil {
					_, err = holdfast.WaitFor(ctx, time.Hour, fmt.Sprint("event-", n))
				}
				ended <- err
			}()
		}
		return nil, errors.Join(<-ended, <-ended, <-ended)
	})
	equal(t, "state", got.State, "completed")
	equal(t, "steps of the first run", firstRun.Load(), 3)
}

func TestASleepInAStepIsRefused(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{}, func(ctx context.Context, _ *holdfast.Task) (any, error) {
		return holdfast.Step(ctx, "outer", func(ctx context.Context) (int, error) { return 0, holdfast.Sleep(ctx, time.Hour) })
	})
	equal(t, "state", got.State, "dead")
	equal(t, "attempts", got.Attempts, 1)
	for _, name := range []string{"", "a#2", strings.Repeat("x", 129)} {
		got := inMemory(t, holdfasttest.Task{}, func(ctx context.Context, _ *holdfast.Task) (any, error) {
			return holdfast.Step(ctx, name, func(context.Context) (int, error) { t.Error("the step ran"); return 0, nil })
		})
		equal(t, "state with the step "+name, got.State, "dead")
	}
}

func TestFailedCallSaysWhichTaskFailed(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{
		MaxRetries: holdfast.Ptr(0),
		Calls:      map[string]func(json.RawMessage) (any, error){"b": func(json.RawMessage) (any, error) { return nil, errors.New("b is dead") }},
	}, func(ctx context.Context, _ *holdfast.Task) (any, error) {
		_, err := holdfast.Call[int](ctx, "b", nil, nil)
		var failed *holdfast.CallError
		if !errors.As(err, &failed) || failed.TaskID != "called" || failed.State != "dead" {
			return nil, fmt.Errorf("got %v", err)
		}
		return nil, err
	})
	equal(t, "error", got.Error, "CallFailed: b is dead")
}

func TestChildrenOfAFlow(t *testing.T) {
	got := inMemory(t, holdfasttest.Task{Children: []holdfast.Child{
		{Name: "a", ID: "f.a", State: "completed", Result: json.RawMessage("1")}, {Name: "b", ID: "f.b", State: "cancelled", SkippedBy: "f.a"},
	}}, func(ctx context.Context, task *holdfast.Task) (any, error) {
		var told []string
		for child, err := range task.Children(ctx) {
			if err != nil {
				return nil, err
			}
			told = append(told, child.Name+" "+child.State+" "+string(child.Result)+child.SkippedBy)
		}
		return told, nil
	})
	equal(t, "result", string(got.Result), `["a completed 1","b cancelled f.a"]`)
}

func TestBatchFindsTheTasksThatFail(t *testing.T) {
	var calls [][]string
	register := func(w *holdfast.Worker) {
		w.HandleBatch("row", holdfast.BatchOptions{Max: 256}, func(_ context.Context, tasks []*holdfast.Task) error {
			var ids []string
			poison := false
			for _, task := range tasks {
				ids = append(ids, task.ID)
				poison = poison || task.ID == "test-100"
				if task.ID == "test-7" {
					task.Fail(holdfast.Fatal(errors.New("a row needs an id")))
				}
			}
			calls = append(calls, ids)
			if poison {
				panic("the insert failed")
			}
			for _, task := range tasks {
				task.Complete(task.ID)
			}
			return nil
		})
	}
	tasks := make([]holdfasttest.Task, 256)
	for i := range tasks {
		tasks[i] = holdfasttest.Task{Type: "row", MaxRetries: holdfast.Ptr(0)}
	}
	results, err := holdfasttest.RunAll(context.Background(), register, tasks...)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		want := "completed"
		if i == 6 || i == 99 {
			want = "dead"
		}
		equal(t, fmt.Sprint("task ", i+1), result.State, want)
	}
	equal(t, "error", results[99].Error, "panic: the insert failed")
	equal(t, "result", string(results[0].Result), `"test-1"`)
	if len(calls) > 17 || len(calls[0]) != 256 {
		t.Fatalf("%d calls, the first with %d tasks", len(calls), len(calls[0]))
	}
}

func TestBatchGivesUpWhenEveryTaskFails(t *testing.T) {
	calls := 0
	register := func(w *holdfast.Worker) {
		w.HandleBatch("*", holdfast.BatchOptions{Max: 500}, func(context.Context, []*holdfast.Task) error {
			calls++
			return errors.New("the database is down")
		})
	}
	tasks := make([]holdfasttest.Task, 300)
	for i := range tasks {
		tasks[i] = holdfasttest.Task{Type: "row", OneAttempt: true}
	}
	results, err := holdfasttest.RunAll(context.Background(), register, tasks...)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "calls", calls, 32)
	for _, result := range results {
		equal(t, "error", result.Error, "Error: the database is down")
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	handler := func(context.Context, *holdfast.Task) (any, error) { return nil, nil }
	for want, worker := range map[string]*holdfast.Worker{
		"no handler":  holdfast.NewWorker("q", holdfast.WorkerOptions{}),
		"Concurrency": with(holdfast.NewWorker("q", holdfast.WorkerOptions{Concurrency: -1}), handler),
		"Lease":       with(holdfast.NewWorker("q", holdfast.WorkerOptions{Lease: time.Millisecond}), handler),
		"Types":       with(holdfast.NewWorker("q", holdfast.WorkerOptions{Types: map[string]holdfast.TypeOptions{"x": {}}}), handler),
		"Max":         batches(holdfast.NewWorker("q", holdfast.WorkerOptions{Concurrency: 10})),
	} {
		if err := worker.Run(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func with(w *holdfast.Worker, handler holdfast.Handler) *holdfast.Worker {
	w.Handle("*", handler)
	return w
}

func batches(w *holdfast.Worker) *holdfast.Worker {
	w.HandleBatch("*", holdfast.BatchOptions{}, func(context.Context, []*holdfast.Task) error { return nil })
	return w
}
