package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A lane is a series of requests, one at a time. While one lane waits in a long poll, the two others settle in
	// turns: one waits for its answer, and the other gathers the next verdicts.
	lanes = 3
	// The most tasks, and the most verdicts, of one request.
	callTasks = 500
	// The most bytes of verdicts in one request. Larger ones are split into several requests.
	callBytes      = 4 << 20
	pollTime       = 30 * time.Second
	requestTimeout = 15 * time.Second
	// How long a stopping worker waits for an answer that is not about a verdict.
	lastRequest = 5 * time.Second
	resultBytes = 64 << 10
)

// run is the state of a worker between its start and its stop.
type run struct {
	w     *Worker
	id    string
	fixed settings

	handlers    context.Context // the parent of the contexts of all handlers
	requests    context.Context // ends when no more requests are sent
	endRequests context.CancelFunc
	polls       context.Context // ends when the worker stops polling
	endPolls    context.CancelFunc

	mu       sync.Mutex
	changed  sync.Cond
	held     map[string]*Task // token -> task, from the grant until the service has answered the verdict
	running  int              // tasks that occupy a slot
	asked    int              // slots for which open acquires have asked
	acquires int              // acquires that have no answer yet
	polling  bool
	verdicts []verdict
	alone    bool // whether a task runs that has to run alone
	makeRoom bool // whether a task that has to run alone waits until this worker has ended all others
	stopping bool
	err      error // why the service refused the worker
}

// verdict is a verdict in the form in which it is sent.
type verdict struct {
	task      *Task
	text      []byte
	isInstead bool // whether this is a failure that replaces a refused verdict
}

// lane sends requests, one at a time.
type lane struct {
	number int
	last   int64 // the id of the last request
}

// exchange is the content of one request: verdicts, an acquire, or both.
type exchange struct {
	verdicts []verdict
	want     int
	held     int
	isPoll   bool
}

type answer struct {
	Tasks    []wireGrant
	Alone    bool
	MakeRoom bool
	Outcomes []string
	Warnings []string
}

func (r *run) serve(ctx context.Context) error {
	defer r.endRequests()
	var working sync.WaitGroup
	for n := range lanes {
		working.Add(1)
		go func() {
			defer working.Done()
			own := &lane{number: n}
			for x := r.next(); x != nil; x = r.next() {
				r.exchange(own, x)
			}
		}()
	}
	go r.heartbeats()
	select {
	case <-ctx.Done():
	case <-r.polls.Done(): // the service refused the worker
	}
	r.stop()
	grace := time.AfterFunc(max(0, r.w.options.Grace), r.releaseAll)
	defer grace.Stop()
	r.mu.Lock()
	for r.running > 0 {
		r.changed.Wait()
	}
	r.mu.Unlock()
	// Verdicts are sent until even the newest lease must have expired. After that, no verdict can count.
	late := time.AfterFunc(r.w.options.Lease, r.endRequests)
	defer late.Stop()
	working.Wait()
	if r.requests.Err() == nil {
		last, cancel := context.WithTimeout(r.requests, lastRequest)
		defer cancel()
		_, _ = r.heartbeat(last, nil, "stopped") // if this request is lost, the registration expires
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && len(r.verdicts) > 0 {
		r.err = fmt.Errorf("holdfast: the service did not answer, so the verdicts of %d tasks are lost", len(r.verdicts))
	}
	return r.err
}

// stop makes the worker take no more tasks.
func (r *run) stop() {
	r.endPolls()
	r.mu.Lock()
	r.stopping = true
	r.changed.Broadcast()
	r.mu.Unlock()
}

// refuse stops the worker, because the service refuses its requests.
func (r *run) refuse(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.stop()
}

// next waits until there is something to send. It returns nil when the lane has nothing more to do.
func (r *run) next() *exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.requests.Err() != nil {
			return nil
		}
		if len(r.verdicts) > 0 {
			r.gather()
			if len(r.verdicts) == 0 { // another lane has taken the verdicts
				continue
			}
			x := r.take()
			r.ask(x)
			return x
		}
		if r.stopping && r.running == 0 {
			return nil
		}
		if !r.polling {
			x := &exchange{isPoll: true}
			if r.ask(x); x.want > 0 {
				r.polling = true
				return x
			}
		}
		r.changed.Wait()
	}
}

