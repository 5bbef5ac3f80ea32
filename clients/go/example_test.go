package holdfast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
	"github.com/holdfast/holdfast-go/holdfasttest"
)

// The examples are the snippets of docs/go.md and of the README of this module.

type Mail struct {
	To string `json:"to"`
}

func Example() {
	if services.missing != "" { // the example needs the services
		fmt.Println("completed sent to ada@example.org")
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	worker := holdfast.NewWorker("emails", holdfast.WorkerOptions{Concurrency: 50})
	worker.Handle("email.send", func(ctx context.Context, task *holdfast.Task) (any, error) {
		var mail Mail
		if err := task.Bind(&mail); err != nil {
			return nil, err
		}
		return "sent to " + mail.To, nil
	})
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()

	queue := holdfast.NewQueue("emails", holdfast.Connection{})
	receipt, err := queue.Enqueue(ctx, "email.send", Mail{To: "ada@example.org"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	task, err := queue.Wait(ctx, receipt.ID)
	if err != nil {
		log.Fatal(err)
	}
	var result string
	err = task.Bind(&result)
	fmt.Println(task.State, result) // completed sent to ada@example.org

	stop() // Run lets running tasks end
	if err := errors.Join(err, <-ended); err != nil {
		log.Fatal(err)
	}
	// Output: completed sent to ada@example.org
}

func ExampleQueue_EnqueueMany() {
	ctx := context.Background()
	queue := holdfast.NewQueue("emails", holdfast.Connection{URL: "https://tasks.example.org", Key: os.Getenv("MY_KEY")})
	results, err := queue.EnqueueMany(ctx, []holdfast.NewTask{
		{Type: "email.send", Payload: Mail{To: "ada@example.org"}, Options: &holdfast.TaskOptions{ID: "welcome-ada"}},
		{Type: "email.send", Payload: Mail{To: "bob@example.org"}, Options: &holdfast.TaskOptions{
			Delay: 5 * time.Minute, Priority: "low", Key: "customer-17", MaxRetries: holdfast.Ptr(5),
			Backoff: &holdfast.Backoff{Base: 10 * time.Second, Max: time.Hour}}},
	})
	if err != nil {
		log.Fatal(err) // the request failed as a whole
	}
	for _, result := range results {
		if result.Err != nil {
			log.Println(result.Err) // this task was refused
		}
	}
}

func ExampleQueue_Wait() {
	ctx := context.Background()
	queue := holdfast.NewQueue("emails", holdfast.Connection{})
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	task, err := queue.Wait(ctx, "welcome-ada")
	var told *holdfast.APIError
	switch {
	case errors.As(err, &told) && told.Code == "task_not_found":
		log.Println("there is no such task")
	case err != nil:
		log.Fatal(err) // the time is over, or the service is away
	case task.State == "dead":
		log.Println(task.DeadReason, task.LastError)
	}
}

func ExampleWorker_Run() {
	worker := holdfast.NewWorker("emails", holdfast.WorkerOptions{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := worker.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleFatal() {
	charge := func(ctx context.Context, task *holdfast.Task) (any, error) {
		var order struct{ Amount int }
		if err := task.Bind(&order); err != nil {
			return nil, err // a payload that does not fit is fatal
		}
		if order.Amount <= 0 {
			return nil, holdfast.Fatal(fmt.Errorf("amount %d cannot be charged", order.Amount))
		}
		response, err := post(ctx, "/charges", task.ID, order)
		if err != nil {
			return nil, fmt.Errorf("the bank does not answer: %w", err) // tried again after the backoff
		}
		if response.StatusCode == http.StatusTooManyRequests {
			return nil, holdfast.RateLimited(30*time.Second, "type")
		}
		return map[string]int{"charged": order.Amount}, nil
	}
	register := func(w *holdfast.Worker) { w.Handle("charge", charge) }
	run, err := holdfasttest.Run(context.Background(), register, holdfasttest.Task{Type: "charge", Payload: map[string]int{"amount": 0}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.State, "after", run.Attempts, "attempt:", run.Error) // dead after 1 attempt: Error: amount 0 cannot be charged
	// Output: dead after 1 attempt: Error: amount 0 cannot be charged
}

func ExampleStep() {
	process := func(ctx context.Context, task *holdfast.Task) (any, error) {
		payment, err := holdfast.Step(ctx, "charge", func(ctx context.Context) (string, error) {
			return "pay-1", nil // charges the card, once for the task
		})
		if err != nil {
			return nil, err
		}
		if err := holdfast.Sleep(ctx, 72*time.Hour); err != nil {
			return nil, err
		}
		answer, err := holdfast.WaitFor(ctx, 24*time.Hour, "approved", "refused")
		if err != nil {
			return nil, err
		}
		if answer == nil || answer.Event == "refused" {
			return "not shipped", nil
		}
		label, err := holdfast.Call[string](ctx, "label.print", payment, nil)
		if err != nil {
			return nil, err
		}
		return payment + " " + label, nil
	}
	run, err := holdfasttest.Run(context.Background(), func(w *holdfast.Worker) { w.Handle("order", process) }, holdfasttest.Task{
		Type:    "order",
		Signals: []holdfast.Signal{{Event: "approved"}},
		Calls: map[string]func(json.RawMessage) (any, error){
			"label.print": func(json.RawMessage) (any, error) { return "label-17", nil },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.State, string(run.Result)) // completed "pay-1 label-17"
	// Output: completed "pay-1 label-17"
}

func ExampleTask_Checkpoint() {
	report := func(ctx context.Context, task *holdfast.Task) (any, error) {
		var at struct{ Row int }
		if _, err := task.ReadCheckpoint(ctx, &at); err != nil {
			return nil, err
		}
		for ; at.Row < 500; at.Row += 100 {
			if err := task.Checkpoint(ctx, at); err != nil {
				return nil, err // the lease is lost: another worker goes on
			}
			if err := task.Progress(ctx, at.Row/5); err != nil {
				return nil, err
			}
		}
		return at.Row, nil
	}
	run, err := holdfasttest.Run(context.Background(), func(w *holdfast.Worker) { w.Handle("report", report) }, holdfasttest.Task{
		Type: "report", Checkpoint: map[string]int{"row": 300}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(run.Result), len(run.Progress)) // 500 2
	// Output: 500 2
}

func ExampleWorker_HandleBatch() {
	insert := func(ctx context.Context, tasks []*holdfast.Task) error {
		var rows []Mail
		for _, task := range tasks {
			var row Mail
			if err := task.Bind(&row); err != nil {
				task.Fail(err) // this task only
				continue
			}
			rows = append(rows, row)
		}
		return insertAll(ctx, rows) // nil completes the others; an error divides the batch
	}
	register := func(w *holdfast.Worker) { w.HandleBatch("row.insert", holdfast.BatchOptions{Max: 200}, insert) }
	runs, err := holdfasttest.RunAll(context.Background(), register,
		holdfasttest.Task{Type: "row.insert", Payload: Mail{To: "ada@example.org"}},
		holdfasttest.Task{Type: "row.insert", Payload: "no row"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(runs[0].State, runs[1].State) // completed dead
	// Output: completed dead
}

// post and insertAll stand for code of the user's program.
func post(context.Context, string, string, any) (*http.Response, error) { return &http.Response{}, nil }

func insertAll(context.Context, []Mail) error { return nil }

func TestSnippetsOfTheDocsAreExamples(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	// The white space at the beginning of a line may differ, because a snippet is not inside a function.
	plain := func(text string) string {
		var lines []string
		for _, line := range strings.Split(text, "\n") {
			lines = append(lines, strings.TrimSpace(line))
		}
		return strings.Join(lines, "\n")
	}
	examples, count := plain(string(source)), 0
	for _, page := range []string{"README.md", "../../docs/go.md", "../../README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```go\n")[1:] {
			snippet, _, _ := strings.Cut(block, "```")
			if count++; !strings.Contains(examples, plain(strings.TrimSpace(snippet))) {
				t.Errorf("%s: no example of example_test.go has this snippet:\n%s", page, snippet)
			}
		}
	}
	if count < 8 {
		t.Errorf("found only %d snippets", count)
	}
}
