package holdfast_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
)

// lossy is a connection that can lose an answer: the service has handled the request, but the client gets an error.
type lossy struct {
	lose func(*http.Request) bool
	lost atomic.Int64
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	loses := l.lose(r)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && loses {
		l.lost.Add(1)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return response, err
}

// counted is a handler that counts how often each task runs.
type counted struct {
	mu   sync.Mutex
	runs map[string]int
}

func (c *counted) handle(_ context.Context, task *holdfast.Task) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[task.ID]++
	return task.Payload, nil
}

func (c *counted) count(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs[id]
}

// enqueue stores tasks with the payloads 0, 1, 2 and so on.
func enqueue(t *testing.T, ctx context.Context, queue *holdfast.Queue, count int) []string {
	t.Helper()
	tasks := make([]holdfast.NewTask, count)
	for i := range tasks {
		tasks[i] = holdfast.NewTask{Type: "t", Payload: i}
	}
	ids := make([]string, count)
	for i, result := range must[[]holdfast.Enqueued](t)(queue.EnqueueMany(ctx, tasks)) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		ids[i] = result.ID
	}
	return ids
}

func TestNoVerdictIsLostWhenAnswersAreLost(t *testing.T) {
	queue, ctx := setup(t)
	handler := &counted{runs: map[string]int{}}
	connection := &lossy{lose: func(r *http.Request) bool { return rand.IntN(2) == 0 && !strings.HasSuffix(r.URL.Path, "/heartbeat") }}
	stop := work(t, queue, holdfast.WorkerOptions{Concurrency: 20, OnError: func(error) {},
		Connection: holdfast.Connection{URL: services.worker, HTTPClient: &http.Client{Transport: connection}}},
		func(w *holdfast.Worker) { w.Handle("*", handler.handle) })
	for i, id := range enqueue(t, ctx, queue, 300) {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		equal(t, "result", string(task.Result), fmt.Sprint(i))
		equal(t, "attempts", task.Attempts, 1)
		equal(t, "runs", handler.count(id), 1)
	}
	stop()
	if connection.lost.Load() < 10 {
		t.Fatalf("only %d answers were lost", connection.lost.Load())
	}
}

func TestBrokenConnectionsCostNoTask(t *testing.T) {
	queue, ctx := setup(t)
	handler := &counted{runs: map[string]int{}}
	client := &http.Client{Transport: breaking{}}
	stop := work(t, queue, holdfast.WorkerOptions{Concurrency: 20, Lease: 2 * time.Second, OnError: func(error) {},
		Connection: holdfast.Connection{URL: services.worker, HTTPClient: client}},
		func(w *holdfast.Worker) { w.Handle("*", handler.handle) })
	for i, id := range enqueue(t, ctx, queue, 200) {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		equal(t, "result", string(task.Result), fmt.Sprint(i))
	}
	stop()
}

// breaking breaks every third request at a random time, so that the service may or may not have handled it.
type breaking struct{}

func (breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	if rand.IntN(3) > 0 {
		return http.DefaultTransport.RoundTrip(r)
	}
	ctx, cancel := context.WithTimeout(r.Context(), rand.N(4*time.Millisecond))
	defer cancel()
	response, err := http.DefaultTransport.RoundTrip(r.WithContext(ctx))
	if err == nil {
		response.Body.Close()
		err = errors.New("the answer was lost")
	}
	return nil, err
}