// gather waits briefly for tasks that are about to end, so that their verdicts are sent in the same request.
func (r *run) gather() {
	for before := 0; len(r.verdicts) > before && len(r.verdicts) < callTasks; {
		before = len(r.verdicts)
		r.mu.Unlock()
		runtime.Gosched()
		r.mu.Lock()
	}
}

func (r *run) take() *exchange {
	count, bytes := 0, 0
	for count < len(r.verdicts) && count < callTasks {
		bytes += len(r.verdicts[count].text)
		if count > 0 && bytes > callBytes {
			break
		}
		count++
	}
	x := &exchange{verdicts: r.verdicts[:count:count]}
	r.verdicts = r.verdicts[count:]
	return x
}

// ask adds an acquire to a request if the worker may take tasks now.
func (r *run) ask(x *exchange) {
	if r.stopping || r.alone || (r.makeRoom && r.running+r.acquires > 0) {
		return
	}
	x.want = min(callTasks, r.w.options.Concurrency-r.running-r.asked)
	if x.want <= 0 {
		x.want = 0
		return
	}
	// The service grants a task that has to run alone only if this number is 0. An open acquire may bring tasks, so
	// it counts as well.
	x.held = r.running + r.acquires
	r.asked += x.want
	r.acquires++
}

func (r *run) exchange(l *lane, x *exchange) {
	got, err := r.send(l, x)
	r.mu.Lock()
	if x.want > 0 {
		r.asked -= x.want
		r.acquires--
	}
	if x.isPoll {
		r.polling = false
	}
	for _, v := range x.verdicts {
		delete(r.held, v.task.Token)
	}
	if err != nil {
		if r.requests.Err() != nil { // Run reports these as lost
			r.verdicts = append(r.verdicts, x.verdicts...)
		}
		r.changed.Broadcast()
		r.mu.Unlock()
		return
	}
	tasks := make([]*Task, len(got.Tasks))
	for i := range got.Tasks {
		tasks[i] = r.newTask(&got.Tasks[i])
		tasks[i].route, tasks[i].alone = r.w.find(tasks[i].Type), got.Alone
		r.held[tasks[i].Token] = tasks[i]
	}
	r.running += len(tasks)
	r.alone = r.alone || (got.Alone && len(tasks) > 0)
	if x.want > 0 {
		r.makeRoom = got.MakeRoom
	}
	stopping := r.stopping
	r.changed.Broadcast()
	r.mu.Unlock()
	r.start(tasks, stopping)
	r.tell(x, got)
}

// tell reports the answers to verdicts through OnError and OnSettled.
func (r *run) tell(x *exchange, got *answer) {
	for _, warning := range got.Warnings {
		r.w.options.OnError(errors.New(warning))
	}
	for i, outcome := range got.Outcomes[:min(len(got.Outcomes), len(x.verdicts))] {
		t := x.verdicts[i].task
		// If a poll was interrupted, the service may have handed back its tasks before the worker began them. That is
		// no error.
		if outcome == "stale" && t.begun {
			r.w.options.OnError(fmt.Errorf("task %s: its verdict came too late: %w", t.ID, ErrLeaseLost))
		}
		if r.w.options.OnSettled != nil {
			r.w.options.OnSettled(Settled{t.ID, t.Token, t.Attempt, outcome})
		}
	}
}

