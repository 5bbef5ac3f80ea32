// A worker over HTTP in a separate process. Its handlers and its history lines are those of worker.mjs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/holdfast/holdfast-go"
)

var options struct {
	Queue, API, History  string
	Concurrency, LeaseMs int
}

var history *os.File

// mono is the monotonic clock of the machine, which all actors share, in ms.
func mono() float64 {
	const clockMonotonic = 1
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Nano()) / 1e6
}

func tell(op, phase string, more map[string]any) {
	more["op"], more["phase"], more["mono"], more["redisMs"] = op, phase, mono(), time.Now().UnixMilli()
	line, _ := json.Marshal(more)
	// Each line is written by one call, so that a SIGKILL cannot lose earlier lines.
	history.Write(append(line, '\n'))
}

func told(handler holdfast.Handler) holdfast.Handler {
	return func(ctx context.Context, t *holdfast.Task) (any, error) {
		tell("run", "invoke", map[string]any{"id": t.ID, "token": t.Token, "attempt": t.Attempt})
		return handler(ctx, t)
	}
}

type payload struct{ Ms, Failures int }

func main() {
	check(json.Unmarshal([]byte(os.Args[1]), &options))
	var err error
	history, err = os.OpenFile(options.History, os.O_WRONLY|os.O_APPEND, 0)
	check(err)
	worker := holdfast.NewWorker(options.Queue, holdfast.WorkerOptions{
		Connection:  holdfast.Connection{URL: options.API},
		Concurrency: options.Concurrency,
		Lease:       time.Duration(options.LeaseMs) * time.Millisecond,
		OnSettled: func(s holdfast.Settled) {
			phase := "ok"
			if s.Outcome == "stale" {
				phase = "info"
			}
			tell("settle", phase, map[string]any{"id": s.TaskID, "token": s.Token, "attempt": s.Attempt, "outcome": s.Outcome})
		},
	})
	worker.Handle("sleep", told(func(ctx context.Context, t *holdfast.Task) (any, error) {
		return nil, work(ctx, t)
	}))
	worker.Handle("flaky", told(func(ctx context.Context, t *holdfast.Task) (any, error) {
		return nil, work(ctx, t)
	}))
	tell("process", "invoke", map[string]any{"what": "ready"})
	check(worker.Run(context.Background()))
}

func work(ctx context.Context, t *holdfast.Task) error {
	var p payload
	if err := t.Bind(&p); err != nil {
		return err
	}
	time.Sleep(time.Duration(p.Ms) * time.Millisecond)
	if t.Attempt <= p.Failures {
		return fmt.Errorf("attempt %d fails", t.Attempt)
	}
	return nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
