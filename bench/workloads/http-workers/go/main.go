// A worker over HTTP with an empty handler.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/holdfast/holdfast-go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	worker := holdfast.NewWorker("bench", holdfast.WorkerOptions{
		Connection: holdfast.Connection{URL: os.Getenv("HOLDFAST_WORKER_URL")},
	})
	worker.Handle("noop", func(context.Context, *holdfast.Task) (any, error) { return nil, nil })
	if err := worker.Run(ctx); err != nil {
		panic(err)
	}
}