func TestKilledServiceCostsNoTask(t *testing.T) {
	queue, ctx := setup(t)
	var mu sync.Mutex
	var leasesLost atomic.Int64
	runs := map[string]int{}
	work(t, queue, holdfast.WorkerOptions{Concurrency: 50, OnError: func(err error) {
		if errors.Is(err, holdfast.ErrLeaseLost) {
			leasesLost.Add(1)
		}
	}}, func(w *holdfast.Worker) {
		w.Handle("*", func(_ context.Context, task *holdfast.Task) (any, error) {
			time.Sleep(rand.N(20 * time.Millisecond))
			mu.Lock()
			defer mu.Unlock()
			runs[task.ID]++
			return task.Payload, nil
		})
	})
	ids := enqueue(t, ctx, queue, 1_500)
	done := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(runs)
	}
	for kill := range 3 {
		until(t, "some tasks ran", func() bool { return done() > 300*(kill+1) })
		services.workerAPI.kill()
		services.workerAPI.run()
	}
	// On a very slow machine, the service may be away for longer than a lease. Then a task may run twice.
	twice := 0
	for i, id := range ids {
		task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
		equal(t, "result", string(task.Result), fmt.Sprint(i))
		mu.Lock()
		if runs[id] > 1 {
			twice++
		}
		mu.Unlock()
	}
	if lost := int(leasesLost.Load()); twice > lost {
		t.Fatalf("%d tasks ran twice, and %d leases were lost", twice, lost)
	}
}

func TestRefusedWorkerReturnsTheReason(t *testing.T) {
	queue, ctx := setup(t)
	worker := holdfast.NewWorker("no..queue", holdfast.WorkerOptions{Connection: holdfast.Connection{URL: services.worker}})
	worker.Handle("*", (&counted{}).handle)
	err := worker.Run(ctx)
	var told *holdfast.APIError
	if !errors.As(err, &told) || told.Code != "invalid_queue_name" {
		t.Fatalf("%s: got %v", queue.Name, err)
	}
}

func TestIdleWorkerAsksOnceAndStartsATaskAtOnce(t *testing.T) {
	queue, ctx := setup(t)
	var requests atomic.Int64
	client := &http.Client{Transport: &lossy{lose: func(*http.Request) bool { requests.Add(1); return false }}}
	began := make(chan time.Time, 1)
	work(t, queue, holdfast.WorkerOptions{Lease: time.Second, Connection: holdfast.Connection{URL: services.worker, HTTPClient: client}},
		func(w *holdfast.Worker) {
			w.Handle("*", func(context.Context, *holdfast.Task) (any, error) { began <- time.Now(); return nil, nil })
		})
	time.Sleep(3 * time.Second)
	equal(t, "requests of an idle worker in 3 s", requests.Load(), 1)
	start := time.Now()
	must[*holdfast.Receipt](t)(queue.Enqueue(ctx, "t", nil, nil))
	if took := (<-began).Sub(start); took > time.Second {
		t.Fatalf("the task began after %s", took)
	}
}

func TestLeaseThatIsLostEndsTheHandler(t *testing.T) {
	queue, ctx := setup(t)
	var silent atomic.Bool
	client := &http.Client{Transport: silentHeartbeats{&silent}}
	causes := make(chan error, 1)
	work(t, queue, holdfast.WorkerOptions{Lease: time.Second, OnError: func(error) {},
		Connection: holdfast.Connection{URL: services.worker, HTTPClient: client}}, func(w *holdfast.Worker) {
		w.Handle("*", func(ctx context.Context, task *holdfast.Task) (any, error) {
			if silent.CompareAndSwap(false, true) {
				<-ctx.Done()
				causes <- context.Cause(ctx)
				silent.Store(false)
			}
			return task.Attempt, nil
		})
	})
	id := enqueue(t, ctx, queue, 1)[0]
	task := must[*holdfast.TaskView](t)(queue.Wait(ctx, id))
	equal(t, "cause", <-causes, holdfast.ErrLeaseLost)
	equal(t, "state", task.State, "completed")
}

// silentHeartbeats loses heartbeats while it is silent.
type silentHeartbeats struct{ silent *atomic.Bool }

func (s silentHeartbeats) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.silent.Load() && strings.HasSuffix(r.URL.Path, "/heartbeat") {
		return nil, errors.New("the connection was refused")
	}
	return http.DefaultTransport.RoundTrip(r)
}
