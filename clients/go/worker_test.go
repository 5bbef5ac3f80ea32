package holdfast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
)

func TestTaskGoesFromTheQueueToItsHandlerAndBack(t *testing.T) {
	queue, ctx := setup(t)
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) {
		w.Handle("echo", func(_ context.Context, task *holdfast.Task) (any, error) {
			if task.Queue != queue.Name || task.Key != "acme" || task.Tags[0] != "x" || task.Timeout != time.Minute {
				return nil, holdfast.Fatal(fmt.Errorf("wrong task %+v", task))
			}
			return task.Payload, nil
		})
	})
	payload := json.RawMessage(`{"n": 12345678901234567890, "text": "ä<&>"}`)
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "echo", payload, &holdfast.TaskOptions{
		ID: "one", Key: "acme", Tags: []string{"x"}, Timeout: time.Minute, MaxRetries: holdfast.Ptr(0),
		Keep: &holdfast.Keep{Completed: holdfast.Ptr(time.Hour)}, Backoff: &holdfast.Backoff{Fixed: true, Base: time.Second}}))
	equal(t, "id", receipt.ID, "one")
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, "one"))
	equal(t, "state", task.State, "completed")
	equal(t, "error", task.LastError, "")
	equal(t, "payload", string(task.Payload), string(payload))
	equal(t, "result", string(task.Result), string(payload))
	equal(t, "attempts", task.Attempts, 1)
	again := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "echo", payload, &holdfast.TaskOptions{
		ID: "one", Key: "acme", Tags: []string{"x"}, Timeout: time.Minute, MaxRetries: holdfast.Ptr(0),
		Keep: &holdfast.Keep{Completed: holdfast.Ptr(time.Hour)}, Backoff: &holdfast.Backoff{Fixed: true, Base: time.Second}}))
	if !again.Duplicate || again.WillRun {
		t.Fatalf("got %+v", again)
	}
}

func TestErrorsOfTheServicesHaveTheirCodes(t *testing.T) {
	queue, ctx := setup(t)
	code := func(err error) string {
		var told *holdfast.APIError
		if !errors.As(err, &told) {
			t.Fatalf("no APIError: %v", err)
		}
		return told.Code
	}
	_, err := queue.Get(ctx, "nobody")
	equal(t, "get", code(err), "task_not_found")
	_, err = queue.Enqueue(ctx, "not a type", nil, nil)
	equal(t, "enqueue", code(err), "invalid_argument")
	must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", 1, &holdfast.TaskOptions{ID: "a", Unique: &holdfast.Unique{Key: "u"}}))
	_, err = queue.Enqueue(ctx, "t", 1, &holdfast.TaskOptions{Unique: &holdfast.Unique{Key: "u", OnConflict: "reject"}})
	equal(t, "unique", code(err), "unique_conflict")
	results := must[[]holdfast.Enqueued](t)(queue.EnqueueMany(ctx, []holdfast.NewTask{
		{Type: "t", Payload: 1}, {Type: "t", Payload: 2, Options: &holdfast.TaskOptions{ID: "a"}}}))
	if results[0].Err != nil || results[0].ID == "" {
		t.Fatalf("got %+v", results[0])
	}
	equal(t, "batch", code(results[1].Err), "task_conflict")
}

func TestWaitingTaskIsChangedAndCancelled(t *testing.T) {
	queue, ctx := setup(t)
	must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", 1, &holdfast.TaskOptions{ID: "later", Delay: time.Hour}))
	outcome := must[string](t)(queue.Change(ctx, "later", holdfast.Change{Delay: holdfast.Ptr(time.Minute), Priority: "high",
		Key: holdfast.Ptr("k"), Payload: map[string]int{"n": 2}}))
	equal(t, "change", outcome, "changed")
	task := must[*holdfast.TaskView](t)(queue.Get(ctx, "later"))
	equal(t, "payload", string(task.Payload), `{"n":2}`)
	equal(t, "priority", task.Priority, "high")
	equal(t, "key", task.Key, "k")
	if left := time.Until(task.RunAt); left > time.Minute || left < 30*time.Second {
		t.Fatalf("due in %s", left)
	}
	equal(t, "cancel", must[string](t)(queue.Cancel(ctx, "later")), "cancelled")
	equal(t, "state", must[*holdfast.TaskView](t)(queue.Wait(ctx, "later")).State, "cancelled")
}

func TestManyTasksRunOnce(t *testing.T) {
	queue, ctx := setup(t)
	var runs, settled atomic.Int64
	stop := work(t, queue, holdfast.WorkerOptions{OnSettled: func(s holdfast.Settled) {
		if s.Outcome == "acked" && s.TaskID != "" && s.Token != "" && s.Attempt == 1 {
			settled.Add(1)
		}
	}}, func(w *holdfast.Worker) {
		w.Handle("*", func(context.Context, *holdfast.Task) (any, error) { runs.Add(1); return nil, nil })
	})
	const count = 2_000
	tasks := make([]holdfast.NewTask, count)
	for i := range tasks {
		tasks[i] = holdfast.NewTask{Type: "t", Payload: i}
	}
	results := must[[]holdfast.Enqueued](t)(queue.EnqueueMany(ctx, tasks))
	for _, result := range results {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		equal(t, "state", must[*holdfast.TaskView](t)(queue.Wait(ctx, result.ID)).State, "completed")
	}
	stop()
	equal(t, "runs", runs.Load(), count)
	equal(t, "settled", settled.Load(), count)
}

