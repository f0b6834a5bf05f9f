package heapdump

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const token = "0123456789abcdef"

// What every dump begins with.
var magic = []byte("go1.7 heap dump\n")

func forget() { last = time.Time{} }

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func server(t *testing.T, o Options) *httptest.Server {
	t.Helper()
	o.Token, o.Log = token, quiet()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	h, err := Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	forget()
	return s
}

func ask(t *testing.T, method, url, token string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestADumpIsWholeAndItsOwnersAlone(t *testing.T) {
	forget()
	dir := t.TempDir()
	path, err := Take(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, magic) || b[len(b)-1] != 0 {
		t.Errorf("%d bytes that are no whole dump", len(b))
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".heapdump-*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestASecondDumpWaits(t *testing.T) {
	forget()
	o := Options{Dir: t.TempDir(), Every: time.Hour}
	if _, err := Take(o); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(o); err != ErrBusy {
		t.Errorf("%v where it should be busy", err)
	}
}

// A disk that is full after `bytes`.
func limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Skip(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: bytes, Max: before.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) })
}

func size(t *testing.T) uint64 {
	t.Helper()
	forget()
	path, err := Take(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(info.Size())
}

// Its zeros are most of the dump, so that where it is cut is a zero byte.
var ballast = make([]byte, 8<<20)

func TestWhatIsCutOffIsAnErrorAndLeavesNothing(t *testing.T) {
	whole := size(t)
	for _, bytes := range []uint64{1 << 20, whole + 100} {
		t.Run("", func(t *testing.T) {
			forget()
			dir := t.TempDir()
			limitFiles(t, bytes)
			if path, err := Take(Options{Dir: dir}); err == nil {
				t.Errorf("%s is whole with %d bytes", path, bytes)
			}
			if names, _ := os.ReadDir(dir); len(names) > 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
	if len(ballast) == 0 {
		t.Fatal("no ballast")
	}
}

func TestAMissingDirectoryIsAnError(t *testing.T) {
	forget()
	if _, err := Take(Options{Dir: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("no error without a directory")
	}
}

func TestNoHandlerWithoutAToken(t *testing.T) {
	for _, short := range []string{"", "short"} {
		if _, err := Handler(Options{Token: short}); err == nil {
			t.Errorf("a handler with the token %q", short)
		}
	}
}

func TestTheHandlerAsksForItsToken(t *testing.T) {
	s := server(t, Options{})
	for _, wrong := range []string{"", "wrong", token + "x"} {
		if status, body := ask(t, "POST", s.URL, wrong); status != 401 || bytes.Contains(body, magic) {
			t.Errorf("token %q: status %d", wrong, status)
		}
	}
	if status, _ := ask(t, "GET", s.URL, token); status != 405 {
		t.Errorf("GET: status %d", status)
	}
}

func TestTheHandlerSendsADumpAndKeepsNone(t *testing.T) {
	dir := t.TempDir()
	s := server(t, Options{Dir: dir})
	status, body := ask(t, "POST", s.URL, token)
	if status != 200 || !bytes.HasPrefix(body, magic) || body[len(body)-1] != 0 {
		t.Errorf("status %d, %d bytes", status, len(body))
	}
	if status, _ = ask(t, "POST", s.URL, token); status != 429 {
		t.Errorf("at once again: status %d", status)
	}
	if names, _ := os.ReadDir(dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestADumpMayStay(t *testing.T) {
	s := server(t, Options{})
	status, body := ask(t, "POST", s.URL+"?keep=1", token)
	path := strings.TrimSpace(string(body))
	if _, err := os.Stat(path); status != 200 || err != nil {
		t.Errorf("status %d, %q: %v", status, path, err)
	}
}

func TestASignalTakesADump(t *testing.T) {
	forget()
	dir := t.TempDir()
	stop := OnSignal(Options{Dir: dir, Log: quiet()}, syscall.SIGUSR2)
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 400; i++ {
		if names, _ := filepath.Glob(filepath.Join(dir, "*.heapdump")); len(names) == 1 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Error("no dump within ten seconds")
}
