package spawn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Ready is what the emulator prints when it listens.
type Ready struct {
	URL     string `json:"url"`
	Control string `json:"control"`
}

var emulator Ready

// TestMain starts one emulator for all tests of the package.
func TestMain(m *testing.M) {
	program := os.Getenv("WFI_EMULATOR")
	if program == "" {
		program = "wfi-emulator"
	}
	command := exec.Command(program, "--port", "0", "--ready", "json", "--exit-with-parent", "--log", "off")
	command.Stderr = os.Stderr
	// The pipe to its standard input is what ties its life to ours.
	input, _ := command.StdinPipe()
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		panic(err)
	}
	if err := json.NewDecoder(output).Decode(&emulator); err != nil {
		panic(program + " has not become ready: " + err.Error())
	}
	status := m.Run()
	input.Close()
	command.Wait()
	os.Exit(status)
}

// World is a test's own world: its own entities, faults, journal, and clock. A refusal by the emulator ends the test.
type World struct {
	// URL is the base URL, without a version.
	URL string
	// GraphURL is the base URL of v1.0.
	GraphURL string
	t        testing.TB
	path     string
}

// Entry is a request in the journal, with the members that tests look at most. Request and Response have headers and bodies.
type Entry struct {
	Number   int             `json:"number"`
	Method   string          `json:"method"`
	Target   string          `json:"target"`
	Status   int             `json:"status"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
}

// Object is a JSON object: a fault rule, an expectation, a state.
type Object = map[string]any

var worlds sync.Map

// world returns the world of a test. The emulator completes the label, so that no two tests share one.
func world(t testing.TB) *World {
	if known, ok := worlds.Load(t); ok {
		return known.(*World)
	}
	var made struct{ Name, URL string }
	w := &World{t: t, path: emulator.Control + "/worlds"}
	w.call(http.MethodPost, "", Object{"label": t.Name()}, &made)
	w.URL, w.GraphURL = made.URL, made.URL+"/v1.0"
	w.path += "/" + url.PathEscape(made.Name)
	worlds.Store(t, w)
	t.Cleanup(func() { worlds.Delete(t) })
	return w
}

// Faults returns the fault rules in force, with their counts.
func (w *World) Faults() []Object {
	w.t.Helper()
	var state struct{ Faults []Object }
	w.call(http.MethodGet, "/faults", nil, &state)
	return state.Faults
}

// SetFaults replaces the fault rules: objects, or names of ready-made ones. Without rules, there are no faults.
func (w *World) SetFaults(rules ...any) {
	w.t.Helper()
	w.call(http.MethodPut, "/faults", append([]any{}, rules...), nil)
}

// Expect fails the test unless the journal has the requests that are expected, such as {"method": "PATCH", "times": 1}.
func (w *World) Expect(expectation Object) {
	w.t.Helper()
	var verdict struct {
		Holds bool
		Text  string
	}
	if w.call(http.MethodPost, "/journal/verify", expectation, &verdict); !verdict.Holds {
		w.t.Error(verdict.Text)
	}
}

// Journal returns the requests of the world, or those that match options such as "method=PATCH".
func (w *World) Journal(query string) []Entry {
	w.t.Helper()
	var journal struct{ Entries []Entry }
	w.call(http.MethodGet, "/journal?"+query, nil, &journal)
	return journal.Entries
}

// Exchanges returns the journal as the text of exchanges, for snapshots.
func (w *World) Exchanges() string {
	w.t.Helper()
	return w.call(http.MethodGet, "/journal?format=exchange", nil, nil)
}

// Finding is what a client does wrong with one subject, such as an operation.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Subject  string `json:"subject"`
	Detail   string `json:"detail"`
	Better   string `json:"better"`
	Source   string `json:"source"`
	Count    int    `json:"count"`
}

// Report is what clients do wrong in a world, the worst first.
type Report struct {
	Requests int
	Findings []Finding
}

// Rules is a selection of the rules of a report: all without the allowed ones, or only some. Severity is the least severe finding: error,
// warning, or note. If it is empty, reports have all, and AssertCleanClient has errors and warnings.
type Rules struct {
	Allow, Only []string
	Severity    string
}

func (r Rules) query(format string) string {
	values := url.Values{"format": {format}, "allow": {strings.Join(r.Allow, ",")}, "only": {strings.Join(r.Only, ",")}}
	if r.Severity != "" {
		values.Set("severity", r.Severity)
	}
	return values.Encode()
}

// Report returns what clients do wrong in the world.
func (w *World) Report(rules Rules) Report {
	w.t.Helper()
	var report Report
	w.call(http.MethodGet, "/report?"+rules.query("json"), nil, &report)
	return report
}

// ReportText returns the report as a text: text, junit, sarif, or html.
func (w *World) ReportText(format string, rules Rules) string {
	w.t.Helper()
	return w.call(http.MethodGet, "/report?"+rules.query(format), nil, nil)
}

// AssertCleanClient fails the test with the findings, if there are any, and if the world has got no requests.
func (w *World) AssertCleanClient(rules Rules) {
	w.t.Helper()
	if rules.Severity == "" {
		rules.Severity = "warning"
	}
	report := w.Report(rules)
	if len(report.Findings) > 0 {
		w.t.Error("the client is not clean\n\n" + strings.TrimSpace(w.ReportText("text", rules)))
	} else if report.Requests == 0 {
		w.t.Error("no requests to check\n" + strings.TrimSpace(w.ReportText("text", rules)))
	}
}

// State returns the entities of the world, in a member for each collection.
func (w *World) State() Object {
	w.t.Helper()
	var state Object
	w.call(http.MethodGet, "/state", nil, &state)
	return state
}

// SetState replaces the collections that the replacement has.
func (w *World) SetState(replacement any) {
	w.t.Helper()
	w.call(http.MethodPut, "/state", replacement, nil)
}

// SetBehaviors sets behaviors by their names.
func (w *World) SetBehaviors(changes map[string]string) {
	w.t.Helper()
	w.call(http.MethodPatch, "/behaviors", changes, nil)
}

// Clock is the clock of a world, or a change of it.
type Clock struct {
	Now     string  `json:"now,omitempty"`
	Advance float64 `json:"advance,omitempty"`
	Running *bool   `json:"running,omitempty"`
}

// Clock returns the clock.
func (w *World) Clock() Clock {
	w.t.Helper()
	var clock Clock
	w.call(http.MethodGet, "/clock", nil, &clock)
	return clock
}

// SetClock sets, advances by seconds, freezes, or starts the clock.
func (w *World) SetClock(change Clock) {
	w.t.Helper()
	w.call(http.MethodPut, "/clock", change, nil)
}

// Reset restores the initial state, and clears faults and journal.
func (w *World) Reset() {
	w.t.Helper()
	w.call(http.MethodPost, "/reset", nil, nil)
}

// call sends a request to the control API, and returns its answer as text and, if asked for, as a value.
func (w *World) call(method, path string, body, value any) string {
	w.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, w.path+path, content)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s was refused with %d: %s", method, path, response.StatusCode, text)
	}
	if err == nil && value != nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}