// send repeats a request until it is answered. If the service refuses one verdict, the others are still sent.
func (r *run) send(l *lane, x *exchange) (*answer, error) {
	l.last++
	path, body, timeout := r.w.path("acquire"), r.acquireBody(l, x, pollTime), pollTime+requestTimeout
	ctx := r.polls
	if !x.isPoll {
		path, body, timeout, ctx = r.w.path("settle"), r.settleBody(l, x), requestTimeout, r.requests
	}
	got := &answer{}
	tries, err := r.w.api.repeat(ctx, path, body, got, timeout, r.w.options.OnError)
	if x.isPoll && err != nil && r.polls.Err() != nil && !refused(err) {
		// The worker stops and has interrupted its poll. The service may have granted tasks to this poll already. A
		// repeated poll gets these tasks, so that they can be handed back.
		last, cancel := context.WithTimeout(r.requests, lastRequest)
		defer cancel()
		tries, err = r.w.api.repeat(last, path, r.acquireBody(l, x, 0), got, lastRequest, r.w.options.OnError)
	}
	var told *APIError
	switch {
	case err == nil && tries > 1 && len(got.Tasks) > 0:
		return got, r.keepLeased(got)
	case err == nil || !errors.As(err, &told) || !refused(err):
		return got, err
	case len(x.verdicts) == 0 || told.Status == http.StatusUnauthorized || told.Status == http.StatusForbidden ||
		told.Status == http.StatusNotFound || told.Status == http.StatusConflict:
		r.refuse(err)
		return nil, err
	case len(x.verdicts) == 1 && x.verdicts[0].isInstead:
		return &answer{Outcomes: []string{"refused"}}, nil
	case len(x.verdicts) == 1:
		t := x.verdicts[0].task
		err = fmt.Errorf("the verdict of task %s was refused: %w", t.ID, err)
		r.w.options.OnError(err)
		instead := verdict{t, verdictText(t, "fail", map[string]any{"error": describe(err)}), true}
		return r.send(l, &exchange{verdicts: []verdict{instead}})
	}
	half := len(x.verdicts) / 2
	first, err := r.send(l, &exchange{verdicts: x.verdicts[:half]})
	if err != nil {
		return nil, err
	}
	second, err := r.send(l, &exchange{verdicts: x.verdicts[half:]})
	if err != nil {
		return nil, err
	}
	return &answer{Outcomes: append(first.Outcomes, second.Outcomes...), Warnings: append(first.Warnings, second.Warnings...)}, nil
}

// keepLeased drops tasks whose leases have expired. After an outage, an answer can be so old that this has happened.
func (r *run) keepLeased(got *answer) error {
	leases := make([]*Task, len(got.Tasks))
	for i := range got.Tasks {
		leases[i] = &Task{ID: got.Tasks[i].ID, Token: got.Tasks[i].Token}
	}
	states, err := r.heartbeat(r.requests, leases, "running")
	if err != nil {
		return err
	}
	kept := got.Tasks[:0]
	for i, task := range got.Tasks {
		if states[i] != "lost" {
			kept = append(kept, task)
		}
	}
	got.Tasks = kept
	return nil
}

func (r *run) head(l *lane, body []byte) []byte {
	body = append(append(body, `{"workerId":`...), r.fixed.worker...)
	body = strconv.AppendInt(append(body, `,"requestId":`...), l.last, 10)
	body = strconv.AppendInt(append(body, `,"lane":`...), int64(l.number), 10)
	return append(append(body, ','), r.fixed.same...)
}

func (r *run) acquireBody(l *lane, x *exchange, wait time.Duration) []byte {
	return fmt.Appendf(r.head(l, nil), `,"want":%d,"waitMs":%d,"types":%s,"held":%d}`,
		x.want, wait.Milliseconds(), r.fixed.types, x.held)
}

func (r *run) settleBody(l *lane, x *exchange) []byte {
	body := append(r.head(l, make([]byte, 0, 1024+128*len(x.verdicts))), `,"verdicts":[`...)
	for i, v := range x.verdicts {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, v.text...)
	}
	body = append(body, ']')
	if x.want > 0 {
		body = fmt.Appendf(body, `,"acquire":{"want":%d,"types":%s,"held":%d}`, x.want, r.fixed.types, x.held)
	}
	return append(body, '}')
}

// start begins tasks for which the caller has reserved slots.
func (r *run) start(tasks []*Task, stopping bool) {
	together := map[*batch][]*Task{}
	for _, t := range tasks {
		switch {
		case stopping:
			r.finish(t, "unstarted", nil)
		case t.route == nil:
			r.finish(t, "no_handler", nil)
		default:
			r.mu.Lock()
			t.begun = true
			if t.Timeout > 0 {
				t.timer = time.AfterFunc(t.Timeout, func() { r.timeOut(t) })
			}
			r.mu.Unlock()
			if b := t.route.batch; b != nil {
				together[b] = append(together[b], t)
			} else {
				go r.handle(t)
			}
		}
	}
	for b, tasks := range together {
		b.join(r, tasks)
	}
}

