// Package heapdump takes heap dumps of a running Go program for `seep heap`:
// over HTTP, guarded by a token, or on a signal.
//
// debug.WriteHeapDump stops the whole program while it writes, some 130 to 270
// MB of live heap a second, and writes everything the program holds in memory,
// passwords and user data among it. So nothing here works without being asked
// for by name: the handler needs a token, at most one dump is taken at a time
// and one in a period, and files are readable by their owner alone.
//
//	h, err := heapdump.Handler(heapdump.Options{
//		Token: os.Getenv("HEAPDUMP_TOKEN"),
//		Dir:   "/var/tmp",
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("/debug/heapdump", h)
//
//	stop := heapdump.OnSignal(heapdump.Options{Dir: "/var/tmp"}, syscall.SIGUSR2)
//	defer stop()
package heapdump

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Options of Take, Handler and OnSignal. The zero value takes dumps into the
// system's directory for temporary files, at most one a minute.
type Options struct {
	// Dir is where dumps are written; os.TempDir() when empty. It needs room
	// for 1.3 times the live heap.
	Dir string

	// Token must be sent as "Authorization: Bearer TOKEN". Handler refuses to
	// be made without one of at least 16 bytes.
	Token string

	// Every is the least time between two dumps; a minute when 0.
	Every time.Duration

	// Log is told what was done; the standard logger when nil.
	Log *log.Logger
}

// ErrBusy is given while another dump is taken, and before Every has passed.
var ErrBusy = errors.New("heapdump: another dump is being taken, or was a moment ago")

const tokenBytesLeast = 16

// One dump at a time in the whole program, whoever asks: a second one would
// stop it again at once.
var (
	mu   sync.Mutex
	last time.Time
)

func (o *Options) every() time.Duration {
	if o.Every > 0 {
		return o.Every
	}
	return time.Minute
}

func (o *Options) dir() string {
	if o.Dir != "" {
		return o.Dir
	}
	return os.TempDir()
}

func (o *Options) logf(format string, args ...interface{}) {
	if o.Log != nil {
		o.Log.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// Take collects garbage, writes a dump and returns its path. The file has its
// name, ending in .heapdump, only when it is whole.
func Take(o Options) (string, error) {
	if !mu.TryLock() {
		return "", ErrBusy
	}
	defer mu.Unlock()
	if !last.IsZero() && time.Since(last) < o.every() {
		return "", ErrBusy
	}
	path, err := write(o.dir())
	// A failed attempt has stopped the program, too.
	last = time.Now()
	return path, err
}

func write(dir string) (path string, err error) {
	f, err := os.CreateTemp(dir, ".heapdump-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("heapdump: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	// Twice: what finalizers held is free after the second. What is not live
	// would only hide what is.
	runtime.GC()
	runtime.GC()
	var live runtime.MemStats
	runtime.ReadMemStats(&live)
	debug.WriteHeapDump(f.Fd())
	if err = checkWhole(f, int64(live.HeapAlloc)); err != nil {
		return "", err
	}
	if err = f.Close(); err != nil {
		return "", fmt.Errorf("heapdump: %w", err)
	}
	name := fmt.Sprintf("%s-%d-%s.heapdump", filepath.Base(os.Args[0]),
		os.Getpid(), time.Now().UTC().Format("20060102T150405.000Z"))
	path = filepath.Join(dir, name)
	if err = os.Rename(f.Name(), path); err != nil {
		return "", fmt.Errorf("heapdump: %w", err)
	}
	return path, nil
}

// The runtime ignores errors of its writes (a full disk). A whole dump has all
// that is live, and its last record is one zero byte; where there was no room,
// there is none for a little more either. What still slips through (a disk that
// was full for a moment) `seep heap` finds.
func checkWhole(f *os.File, live int64) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("heapdump: %w", err)
	}
	end := []byte{1}
	if info.Size() > 0 {
		if _, err = f.ReadAt(end, info.Size()-1); err != nil {
			return fmt.Errorf("heapdump: %w", err)
		}
	}
	// A tenth may have been freed after it was counted.
	if end[0] != 0 || info.Size() < live-live/10 {
		return fmt.Errorf("heapdump: cut off after %d bytes: no room left in %s?",
			info.Size(), filepath.Dir(f.Name()))
	}
	if _, err = f.WriteAt(make([]byte, 64<<10), info.Size()); err != nil {
		return fmt.Errorf("heapdump: cut off after %d bytes: %w", info.Size(), err)
	}
	if err = f.Truncate(info.Size()); err != nil {
		return fmt.Errorf("heapdump: %w", err)
	}
	return nil
}

// Handler answers a POST with a dump, and with ?keep=1 with the path of a file
// that stays on the machine. Its dump is sent after it was written, so that a
// slow network does not keep the program stopped.
func Handler(o Options) (http.Handler, error) {
	if len(o.Token) < tokenBytesLeast {
		return nil, fmt.Errorf("heapdump: a token of at least %d bytes is needed", tokenBytesLeast)
	}
	want := sha256.Sum256([]byte(o.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Authorization")
		got := strings.TrimPrefix(given, "Bearer ")
		sum := sha256.Sum256([]byte(got))
		if got == given || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "heapdump: the token is missing or wrong", http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "heapdump: POST, since the program stops meanwhile", http.StatusMethodNotAllowed)
			return
		}
		o.serve(w, r)
	}), nil
}

func (o *Options) serve(w http.ResponseWriter, r *http.Request) {
	path, err := Take(*o)
	if errors.Is(err, ErrBusy) {
		w.Header().Set("Retry-After", fmt.Sprint(int(o.every()/time.Second)+1))
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	if err != nil {
		o.logf("%v", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	o.logf("heapdump: %s, asked for by %s", path, r.RemoteAddr)
	if r.FormValue("keep") == "1" {
		fmt.Fprintln(w, path)
		return
	}
	defer os.Remove(path)
	f, err := os.Open(path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", filepath.Base(path)))
	if info, err := f.Stat(); err == nil {
		w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
	}
	io.Copy(w, f)
}

// OnSignal takes a dump into o.Dir whenever one of the signals arrives, until
// the returned function is called.
func OnSignal(o Options, signals ...os.Signal) (stop func()) {
	arrived := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(arrived, signals...)
	go func() {
		for {
			select {
			case <-arrived:
				if path, err := Take(o); err != nil {
					o.logf("%v", err)
				} else {
					o.logf("heapdump: %s", path)
				}
			case <-done:
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(arrived)
			close(done)
		})
	}
}