func TestFailedAttemptsAreTriedAgainAndHaveTheirErrors(t *testing.T) {
	queue, ctx := setup(t)
	work(t, queue, holdfast.WorkerOptions{MaxRetries: holdfast.Ptr(1), Types: map[string]holdfast.TypeOptions{
		"thrice": {MaxRetries: holdfast.Ptr(2)}}}, func(w *holdfast.Worker) {
		fails := func(_ context.Context, task *holdfast.Task) (any, error) {
			if task.Attempt > 1 {
				panic("at the disco")
			}
			return nil, holdfast.RetryAfter(time.Millisecond, errors.New("the first"))
		}
		w.Handle("*", fails)
		w.Handle("thrice", fails)
	})
	fast := &holdfast.TaskOptions{Backoff: &holdfast.Backoff{Fixed: true, Base: time.Millisecond}}
	for taskType, attempts := range map[string]int{"twice": 2, "thrice": 3} {
		receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, taskType, nil, fast))
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, receipt.ID))
		equal(t, "state", task.State, "dead")
		equal(t, "reason", task.DeadReason, "retries_exhausted")
		equal(t, "attempts", task.Attempts, attempts)
		equal(t, "first error", task.History[0].Error, "Error: the first")
		if want := "panic: at the disco\n"; task.LastError[:len(want)] != want {
			t.Fatalf("got %q", task.LastError)
		}
	}
}

func TestCancelEndsTheContextOfTheHandler(t *testing.T) {
	queue, ctx := setup(t)
	begun := make(chan struct{})
	causes := make(chan error, 1)
	work(t, queue, holdfast.WorkerOptions{Lease: time.Second}, func(w *holdfast.Worker) {
		w.Handle("*", func(ctx context.Context, _ *holdfast.Task) (any, error) {
			close(begun)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, ctx.Err()
		})
	})
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", nil, nil))
	<-begun
	equal(t, "cancel", must[string](t)(queue.Cancel(ctx, receipt.ID)), "requested")
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, receipt.ID))
	equal(t, "state", task.State, "cancelled")
	equal(t, "cause", <-causes, holdfast.ErrCancelled)
}

func TestAttemptThatTakesTooLongFailsAtItsTimeout(t *testing.T) {
	queue, ctx := setup(t)
	release := make(chan struct{})
	defer close(release)
	causes := make(chan error, 1)
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) {
		w.Handle("*", func(ctx context.Context, _ *holdfast.Task) (any, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			<-release // this handler ignores its context
			return nil, nil
		})
	})
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", nil, &holdfast.TaskOptions{
		Timeout: 100 * time.Millisecond, MaxRetries: holdfast.Ptr(0)}))
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, receipt.ID))
	equal(t, "state", task.State, "dead")
	equal(t, "error", task.LastError, "TimeoutError: timed out after 100 ms")
	equal(t, "failures", task.Failures, 1)
	equal(t, "cause", <-causes, holdfast.ErrTimedOut)
}

func TestStopLetsTasksEndAndHandsTheOthersBack(t *testing.T) {
	queue, ctx := setup(t)
	begun := make(chan string, 2)
	causes := make(chan error, 1)
	goOn := make(chan struct{})
	stop := work(t, queue, holdfast.WorkerOptions{Grace: 300 * time.Millisecond}, func(w *holdfast.Worker) {
		w.Handle("soon", func(context.Context, *holdfast.Task) (any, error) {
			begun <- "soon"
			<-goOn
			time.Sleep(50 * time.Millisecond)
			return "done", nil
		})
		w.Handle("never", func(ctx context.Context, _ *holdfast.Task) (any, error) {
			begun <- "never"
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, ctx.Err()
		})
	})
	soon := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "soon", nil, nil))
	never := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "never", nil, nil))
	<-begun
	<-begun
	time.AfterFunc(20*time.Millisecond, func() { close(goOn) })
	start := time.Now()
	stop()
	if took := time.Since(start); took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	equal(t, "cause", <-causes, holdfast.ErrStopping)
	equal(t, "soon", must[*holdfast.TaskView](t)(queue.Get(ctx, soon.ID)).State, "completed")
	left := must[*holdfast.TaskView](t)(queue.Get(ctx, never.ID))
	equal(t, "never", left.State, "pending")
	equal(t, "attempts", left.Attempts, 0)
	// After the stop, the worker takes no more tasks.
	late := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "soon", nil, nil))
	time.Sleep(100 * time.Millisecond)
	equal(t, "late", must[*holdfast.TaskView](t)(queue.Get(ctx, late.ID)).State, "pending")
}