var errExited = errors.New("the handler ended its goroutine with runtime.Goexit, as FailNow of package testing does")

func (r *run) handle(t *Task) {
	var result any
	err := errExited
	defer func() {
		if err != nil {
			r.fail(t, err)
		} else {
			r.succeed(t, result)
		}
	}()
	defer caught(&err)
	result, err = t.route.handler(t.ctx, t)
}

// caught turns a panic in the code of the user into an error. It has to be deferred.
func caught(err *error) {
	if value := recover(); value != nil {
		*err = &panicked{value, stackBelow(string(debug.Stack()))}
	}
}

// stackBelow returns the lines of a stack from the panic up to this package.
func stackBelow(stack string) string {
	if _, below, found := strings.Cut(stack, "\npanic("); found {
		if lines := strings.SplitN(below, "\n", 3); len(lines) == 3 {
			stack = lines[2]
		}
	}
	for _, own := range []string{"(*run).handle(", "(*search).call."} {
		stack, _, _ = strings.Cut(stack, "\ngithub.com/holdfast/holdfast-go."+own)
	}
	return stack
}

func (r *run) succeed(t *Task, result any) {
	if t.steps.isSuspended() {
		r.fail(t, ErrSuspended)
		return
	}
	if result == nil {
		r.finish(t, "complete", nil)
		return
	}
	text, err := jsonText(result)
	if err != nil {
		r.fail(t, Fatal(fmt.Errorf("the result has no JSON form: %w", err)))
		return
	}
	if len(text) > resultBytes {
		r.w.options.OnError(fmt.Errorf("task %s completes without its result, which has %d bytes, more than %d",
			t.ID, len(text), resultBytes))
		text = nil
	}
	r.finish(t, "complete", map[string]any{"resultText": string(text)})
}

func (r *run) fail(t *Task, err error) {
	if s := t.steps.isSuspended(); s {
		r.finish(t, "suspend", map[string]any{"until": t.steps.suspended.Until, "events": t.steps.suspended.Events})
		return
	}
	var decision *Decision
	told := map[string]any{"error": describe(err)}
	switch {
	case errors.As(err, &decision):
		switch decision.Verdict {
		case "fail", "postpone":
			told["delayMs"] = delayOf(decision)
		case "rate_limit":
			told = map[string]any{"delayMs": delayOf(decision)}
			if decision.Scope != "" {
				told["scope"] = decision.Scope
			}
		}
		r.finish(t, decision.Verdict, told)
	case r.isCancelled(t):
		r.finish(t, "cancel", told)
	case context.Cause(t.ctx) == ErrLeaseLost:
		r.finish(t, "release", nil) // the failure is not the fault of the task
	default:
		r.finish(t, "fail", told)
	}
}

// delayOf returns the delay of a decision in milliseconds, limited to the range that the service accepts.
func delayOf(d *Decision) int64 {
	switch d.Verdict {
	case "postpone":
		return min(max(1, millis(d.Delay)), 365*24*3_600_000)
	case "rate_limit":
		return min(max(1, millis(d.Delay)), 24*3_600_000)
	}
	return min(max(0, millis(d.Delay)), 365*24*3_600_000)
}

func (s *steps) isSuspended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspended != nil
}

func (r *run) isCancelled(t *Task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.cancelled
}

// finish gives a task its verdict and frees its slot. Only the first verdict of a task counts.
func (r *run) finish(t *Task, name string, more map[string]any) {
	r.end(t, verdictText(t, name, more), nil)
}

func verdictText(t *Task, name string, more map[string]any) []byte {
	text := append(append([]byte(`{"id":`), mustJSON(t.ID)...), `,"token":`...)
	text = append(append(text, mustJSON(t.Token)...), `,"verdict":"`...)
	text = append(append(text, name...), '"')
	for key, value := range more {
		if value != "" {
			text = append(append(append(text, ',', '"'), key...), '"', ':')
			text = append(text, mustJSON(value)...)
		}
	}
	return append(text, '}')
}

