package holdfast

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// The search for a bad task stops after this many failed calls in a row. The cause then probably concerns all tasks,
// such as a database that is down. The search for one bad task among 16 needs fewer failed calls.
const failedCalls = 32

// batch gathers the tasks for one HandleBatch.
type batch struct {
	options BatchOptions
	handler BatchHandler
	mu      sync.Mutex
	waiting []*Task
	timer   *time.Timer
}

// join adds tasks. It begins a call as soon as a call is full, or at once if no task has to wait.
func (b *batch) join(r *run, tasks []*Task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, tasks...)
	for len(b.waiting) >= b.options.Max {
		b.call(r, b.options.Max)
	}
	switch {
	case len(b.waiting) == 0 && b.timer != nil:
		b.timer.Stop()
		b.timer = nil
	case len(b.waiting) > 0 && b.options.Wait <= 0:
		b.call(r, len(b.waiting))
	case len(b.waiting) > 0 && b.timer == nil:
		b.timer = time.AfterFunc(b.options.Wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.timer = nil
			if len(b.waiting) > 0 {
				b.call(r, len(b.waiting))
			}
		})
	}
}

func (b *batch) call(r *run, count int) {
	tasks := b.waiting[:count:count]
	b.waiting = b.waiting[count:]
	go (&search{b, r, 0}).run(tasks)
}

// search runs a batch. If a call fails, it finds the tasks that caused this.
type search struct {
	batch  *batch
	r      *run
	failed int // how many calls in a row have failed
}

func (s *search) run(given []*Task) {
	tasks := s.open(given)
	if len(tasks) == 0 {
		return
	}
	err := s.call(tasks)
	if err == nil {
		s.failed = 0
		for _, t := range tasks {
			s.r.succeed(t, nil)
		}
		return
	}
	s.failed++
	var decision *Decision
	concernsAll := errors.As(err, &decision) && decision.Verdict != "fatal" && decision.Verdict != "cancel"
	if len(tasks) == 1 || concernsAll || s.failed >= failedCalls {
		s.failAll(tasks, err)
		return
	}
	left := s.open(tasks)
	half := (len(left) + 1) / 2
	s.run(left[:half])
	if s.failed >= failedCalls {
		s.failAll(left[half:], err)
	} else {
		s.run(left[half:])
	}
}

// call calls the handler in a goroutine of its own, because the handler may end its goroutine (runtime.Goexit).
func (s *search) call(tasks []*Task) error {
	ctx, cancel := together(s.r.handlers, tasks)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		err := errExited
		defer func() { ended <- err }()
		defer caught(&err)
		err = s.batch.handler(ctx, tasks)
	}()
	return <-ended
}

func (s *search) failAll(tasks []*Task, err error) {
	for _, t := range tasks {
		s.r.fail(t, err)
	}
}

// open returns the tasks that have no outcome. A task that was told to stop gets an outcome here, so it does not run
// again.
func (s *search) open(tasks []*Task) []*Task {
	left := make([]*Task, 0, len(tasks))
	for _, t := range tasks {
		if cause := context.Cause(t.ctx); cause != nil {
			s.r.fail(t, cause)
		} else {
			left = append(left, t)
		}
	}
	return left
}

// together returns a context that ends once each task has an outcome or was told to stop.
func together(parent context.Context, tasks []*Task) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	var open atomic.Int64
	open.Store(int64(len(tasks)))
	stops := make([]func() bool, len(tasks))
	for i, t := range tasks {
		stops[i] = context.AfterFunc(t.ctx, func() {
			if open.Add(-1) == 0 {
				cancel(context.Cause(t.ctx))
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}