func TestReportsAreShown(t *testing.T) {
	queue, ctx := setup(t)
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) {
		w.Handle("*", func(ctx context.Context, task *holdfast.Task) (any, error) {
			var at struct{ Row int }
			found, err := task.ReadCheckpoint(ctx, &at)
			if err != nil || found {
				return at.Row, err
			}
			at.Row = 7
			err = errors.Join(task.Progress(ctx, 50), task.Log(ctx, "half"), task.Checkpoint(ctx, at))
			return nil, holdfast.RetryAfter(0, errors.Join(err, errors.New("again")))
		})
	})
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", nil, nil))
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, receipt.ID))
	equal(t, "result", string(task.Result), "7")
	equal(t, "progress", string(task.Progress), "50")
	equal(t, "log", fmt.Sprint(task.Log), "[half]")
}

func TestStepsSleepWaitAndCall(t *testing.T) {
	queue, ctx := setup(t)
	var charged atomic.Int32
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) {
		w.Handle("pdf", func(_ context.Context, task *holdfast.Task) (any, error) { return string(task.Payload) + "!", nil })
		w.Handle("order", func(ctx context.Context, task *holdfast.Task) (any, error) {
			payment, err := holdfast.Step(ctx, "charge", func(context.Context) (int32, error) { return charged.Add(1), nil })
			if err != nil {
				return nil, err
			}
			if err := holdfast.Sleep(ctx, 1200*time.Millisecond); err != nil {
				return nil, err
			}
			signal, err := holdfast.WaitFor(ctx, time.Hour, "approved", "refused")
			if err != nil {
				return nil, err
			}
			nobody, err := holdfast.WaitFor(ctx, time.Millisecond, "nobody")
			if err != nil {
				return nil, err
			}
			pdf, err := holdfast.Call[string](ctx, "pdf", payment, &holdfast.TaskOptions{Priority: "high"})
			if err != nil {
				return nil, err
			}
			return []any{payment, signal.Event, signal.Data, nobody == nil, pdf, task.Attempt}, nil
		})
	})
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "order", nil, nil))
	until(t, "the task waits for a signal", func() bool {
		task := must[*holdfast.TaskView](t)(queue.Get(ctx, receipt.ID))
		return len(task.WaitsFor) == 2
	})
	equal(t, "signal", must[string](t)(queue.Signal(ctx, receipt.ID, "approved", map[string]string{"by": "Ada"})), "delivered")
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, receipt.ID))
	equal(t, "result", string(task.Result), `[1,"approved",{"by":"Ada"},true,"1!",1]`)
	equal(t, "attempts", task.Attempts, 1)
	_, err := queue.Signal(ctx, receipt.ID, "approved", nil)
	var told *holdfast.APIError
	if !errors.As(err, &told) || told.Code != "too_late" {
		t.Fatalf("got %v", err)
	}
}

func TestBatchTakesTheTasksThatWait(t *testing.T) {
	queue, ctx := setup(t)
	tasks := make([]holdfast.NewTask, 300)
	for i := range tasks {
		tasks[i] = holdfast.NewTask{Type: "row", Payload: i}
	}
	results := must[[]holdfast.Enqueued](t)(queue.EnqueueMany(ctx, tasks))
	var calls, largest atomic.Int64
	work(t, queue, holdfast.WorkerOptions{MaxRetries: holdfast.Ptr(0)}, func(w *holdfast.Worker) {
		w.HandleBatch("row", holdfast.BatchOptions{Max: 100}, func(ctx context.Context, tasks []*holdfast.Task) error {
			calls.Add(1)
			largest.Store(max(largest.Load(), int64(len(tasks))))
			for _, task := range tasks {
				if string(task.Payload) == "17" {
					task.Fail(holdfast.Fatal(errors.New("bad row")))
				} else {
					task.Complete(task.Payload)
				}
			}
			return nil
		})
	})
	for i, result := range results {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, result.ID))
		if i == 17 {
			equal(t, "bad row", task.State+" "+task.LastError, "dead Error: bad row")
		} else {
			equal(t, "result", string(task.Result), fmt.Sprint(i))
		}
	}
	equal(t, "largest", largest.Load(), 100)
	equal(t, "calls", calls.Load(), 3)
}

func TestUnknownTypesAreLeftToOtherWorkers(t *testing.T) {
	queue, ctx := setup(t)
	says := func(text string) func(*holdfast.Worker) {
		return func(w *holdfast.Worker) {
			w.Handle(text+".*", func(context.Context, *holdfast.Task) (any, error) { return text, nil })
		}
	}
	work(t, queue, holdfast.WorkerOptions{}, says("a"))
	b := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "b.x", nil, nil))
	a := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "a.x", nil, nil))
	equal(t, "a", string(must[*holdfast.TaskView](t)(queue.Wait(ctx, a.ID)).Result), `"a"`)
	equal(t, "b", must[*holdfast.TaskView](t)(queue.Get(ctx, b.ID)).State, "pending")
	work(t, queue, holdfast.WorkerOptions{}, says("b"))
	equal(t, "b", string(must[*holdfast.TaskView](t)(queue.Wait(ctx, b.ID)).Result), `"b"`)
}