// end frees the slot of a task, and ends the context of its handler with this cause. It stores the verdict before it
// ends the context, because the handler may then return at once. Without a verdict, nothing is sent to the service.
func (r *run) end(t *Task, text []byte, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	r.running--
	if t.alone {
		r.alone = false
	}
	if text == nil {
		delete(r.held, t.Token)
	} else {
		r.verdicts = append(r.verdicts, verdict{task: t, text: text})
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.cancel(cause)
	r.changed.Broadcast()
}

// timeOut fails an attempt at its time-out, even if its handler goes on. The service waits a little longer than the
// time-out for this verdict.
func (r *run) timeOut(t *Task) {
	told := wireError{Name: "TimeoutError", Message: fmt.Sprintf("timed out after %d ms", t.Timeout.Milliseconds())}
	r.end(t, verdictText(t, "fail", map[string]any{"error": told}), ErrTimedOut)
}

// releaseAll hands back the running tasks.
func (r *run) releaseAll() {
	r.mu.Lock()
	var tasks []*Task
	for _, t := range r.held {
		if !t.ended {
			tasks = append(tasks, t)
		}
	}
	r.mu.Unlock()
	for _, t := range tasks {
		r.end(t, verdictText(t, "release", nil), ErrStopping)
	}
}

// heartbeats extends the leases, three times per lease. If there are no tasks, it sends nothing, because the polls of
// an idle worker are enough to keep it registered.
func (r *run) heartbeats() {
	every := r.w.options.Lease / 3
	for sleep(r.requests, every) {
		r.mu.Lock()
		tasks := make([]*Task, 0, len(r.held))
		for _, t := range r.held {
			tasks = append(tasks, t)
		}
		state := "running"
		if r.stopping {
			state = "draining"
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(r.requests, every)
		for first := 0; first < len(tasks); first += callTasks {
			some := tasks[first:min(len(tasks), first+callTasks)]
			sentAt := time.Now()
			states, err := r.heartbeat(ctx, some, state)
			if refused(err) {
				r.refuse(err)
			}
			r.renewed(some, states, sentAt)
		}
		cancel()
	}
}

// renewed handles the answer to a heartbeat: it stops the handlers whose tasks were cancelled or whose leases are
// lost. If there was no answer, it stops the handlers whose leases have expired by the clock of this machine.
func (r *run) renewed(tasks []*Task, states []string, sentAt time.Time) {
	for i, t := range tasks {
		state := "unknown"
		if i < len(states) {
			state = states[i]
		}
		r.mu.Lock()
		if state == "renewed" || state == "cancelled" {
			t.leaseUntil = sentAt.Add(r.w.options.Lease)
		}
		isNew := state == "cancelled" && !t.cancelled
		t.cancelled = t.cancelled || isNew
		over := time.Now().After(t.leaseUntil)
		ended := t.ended
		r.mu.Unlock()
		switch {
		case ended:
		case isNew:
			t.cancel(ErrCancelled)
		case state == "lost":
			r.end(t, nil, ErrLeaseLost)
			r.w.options.OnError(fmt.Errorf("task %s: %w", t.ID, ErrLeaseLost))
		case over:
			// The service gave no answer, but it may have extended the lease. In that case the verdict still counts.
			t.cancel(ErrLeaseLost)
		}
	}
}

func (r *run) heartbeat(ctx context.Context, tasks []*Task, state string) ([]string, error) {
	type lease struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	leases := make([]lease, len(tasks))
	for i, t := range tasks {
		leases[i] = lease{t.ID, t.Token}
	}
	body := mustJSON(map[string]any{"workerId": r.id, "leases": leases, "leaseMs": millis(r.w.options.Lease),
		"info": json.RawMessage(r.fixed.info), "state": state})
	var told struct{ Leases []string }
	_, err := r.w.api.repeat(ctx, r.w.path("heartbeat"), body, &told, requestTimeout, r.w.options.OnError)
	if err == nil && len(told.Leases) != len(tasks) {
		err = fmt.Errorf("holdfast: a heartbeat of %d leases got %d answers", len(tasks), len(told.Leases))
	}
	return told.Leases, err
}
