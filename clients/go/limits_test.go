package holdfast_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
)

func TestNoMoreTasksRunThanConcurrencyAllows(t *testing.T) {
	queue, ctx := setup(t)
	var running, most atomic.Int64
	work(t, queue, holdfast.WorkerOptions{Concurrency: 7}, func(w *holdfast.Worker) {
		w.Handle("*", func(context.Context, *holdfast.Task) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(rand.N(5 * time.Millisecond))
			return nil, nil
		})
	})
	for _, id := range enqueue(t, ctx, queue, 200) {
		equal(t, "state", must[*holdfast.TaskView](t)(queue.Wait(ctx, id)).State, "completed")
	}
	equal(t, "most at one time", most.Load(), 7)
}

func TestRefusedVerdictFailsItsTaskOnly(t *testing.T) {
	queue, ctx := setup(t)
	ids := enqueue(t, ctx, queue, 50)
	work(t, queue, holdfast.WorkerOptions{MaxRetries: holdfast.Ptr(0)}, func(w *holdfast.Worker) {
		w.Handle("*", func(_ context.Context, task *holdfast.Task) (any, error) {
			if string(task.Payload) == "17" {
				return nil, holdfast.RateLimited(time.Second, "nonsense")
			}
			return task.Payload, nil
		})
	})
	for i, id := range ids {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		if i != 17 {
			equal(t, "result", string(task.Result), fmt.Sprint(i))
			continue
		}
		equal(t, "state", task.State, "dead")
		if !strings.Contains(task.LastError, "was refused") || !strings.Contains(task.LastError, "scope") {
			t.Fatalf("got %q", task.LastError)
		}
	}
}

func TestResultThatIsTooLargeCompletesWithoutIt(t *testing.T) {
	queue, ctx := setup(t)
	told := make(chan error, 1)
	work(t, queue, holdfast.WorkerOptions{OnError: func(err error) { told <- err }}, func(w *holdfast.Worker) {
		w.Handle("*", func(context.Context, *holdfast.Task) (any, error) { return strings.Repeat("x", 70_000), nil })
	})
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, enqueue(t, ctx, queue, 1)[0]))
	equal(t, "state", task.State, "completed")
	equal(t, "result", string(task.Result), "")
	if err := <-told; !strings.Contains(err.Error(), "70002 bytes") {
		t.Fatalf("got %v", err)
	}
}

func TestLargeResultsAreSentInSeveralRequests(t *testing.T) {
	queue, ctx := setup(t)
	ids := enqueue(t, ctx, queue, 200)
	all := make(chan struct{})
	var here atomic.Int64
	work(t, queue, holdfast.WorkerOptions{Concurrency: 200}, func(w *holdfast.Worker) {
		w.Handle("*", func(context.Context, *holdfast.Task) (any, error) {
			if here.Add(1) == 200 { // all verdicts come at the same time
				close(all)
			}
			<-all
			return strings.Repeat("x", 60_000), nil
		})
	})
	for _, id := range ids {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		equal(t, "state", task.State, "completed")
		equal(t, "bytes", len(task.Result), 60_002)
	}
}

func TestBatchWaitsForMoreTasks(t *testing.T) {
	queue, ctx := setup(t)
	sizes := make(chan int, 10)
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) {
		w.HandleBatch("*", holdfast.BatchOptions{Max: 3, Wait: 2 * time.Second}, func(_ context.Context, tasks []*holdfast.Task) error {
			sizes <- len(tasks)
			return nil
		})
	})
	start := time.Now()
	for range 3 {
		enqueue(t, ctx, queue, 1)
	}
	equal(t, "a full batch", <-sizes, 3)
	if took := time.Since(start); took > 1900*time.Millisecond {
		t.Errorf("a full batch waited for %s", took)
	}
	start = time.Now()
	enqueue(t, ctx, queue, 2)
	equal(t, "a batch that has waited", <-sizes, 2)
	if took := time.Since(start); took < 1900*time.Millisecond {
		t.Errorf("a batch began after %s", took)
	}
}

