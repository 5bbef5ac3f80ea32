package holdfast_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
)

// services are real services of this repository, which all tests of this package share.
var services *stack

type stack struct {
	redis     string
	producer  string
	worker    string
	workerAPI *process
	missing   string // why the services do not run; "" if they run
	processes []*process
}

func TestMain(m *testing.M) {
	services = startStack()
	if services.missing != "" {
		fmt.Fprintf(os.Stderr, "SKIPPED: the tests of the Go client with real services, because %s\n", services.missing)
	}
	os.Setenv("HOLDFAST_URL", services.producer)
	os.Setenv("HOLDFAST_WORKER_URL", services.worker)
	code := m.Run()
	for _, p := range services.processes {
		p.kill()
	}
	os.Exit(code)
}

func startStack() *stack {
	s := &stack{}
	root, _ := filepath.Abs("../..")
	main := func(service string) string { return filepath.Join(root, "services", service, "dist", "main.js") }
	for _, tool := range []string{"redis-server", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			s.missing = tool + " is not installed"
			return s
		}
	}
	for _, service := range []string{"producer-api", "worker-api", "janitor"} {
		if _, err := os.Stat(main(service)); err != nil {
			s.missing = "the repository is not built: " + main(service) + " is missing"
			return s
		}
	}
	ports := make([]string, 4)
	for i := range ports {
		ports[i] = freePort()
	}
	s.redis = "redis://127.0.0.1:" + ports[0]
	s.producer = "http://127.0.0.1:" + ports[1]
	s.worker = "http://127.0.0.1:" + ports[2]
	s.start("redis-server", []string{"--port", ports[0], "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"})
	s.start("node", []string{main("producer-api")}, "PORT="+ports[1], "REDIS_URL="+s.redis)
	s.workerAPI = s.start("node", []string{main("worker-api")}, "WORKER_API_PORT="+ports[2], "REDIS_URL="+s.redis)
	s.start("node", []string{main("janitor")}, "METRICS_PORT="+ports[3], "REDIS_URL="+s.redis)
	for _, url := range []string{s.producer, s.worker} {
		if err := ready(url); err != nil {
			s.missing = err.Error()
			return s
		}
	}
	return s
}

func freePort() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func ready(url string) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(url + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("%s was not ready after 30 s", url)
}

// process is a service that a test may kill and start again.
type process struct {
	name string
	args []string
	env  []string
	cmd  *exec.Cmd
}

func (s *stack) start(name string, args []string, env ...string) *process {
	p := &process{name: name, args: args, env: append(env, "PATH="+os.Getenv("PATH"), "LOG_LEVEL=error")}
	s.processes = append(s.processes, p)
	p.run()
	return p
}

func (p *process) run() {
	p.cmd = exec.Command(p.name, p.args...)
	p.cmd.Env, p.cmd.Stderr = p.env, os.Stderr
	p.cmd.Dir = os.TempDir()
	if err := p.cmd.Start(); err != nil {
		panic(err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

var queues atomic.Int64

// setup returns a new queue, and a function that runs a worker of it until the test ends or calls the stop.
func setup(t *testing.T) (*holdfast.Queue, context.Context) {
	t.Helper()
	if services.missing != "" {
		t.Skip("SKIPPED: " + services.missing)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	name := fmt.Sprintf("go-%d-%d", os.Getpid(), queues.Add(1))
	return holdfast.NewQueue(name, holdfast.Connection{URL: services.producer}), ctx
}

// work runs a worker in the background. It returns a function that stops the worker, and fails the test if Run has
// failed.
func work(t *testing.T, queue *holdfast.Queue, options holdfast.WorkerOptions, register func(*holdfast.Worker)) (stop func()) {
	t.Helper()
	if options.URL == "" {
		options.URL = services.worker
	}
	if options.OnError == nil {
		options.OnError = func(err error) { t.Log("worker:", err) }
	}
	worker := holdfast.NewWorker(queue.Name, options)
	register(worker)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error("Run:", err)
			}
		case <-time.After(40 * time.Second):
			t.Error("the worker did not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

// must returns a function that returns its value, or fails the test if there is an error.
func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// until waits until a condition is true, and fails the test after 20 seconds.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited, but this did not happen: " + what)
		}
	}
}
