// Command bench enqueues empty tasks, runs them with one worker, and prints how many tasks ended per second.
//
// go run ./bench [-tasks 10000] [-concurrency 500]
//
// It uses the services of HOLDFAST_URL and HOLDFAST_WORKER_URL, with the key of HOLDFAST_API_KEY.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/holdfast/holdfast-go"
)

func main() {
	tasks := flag.Int("tasks", 10_000, "how many tasks")
	concurrency := flag.Int("concurrency", 500, "how many tasks run at the same time")
	name := flag.String("queue", fmt.Sprintf("bench-%d", time.Now().UnixMilli()), "the queue; it should be empty")
	profile := flag.String("profile", "", "write a CPU profile of the work to this file")
	flag.Parse()
	if err := run(*name, *tasks, *concurrency, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, count, concurrency int, profile string) error {
	ctx := context.Background()
	queue := holdfast.NewQueue(name, holdfast.Connection{})
	all := make([]holdfast.NewTask, count)
	for i := range all {
		all[i] = holdfast.NewTask{Type: "empty"}
	}
	start := time.Now()
	results, err := queue.EnqueueMany(ctx, all)
	if err != nil {
		return err
	}
	for _, result := range results {
		if result.Err != nil {
			return result.Err
		}
	}
	enqueued := perSecond(count, time.Since(start))

	worker := holdfast.NewWorker(name, holdfast.WorkerOptions{Concurrency: concurrency})
	running, stop := context.WithCancel(ctx)
	defer stop()
	var ran atomic.Int64
	worker.Handle("empty", func(context.Context, *holdfast.Task) (any, error) {
		if ran.Add(1) == int64(count) {
			stop() // Run returns when the service has answered the last verdicts
		}
		return nil, nil
	})
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	start = time.Now()
	if err := worker.Run(running); err != nil {
		return err
	}
	worked := perSecond(count, time.Since(start))
	last, err := queue.Get(ctx, results[count-1].ID)
	if err != nil {
		return err
	}
	line, _ := json.Marshal(map[string]any{"tasks": count, "enqueuedPerSecond": enqueued, "workedPerSecond": worked,
		"ran": ran.Load(), "last": last.State})
	fmt.Println(string(line))
	return nil
}

func perSecond(count int, took time.Duration) int { return int(float64(count) / took.Seconds()) }