func TestStopAtAnyTimeLeavesNoTaskBehind(t *testing.T) {
	queue, ctx := setup(t)
	var ids []string
	for range 12 {
		handler := &counted{runs: map[string]int{}}
		stop := work(t, queue, holdfast.WorkerOptions{Concurrency: 5, Grace: -1}, func(w *holdfast.Worker) { w.Handle("*", handler.handle) })
		more := make(chan []string)
		go func() {
			time.Sleep(rand.N(20 * time.Millisecond))
			var some []string
			for range 5 {
				receipt, err := queue.Enqueue(ctx, "t", len(some), nil)
				if err == nil {
					some = append(some, receipt.ID)
				}
			}
			more <- some
		}()
		time.Sleep(rand.N(40 * time.Millisecond))
		stop()
		ids = append(ids, <-more...)
		for _, id := range ids {
			task := must[*holdfast.TaskView](t)(queue.Get(ctx, id))
			if task.State != "pending" && task.State != "completed" {
				t.Fatalf("task %s is %s after the stop", id, task.State)
			}
		}
	}
	equal(t, "tasks", len(ids), 60)
}

func TestDrainedWorkerTakesNoTaskUntilItIsResumed(t *testing.T) {
	queue, ctx := setup(t)
	work(t, queue, holdfast.WorkerOptions{}, func(w *holdfast.Worker) { w.Handle("*", (&counted{runs: map[string]int{}}).handle) })
	first := must[*holdfast.TaskView](t)(queue.Wait(ctx, enqueue(t, ctx, queue, 1)[0]))
	operator := func(command string) {
		t.Helper()
		cmd := exec.Command("node", "../../packages/cli/bin/holdfast.js", "worker", command, first.WorkerID)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "REDIS_URL=" + services.redis}
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	operator("drain")
	time.Sleep(3 * time.Second) // the service checks for expired registrations every two seconds
	id := enqueue(t, ctx, queue, 1)[0]
	time.Sleep(500 * time.Millisecond)
	equal(t, "state", must[*holdfast.TaskView](t)(queue.Get(ctx, id)).State, "pending")
	operator("resume")
	equal(t, "state", must[*holdfast.TaskView](t)(queue.Wait(ctx, id)).State, "completed")
}

// acquireAndDie acquires a task and never settles it, like a worker whose process dies.
func acquireAndDie(t *testing.T, queue *holdfast.Queue, workerID string) (granted int) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"workerId": workerID, "requestId": 1, "want": 1, "waitMs": 10_000, "leaseMs": 1_000})
	response, err := http.Post(services.worker+"/v1/queues/"+queue.Name+"/work/acquire", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var told struct{ Tasks []struct{ ID string } }
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	return len(told.Tasks)
}

func TestTaskThatCrashedItsWorkersRunsAlone(t *testing.T) {
	queue, ctx := setup(t)
	suspect := must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "suspect", nil, nil))
	for n := range 2 {
		equal(t, "granted", acquireAndDie(t, queue, fmt.Sprint("dies-", n)), 1)
		until(t, "the crash is noticed", func() bool {
			return must[*holdfast.TaskView](t)(queue.Get(ctx, suspect.ID)).Crashes == n+1
		})
	}
	var mu sync.Mutex
	running, alone := 0, false
	enter := func(by int) (others int) {
		mu.Lock()
		defer mu.Unlock()
		running += by
		return running
	}
	work(t, queue, holdfast.WorkerOptions{Concurrency: 10}, func(w *holdfast.Worker) {
		w.Handle("suspect", func(context.Context, *holdfast.Task) (any, error) {
			defer enter(-1)
			if enter(1) > 1 {
				return nil, holdfast.Fatal(errors.New("it does not run alone"))
			}
			mu.Lock()
			alone = true
			mu.Unlock()
			time.Sleep(200 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			alone = false
			return nil, nil
		})
		w.Handle("*", func(context.Context, *holdfast.Task) (any, error) {
			defer enter(-1)
			enter(1)
			mu.Lock()
			beside := alone
			mu.Unlock()
			if beside {
				return nil, holdfast.Fatal(errors.New("it ran beside the suspect"))
			}
			time.Sleep(10 * time.Millisecond)
			return nil, nil
		})
	})
	ids := enqueue(t, ctx, queue, 100)
	for _, id := range append(ids, suspect.ID) {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		equal(t, "state of "+task.Type+" "+task.LastError, task.State, "completed")
	}
}
