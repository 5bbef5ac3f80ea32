package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast/holdfast-go"
)

// action is one step of a handler in a test case.
type action struct {
	Do, Name, Message, Line, Scope string
	Value                          json.RawMessage
	Fields                         []string
	DelayMs                        int64
	Of                             json.RawMessage
}

// named is an error with the name that the test case wants.
type named struct{ name, message string }

func (e *named) Error() string     { return e.message }
func (e *named) ErrorName() string { return e.name }

// next returns the actions for the current run of the task.
func (r *runner) next(task *holdfast.Task) action {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.order, task.Type) {
		r.order = append(r.order, task.Type)
	}
	does, isKnown := r.does[task.Type]
	if !isKnown {
		does = r.does[""]
	}
	run := r.runs[task.ID]
	r.runs[task.ID]++
	if begun := r.begun[task.ID]; begun != nil && run == 0 {
		close(begun)
	}
	if len(does) == 0 {
		return action{Do: "fail", Name: "Error", Message: "the case does not say what this type does"}
	}
	return does[min(run, len(does)-1)]
}

func (r *runner) handle(ctx context.Context, task *holdfast.Task) (any, error) {
	return r.do(ctx, task, r.next(task))
}

func (r *runner) handleBatch(_ context.Context, tasks []*holdfast.Task) error {
	for _, task := range tasks {
		result, err := r.do(task.Context(), task, r.next(task))
		if err != nil {
			task.Fail(err)
		} else {
			task.Complete(result)
		}
	}
	return nil
}

func (r *runner) do(ctx context.Context, task *holdfast.Task, a action) (any, error) {
	switch a.Do {
	case "return":
		return a.Value, nil
	case "echo":
		all := map[string]any{"payload": task.Payload, "type": task.Type, "attempt": task.Attempt, "tags": task.Tags}
		told := map[string]any{}
		for _, field := range a.Fields {
			told[field] = all[field]
		}
		return told, nil
	case "fail":
		return nil, &named{a.Name, a.Message}
	case "fatal":
		return nil, holdfast.Fatal(errors.New(a.Message))
	case "cancel":
		return nil, holdfast.Cancel(a.Message)
	case "retryAfter":
		return nil, holdfast.RetryAfter(ms(a.DelayMs), nil)
	case "postpone":
		return nil, holdfast.Postpone(ms(a.DelayMs))
	case "rateLimited":
		return nil, holdfast.RateLimited(ms(a.DelayMs), a.Scope)
	case "progress":
		return nil, task.Progress(ctx, a.Value)
	case "checkpoint":
		return nil, task.Checkpoint(ctx, a.Value)
	case "log":
		return nil, task.Log(ctx, a.Line)
	case "readCheckpoint":
		var value any
		_, err := task.ReadCheckpoint(ctx, &value)
		return value, err
	case "children":
		return children(ctx, task)
	case "waitUntilCancelled":
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case "steps":
		return r.steps(ctx, task, a.Of)
	case "payload":
		var own action
		if err := strict(task.Payload, &own); err != nil {
			return nil, holdfast.Fatal(err)
		}
		return r.do(ctx, task, own)
	case "sequence":
		var of []action
		if err := strict(a.Of, &of); err != nil {
			return nil, holdfast.Fatal(err)
		}
		var result any
		for _, one := range of {
			var err error
			if result, err = r.do(ctx, task, one); err != nil {
				return nil, err
			}
		}
		return result, nil
	}
	return nil, holdfast.Fatal(fmt.Errorf("%q is not known", a.Do))
}

func children(ctx context.Context, task *holdfast.Task) (any, error) {
	type child struct {
		Name   string          `json:"name"`
		State  string          `json:"state"`
		Result json.RawMessage `json:"result"`
	}
	all := []child{}
	for one, err := range task.Children(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, child{one.Name, one.State, one.Result})
	}
	slices.SortFunc(all, func(a, b child) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// steps runs durable steps and returns their results.
func (r *runner) steps(ctx context.Context, task *holdfast.Task, text json.RawMessage) (any, error) {
	var of []struct {
		Step, Call     string
		Value, Payload json.RawMessage
		Counts         bool
		Sleep          int64
		WaitFor        []string
		TimeoutMs      int64
	}
	if err := strict(text, &of); err != nil {
		return nil, holdfast.Fatal(err)
	}
	results := []any{}
	for _, one := range of {
		var result any
		var err error
		switch {
		case one.Step != "":
			result, err = holdfast.Step(ctx, one.Step, func(context.Context) (any, error) {
				if !one.Counts {
					return one.Value, nil
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				r.counts[task.ID+" "+one.Step]++
				return r.counts[task.ID+" "+one.Step], nil
			})
		case one.Sleep > 0:
			err = holdfast.Sleep(ctx, ms(one.Sleep))
		case one.Call != "":
			result, err = holdfast.Call[any](ctx, one.Call, one.Payload, nil)
		default:
			timeout := ms(one.TimeoutMs)
			if timeout == 0 {
				timeout = 365 * 24 * time.Hour
			}
			var signal *holdfast.Signal
			if signal, err = holdfast.WaitFor(ctx, timeout, one.WaitFor...); signal != nil {
				result = map[string]any{"event": signal.Event, "data": signal.Data}
			}
		}
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}
